package session

import (
	"net/http"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// flowSuffix begins the names of the cookies with the keys of sign-ins at providers, one for each that is under way, so
// that two tabs do not take each other's.
const flowSuffix = "_flow_"

// flowsMost is how many such cookies are read.
const flowsMost = 20

// SetFlow keeps the key of a sign-in at a provider in this browser.
func (c Cookie) SetFlow(h http.Header, id string, key secret.Token, age time.Duration) {
	c.add(h, flowSuffix+id, string(key), age)
}

// Flow returns the key of a sign-in, by its id. It is empty when there is none, or several.
func (c Cookie) Flow(h http.Header, id string) secret.Token {
	t, _ := Cookie{Name: c.Name + flowSuffix + id}.Read(h)
	return t
}

// Flows returns the ids of the sign-ins that this browser has keys of, as it sent them.
func (c Cookie) Flows(h http.Header) (ids []string) {
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(pair, "=")
			if id, ours := strings.CutPrefix(trim(name), c.Name+flowSuffix); ours && len(ids) < flowsMost {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// ClearFlow removes the key of a sign-in that is over.
func (c Cookie) ClearFlow(h http.Header, id string) { c.add(h, flowSuffix+id, "", 0) }
