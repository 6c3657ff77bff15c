package proxy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/internal/spelling"
)

// registered are the methods of IANA's HTTP Method Registry (RFC 9110, section 16.1), the usual ones first, but for *,
// which no request may have. A rule for another method is a typo: apps that answer methods of their own are protected
// by rules without one.
var registered = []string{
	"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
	"ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "CONNECT", "COPY", "LABEL", "LINK", "LOCK", "MERGE",
	"MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PRI", "PROPFIND",
	"PROPPATCH", "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE",
	"UPDATEREDIRECTREF", "VERSION-CONTROL",
}

// parseMethods reads methods with | between them. A protecting rule for nothing but methods that never get past the
// gate is refused: it looks like a protection and is none.
func parseMethods(s string, public bool) ([]string, error) {
	methods := strings.Split(s, "|")
	for i, m := range methods {
		if slices.Contains(methods[:i], m) {
			return nil, fmt.Errorf("names method %s twice", m)
		}
		if !IsMethod(m) {
			return nil, fmt.Errorf("%q is not an HTTP method; did you mean %s? A rule without methods is for all of them",
				m, spelling.Nearest(strings.ToUpper(m), registered))
		}
	}
	if !public && onlyRefused(methods) {
		return nil, fmt.Errorf("the gate answers %s with 405 whoever asks, so this rule never decides; "+
			"leave the method out to protect the path", strings.Join(methods, " and "))
	}
	return methods, nil
}

// IsMethod says whether IANA's registry has a method. Others may be an app's own.
func IsMethod(m string) bool { return slices.Contains(registered, m) }

func onlyRefused(methods []string) bool {
	return methods != nil && !slices.ContainsFunc(methods, func(m string) bool { return !refusedMethod(m) })
}
