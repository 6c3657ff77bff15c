package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// Elsewhere says which cookies of other systems name a session that was imported, and until when. Its zero value
// honours none.
type Elsewhere struct {
	// BetterAuth and AuthJS are the secrets with which these systems sign and encrypt their cookies, the current one
	// first. Empty: the cookies of that system count for nothing.
	BetterAuth, AuthJS []secret.Text
	// BetterAuthNames and AuthJSNames are names of cookies in place of the usual ones, without the prefix __Secure-.
	BetterAuthNames, AuthJSNames []string
	// Secure says that the public URL is https: only names with the prefix __Secure- count then, which no page on plain
	// http can set.
	Secure bool
	// Until ends it for everybody, by PostgreSQL's clock.
	Until time.Time
}

// The names of systems, as table imported_session has them in the column source.
const (
	fromBetterAuth = "better-auth"
	fromAuthJS     = "authjs"
	// fromTicket are sessions of Auth.js that are not in its database, so that no import brings or ends them.
	fromTicket = "authjs ticket"
)

// Imported is a session of another system, as one of its cookies presents it. It is only a claim: LookupImported says
// whether there is such a session.
type Imported struct {
	source string
	hash   string // hex SHA-256 of the token
	// brief says that the browser was to forget the cookie when it closes.
	brief bool
	ticket
}

// ticket is what an encrypted cookie of Auth.js says, which has no row before it is first seen. Its zero value is none.
type ticket struct {
	user         string // the id there
	made, expire time.Time
}

// names returns the full names of a system's cookies.
func (e Elsewhere) names(own []string, usual ...string) (list []string) {
	if len(own) > 0 {
		usual = own
	}
	for _, name := range usual {
		if e.Secure {
			name = "__Secure-" + name
		}
		list = append(list, name)
	}
	return list
}

func (e Elsewhere) betterAuthNames() []string {
	if len(e.BetterAuth) == 0 {
		return nil
	}
	return e.names(e.BetterAuthNames, "better-auth.session_token")
}

// betterAuthFamilies are what the names of Better Auth's cookies begin with, before a dot: of that of the session, and
// of those beside it. Where the app gave that of the session a name of its own, the others keep their prefix, which is
// the usual one unless another name tells it.
func (e Elsewhere) betterAuthFamilies() (list []string) {
	known := false
	names := e.betterAuthNames()
	for _, name := range names {
		family, ok := strings.CutSuffix(name, ".session_token")
		list, known = append(list, family), known || ok
	}
	if len(names) > 0 && !known {
		list = append(list, e.names(nil, "better-auth")...)
	}
	return list
}

func (e Elsewhere) authJSNames() []string {
	if len(e.AuthJS) == 0 {
		return nil
	}
	return e.names(e.AuthJSNames, "authjs.session-token", "next-auth.session-token")
}

// Any reports whether there is any cookie that is honoured.
func (e Elsewhere) Any() bool { return len(e.BetterAuth)+len(e.AuthJS) > 0 }

// read finds the session that cookies of other systems present. Of two cookies of one name none is believed: one of
// them may be another's, tossed by a neighbour.
func (e Elsewhere) read(h http.Header) Imported {
	cookies := cookiesOf(h)
	for _, name := range e.betterAuthNames() {
		if token, ok := e.betterAuthToken(cookies.one(name)); ok {
			return Imported{source: fromBetterAuth, hash: secret.Token(token).Hash(), brief: e.brief(cookies)}
		}
	}
	for _, name := range e.authJSNames() {
		if found, ok := e.authJSSession(name, cookies.joined(name)); ok {
			return found
		}
	}
	return Imported{}
}

// cookies are the values of each name.
type cookies map[string][]string

func cookiesOf(h http.Header) cookies {
	list := cookies{}
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if name, value, ok := strings.Cut(pair, "="); ok {
				list[trim(name)] = append(list[trim(name)], trim(value))
			}
		}
	}
	return list
}

// one returns the value of a name; empty when there are several.
func (c cookies) one(name string) string {
	if len(c[name]) != 1 {
		return ""
	}
	return c[name][0]
}

// betterAuthToken returns the token of a signed value, "token.signature", which may be quoted or percent-encoded.
func (e Elsewhere) betterAuthToken(value string) (token string, ok bool) {
	value = strings.Trim(value, `"`)
	if plain, err := url.PathUnescape(value); err == nil {
		value = plain
	}
	dot := strings.LastIndexByte(value, '.')
	if dot < 1 {
		return "", false
	}
	token = value[:dot]
	given, err := base64.StdEncoding.Strict().DecodeString(value[dot+1:])
	if err != nil || len(given) != sha256.Size {
		return "", false
	}
	for _, key := range e.BetterAuth {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(token))
		if subtle.ConstantTimeCompare(mac.Sum(nil), given) == 1 {
			ok = true
		}
	}
	return token, ok
}

// brief reports whether Better Auth's sign-in was not to be remembered, which a cookie beside that of the session says.
func (e Elsewhere) brief(c cookies) bool {
	return slices.ContainsFunc(e.betterAuthFamilies(), func(family string) bool {
		said, ok := e.betterAuthToken(c.one(family + ".dont_remember"))
		return ok && said == "true"
	})
}
