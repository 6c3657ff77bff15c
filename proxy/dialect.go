package proxy

import (
	"net/http"
	"slices"
	"strings"
)

// dialect is how one proxy asks whether a request may pass: where it tells of the request, and which answers it
// understands.
type dialect struct {
	name string
	// method, uri and host are the headers in which the proxy tells of the request. When empty, the question has the
	// method and the host of the request itself, and its target behind the path of the dialect.
	method, uri, host string
	// status is the status by which the proxy is told one of the gate's. What is no 200 has to be refused by the proxy.
	status func(int) int
	// bare is whether the proxy drops the body of a refusal.
	bare bool
	// cuts is the header that names what the proxy is to take out of the request; empty: it takes no such list.
	cuts string
}

// dialects are those that are spoken. docs/forward-auth.md says where each proxy documents what stands here.
var dialects = []*dialect{
	{name: "nginx", method: "X-Original-Method", uri: "X-Original-Uri", host: "X-Original-Host",
		status: toNginx, bare: true},
	{name: "traefik", method: "X-Forwarded-Method", uri: "X-Forwarded-Uri", host: "X-Forwarded-Host", status: unchanged},
	{name: "caddy", method: "X-Forwarded-Method", uri: "X-Forwarded-Uri", host: "X-Forwarded-Host", status: unchanged},
	{name: "envoy", status: toEnvoy, cuts: "X-Envoy-Auth-Headers-To-Remove"},
	{name: "haproxy", method: "X-Original-Method", uri: "X-Original-Uri", host: "X-Original-Host", status: unchanged,
		cuts: cutHeader},
}

const (
	// dialectsAt is the path below which each dialect has its name.
	dialectsAt = "/authz/"
	// cutHeader names what a proxy is to take out of the request.
	cutHeader = "X-Gatepost-Cut"
	// statusHeader is the gate's own status, for proxies that are told another one.
	statusHeader = "X-Gatepost-Status"
)

func unchanged(status int) int { return status }

// toNginx is a status that auth_request passes on. It makes 500 of all others.
func toNginx(status int) int {
	switch {
	case status == http.StatusOK:
		return status
	case status == http.StatusUnauthorized, status >= 300 && status < 400:
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

// toEnvoy makes 403 of a fault: Envoy takes 5xx for a gate that is away, which an operator may have told it to let pass
// (failure_mode_allow). It shows the body with either.
func toEnvoy(status int) int {
	if status >= http.StatusInternalServerError {
		return http.StatusForbidden
	}
	return status
}

// dialectOf finds the dialect of a question by its path. For one that has the target of the request behind its path,
// that is returned, too. What stands behind ? counts for no other: some proxies append the visitor's there.
func dialectOf(target string) (d *dialect, rest string) {
	name, ok := strings.CutPrefix(target, dialectsAt)
	if !ok {
		return nil, ""
	}
	for _, d := range dialects {
		rest, ok := strings.CutPrefix(name, d.name)
		switch {
		case !ok:
		case d.uri == "" && rest != "":
			return d, rest
		case d.uri != "" && (rest == "" || rest[0] == '?'):
			return d, ""
		}
	}
	return nil, ""
}

// dialectWriter tells a proxy the answers of the gate.
type dialectWriter struct {
	http.ResponseWriter
	d      *dialect
	origin string // of the public URL
}

// WriteHeader writes a status that the proxy understands. A Location is made absolute: some proxies would resolve it
// against the address of the gate.
func (w *dialectWriter) WriteHeader(status int) {
	h := w.Header()
	if to := h.Get("Location"); strings.HasPrefix(to, "/") {
		h.Set("Location", w.origin+to)
	}
	told := w.d.status(status)
	if told != status {
		setStatus(h, status)
	}
	if w.d.bare {
		h.Set("Content-Length", "0")
		oneChallenge(h)
	}
	w.ResponseWriter.WriteHeader(told)
}

// oneChallenge puts all challenges on one line (RFC 9110, section 11.6.1), as nginx passes on the first line alone.
// That for Basic is the first, as some programs read no further.
func oneChallenge(h http.Header) {
	if lines := h["Www-Authenticate"]; len(lines) > 1 {
		slices.Reverse(lines)
		h["Www-Authenticate"] = []string{strings.Join(lines, ", ")}
	}
}

// Write writes a part of the body, unless the proxy drops it.
func (w *dialectWriter) Write(b []byte) (int, error) {
	if w.d.bare {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *dialectWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
