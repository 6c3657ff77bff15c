package proxy

import (
	"net/http"
	"strings"
	"sync"
)

// TokenPaths say which requests take API tokens. The zero value: none.
type TokenPaths struct {
	rules Rules
	some  bool
	text  string
}

// ParseTokenPaths reads a list like GATEPOST_PUBLIC. Its error has every fault, with the setting and the entry in
// question.
func ParseTokenPaths(setting, s string) (TokenPaths, error) {
	list, err := parseList(setting, s, true)
	if err != nil || len(list) == 0 {
		return TokenPaths{}, err
	}
	// A path is taken where it would be public if all others needed a user: in every reading, and as it is written.
	everything, entries := false, make([]string, 0, len(list))
	for _, ru := range list {
		entries = append(entries, ru.text)
		everything = everything || ru.prefix == "/" && ru.methods == nil
	}
	if !everything {
		list = append(list, rule{text: "/", prefix: "/"})
	}
	return TokenPaths{newRules(list), true, strings.Join(entries, ", ")}, nil
}

// Any reports whether there are any.
func (t TokenPaths) Any() bool { return t.some }

// String is the list, with a comma and a blank between its entries.
func (t TokenPaths) String() string { return t.text }

// Have reports whether every plausible reading of a raw path lies under one of the rules.
func (t TokenPaths) Have(method, rawPath string) bool {
	return t.some && t.rules.For(method, rawPath).Public
}

// narrowed keeps what API tokens are narrowed to, read once. Any number of tokens may have texts of their own.
type narrowed struct {
	mu sync.RWMutex
	by map[string]TokenPaths
}

// narrowedMost bounds it.
const narrowedMost = 1 << 12

// have reports whether a token that is narrowed to a list reaches a path. Without a list it reaches all. A list that
// cannot be read, as somebody may have written by SQL, reaches nothing.
func (n *narrowed) have(list, method, rawPath string) bool {
	if list == "" {
		return true
	}
	n.mu.RLock()
	paths, ok := n.by[list]
	n.mu.RUnlock()
	if !ok {
		paths, _ = ParseTokenPaths("", list)
		n.keep(list, paths)
	}
	return paths.Have(method, rawPath)
}

func (n *narrowed) keep(list string, paths TokenPaths) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.by == nil || len(n.by) >= narrowedMost {
		n.by = map[string]TokenPaths{}
	}
	n.by[list] = paths
}

// tellToken tells the app which API token a request came by, and removes the token itself.
func (x *exchange) tellToken(h http.Header) {
	if x.ownAuthorization {
		delete(h, "Authorization")
	}
	if x.signedIn && x.session.Grant != nil {
		h[tokenIDHeader] = []string{encode(x.session.Grant.ID)}
	}
}
