package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Forwarded is the headers by which a proxy in front tells the app where visitors see it, besides those that the gate
// sets itself. The zero value is none. Most proxies pass on such a header as the client sent it, unless they set it.
type Forwarded struct{ headers []forwardedHeader }

type forwardedHeader struct {
	name  string
	valid func(string) bool
}

// forwardedHeaders are what Forwarded can have.
var forwardedHeaders = []forwardedHeader{{"X-Forwarded-Port", isPort}, {"X-Forwarded-Prefix", isPrefix}}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '0'
}

// plainPrefix matches paths that no reader takes for another path, for an address or for markup.
var plainPrefix = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*){1,16}/?$`)

// maxForwardedPrefix is in bytes.
const maxForwardedPrefix = 256

func isPrefix(s string) bool { return len(s) <= maxForwardedPrefix && plainPrefix.MatchString(s) }

// ParseForwarded reads a list of names of headers.
func ParseForwarded(list string) (f Forwarded, err error) {
	var faults []error
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		known := false
		for _, h := range forwardedHeaders {
			if strings.EqualFold(entry, h.name) {
				f.headers, known = append(f.headers, h), true
			}
		}
		if !known {
			faults = append(faults, fmt.Errorf("%q is none of X-Forwarded-Port and X-Forwarded-Prefix: the gate sets or "+
				"drops all others itself", entry))
		}
	}
	return f, errors.Join(faults...)
}

// Any reports whether there is a header.
func (f Forwarded) Any() bool { return len(f.headers) > 0 }

// pass copies the headers that a trusted proxy has sent once, with a value that can be meant.
func (f Forwarded) pass(to, from http.Header, peer string, trusted []netip.Prefix) {
	if !f.Any() || !trusts(trusted, peerAddr(peer)) {
		return
	}
	for _, h := range f.headers {
		if sent := from[h.name]; len(sent) == 1 && h.valid(sent[0]) {
			to[h.name] = []string{sent[0]}
		}
	}
}
