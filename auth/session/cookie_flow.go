package session

import (
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// flowSuffix begins the names of the cookies with the keys of sign-ins at providers, one for each that is under way, so
// that two tabs do not take each other's.
const flowSuffix = "_flow_"

// SetFlow keeps the key of a sign-in at a provider in this browser.
func (c Cookie) SetFlow(h http.Header, id string, key secret.Token, age time.Duration) {
	c.add(h, flowSuffix+id, string(key), age)
}

// Flow returns the key of a sign-in, by its id. It is empty when there is none, or several.
func (c Cookie) Flow(h http.Header, id string) secret.Token {
	t, _ := Cookie{Name: c.Name + flowSuffix + id}.Read(h)
	return t
}

// Flows returns the ids of the sign-ins that this browser has keys of, each once, as it sent them. The size of a
// request's header bounds them: a browser may have any number that somebody else gave it.
func (c Cookie) Flows(h http.Header) (ids []string) {
	seen := map[string]bool{}
	for id := range c.flows(h) {
		if !seen[id] {
			seen[id], ids = true, append(ids, id)
		}
	}
	return ids
}

// FlowKeys returns every key that this browser has, also where several cookies have one name: one of them may go, and
// then the other counts.
func (c Cookie) FlowKeys(h http.Header) (keys []secret.Token) {
	for _, key := range c.flows(h) {
		keys = append(keys, key)
	}
	return keys
}

// flows yields the id and the key in each such cookie.
func (c Cookie) flows(h http.Header) iter.Seq2[string, secret.Token] {
	return func(yield func(string, secret.Token) bool) {
		for _, line := range h["Cookie"] {
			for pair := range strings.SplitSeq(line, ";") {
				name, value, _ := strings.Cut(pair, "=")
				id, ours := strings.CutPrefix(trim(name), c.Name+flowSuffix)
				if key, ok := secret.ParseToken(trim(value)); ours && ok && !yield(id, key) {
					return
				}
			}
		}
	}
}

// ClearFlow removes the key of a sign-in that is over.
func (c Cookie) ClearFlow(h http.Header, id string) { c.add(h, flowSuffix+id, "", 0) }
