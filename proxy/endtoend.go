package proxy

import (
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// endToEnd copies those headers of a client's that pass, but none of its connection (RFC 9110, section 7.6.1), into an
// empty map. The map of ReverseProxy has no room, and all values in it are copies: it would be filled once more.
func endToEnd(h, sent http.Header, passes func(name string, values []string) bool) {
	for name, values := range sent {
		if !ofConnection(name) && passes(name, values) {
			h[name] = values
		}
	}
	for _, line := range sent["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	if httpguts.HeaderValuesContainsToken(sent["Te"], "trailers") { // the gate passes on the app's
		h["Te"] = trailers
	}
}

// passes reports whether a client may send a header to the app. Of Cookie only the lines pass that Cookie.StripLines
// leaves.
func (a *app) passes(name string, values []string) bool {
	if _, usual := a.usual[name]; !usual && (name == "Expect" || a.identity.strips(name)) {
		return false
	}
	return name == "Cookie" || !a.cookie.Within(values)
}

// usualHeaders are what browsers send, nearly in every request. Whether they are stripped is found out once.
var usualHeaders = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Length", "Content-Type", "Cookie", "Dnt",
	"If-Modified-Since", "If-None-Match", "Origin", "Pragma", "Priority", "Referer", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile",
	"Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-Gpc",
	"Upgrade-Insecure-Requests", "User-Agent",
}

var trailers = []string{"trailers"} // never modified

// ofConnection reports whether a header is about one connection even if Connection does not name it.
func ofConnection(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}
