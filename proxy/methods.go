package proxy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/internal/spelling"
)

// registered are the methods of IANA's HTTP Method Registry (RFC 9110, section 16.1), the usual ones first. The
// entry * is left out, as no request may have it. A rule for any other method is a typo. Apps with methods of their
// own are protected by rules without methods.
var registered = []string{
	"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
	"ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "CONNECT", "COPY", "LABEL", "LINK", "LOCK", "MERGE",
	"MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PRI", "PROPFIND",
	"PROPPATCH", "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE",
	"UPDATEREDIRECTREF", "VERSION-CONTROL",
}

// parseMethods reads methods separated by |. It fails for a protecting rule whose methods the gate refuses anyway,
// as it would protect nothing.
func parseMethods(s string, public bool) ([]string, error) {
	methods := strings.Split(s, "|")
	for i, m := range methods {
		if slices.Contains(methods[:i], m) {
			return nil, fmt.Errorf("names method %s twice", m)
		}
		if !IsMethod(m) {
			return nil, notAMethod(m)
		}
	}
	if !public && onlyRefused(methods) {
		return nil, fmt.Errorf("the gate answers %s with 405 whoever asks, so this rule never decides; "+
			"leave the method out to protect the path", strings.Join(methods, " and "))
	}
	return methods, nil
}

func notAMethod(m string) error {
	if near, ok := spelling.Near(m, registered); ok {
		return fmt.Errorf("%q is not an HTTP method; did you mean %s? A rule without methods is for all of them", m, near)
	}
	return fmt.Errorf("%q is not an HTTP method: GET, POST, PUT, PATCH and DELETE are; a rule without methods is for all "+
		"of them", m)
}

// IsMethod reports whether IANA's registry has a method. Other methods may be an app's own.
func IsMethod(m string) bool { return slices.Contains(registered, m) }

func onlyRefused(methods []string) bool {
	return methods != nil && !slices.ContainsFunc(methods, func(m string) bool { return !refusedMethod(m) })
}
