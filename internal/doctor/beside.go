package doctor

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// usualPorts are the default ports of frameworks.
var usualPorts = []string{"3000", "3001", "4000", "5000", "5173", "8000", "8080", "8081", "8888", "9000"}

// besideTimeout limits requests to addresses where mostly nothing listens, and to firewalls that drop packets.
const besideTimeout = 3 * time.Second

// place is an address where the app should not answer.
type place struct {
	id    string
	site  site
	named bool // known to be the app's, so that an answer is a fault and not a guess
}

// checkBeside looks for the app at addresses that visitors could reach without the gate.
func (e *examination) checkBeside(ctx context.Context) {
	e.checkOps(ctx)
	places := e.places()
	answers := make([]answer, len(places))
	inParallel(len(places), func(i int) { answers[i] = e.knock(ctx, &places[i]) })
	silent := 0
	for i, p := range places {
		e.trace(p.site, request{target: e.c.Protected}, answers[i])
		silent += e.judgePlace(ctx, p, answers[i])
	}
	if silent > 0 {
		e.report.ok("beside", "beside.silent", "no app answers at %s beside the gate", plural(silent, "address"))
	}
}

// knock asks a place for the protected path. A place that speaks TLS is asked again over TLS.
func (e *examination) knock(ctx context.Context, p *place) answer {
	r := request{target: e.c.Protected}
	a := p.site.send(ctx, r)
	if p.site.scheme == "https" || a.err == nil && a.status != http.StatusBadRequest {
		return a
	}
	secure := p.site
	secure.scheme = "https"
	if b := secure.send(ctx, r); b.err == nil {
		p.site = secure
		return b
	}
	return a
}

// places are the addresses from the configuration, from the upstream, and where apps usually listen.
func (e *examination) places() []place {
	var list []place
	seen := map[string]bool{e.site.address: true}
	add := func(id, address string, named bool) {
		if s, ok := e.placeAt(address); ok && !seen[s.address] {
			seen[s.address] = true
			list = append(list, place{id, s, named})
		}
	}
	for _, address := range e.c.Direct {
		add("beside.direct", address, true)
	}
	if host, port, err := net.SplitHostPort(e.c.Upstream); err == nil {
		for _, address := range e.c.Addresses {
			if isLoopback(host) {
				add("beside.address", net.JoinHostPort(address, port), true)
			}
		}
		// Something else may have this port there.
		add("beside.upstream", net.JoinHostPort(e.site.hostname(), port), false)
	}
	for _, port := range e.c.Ports {
		add("beside.port", net.JoinHostPort(e.site.hostname(), port), false)
	}
	return list
}

// placeAt reads host:port or a URL. Its certificate is not checked, as whoever reaches the place can ignore it.
func (e *examination) placeAt(address string) (site, bool) {
	u, err := ParseAddress(address)
	if err != nil {
		return site{}, false
	}
	s, err := newSite(u, nil, min(e.c.Timeout, besideTimeout))
	s.host, s.tls = e.site.host, &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: true,
		NextProtos: []string{"http/1.1"}}
	return s, err == nil
}

// ParseAddress reads an address for Config.Direct: host:port, http://host:port or https://host.
func ParseAddress(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, errAddress
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, errAddress
	}
	return u, nil
}

// judgePlace reports what answers at a place. It returns 1 when nothing does, or the gate itself.
func (e *examination) judgePlace(ctx context.Context, p place, a answer) int {
	if _, gate := e.refusal(a); gate || a.err != nil || e.leadsHome(a) {
		return 1
	}
	same := e.sameApp(ctx, p.site)
	r, at := request{target: e.c.Protected}, p.site.scheme+"://"+p.site.address
	switch {
	case p.named || same && !e.loopback():
		e.found("beside", p.id, Failed, r, a, "the app can be reached beside the gate at %s", at).
			because("Whoever gets there opens every page, and can send X-Auth-User themselves.",
				"Let it listen on 127.0.0.1, on a Unix socket or on a private network.")
	case !e.loopback():
		e.found("beside", p.id, Warning, r, a, "something answers at %s, and it is not the gate", at).
			because("If it is the app, visitors can get past the gate.",
				"If it is, let it listen on 127.0.0.1, on a Unix socket or on a private network.")
	case same:
		e.report.note("beside", p.id, "the app answers at %s too, as it has to where everything runs on one "+
			"machine; from other machines it must not", at)
	default:
		return 1
	}
	return 0
}

// leadsHome reports whether an answer redirects to the same page of the site, as port 80 does beside https.
func (e *examination) leadsHome(a answer) bool {
	to, err := url.Parse(a.header.Get("Location"))
	return err == nil && a.status/100 == 3 && to.Scheme == e.site.scheme && to.Host == e.site.host &&
		to.Path == e.c.Protected
}

// sameApp reports whether the public page is the same at the place as through the gate.
func (e *examination) sameApp(ctx context.Context, s site) bool {
	if !e.page.is2xx() || e.page.body == "" {
		return false
	}
	a := s.send(ctx, request{target: e.c.Public})
	return a.is2xx() && !e.page.differs(a)
}

// checkOps tests whether the gate's metrics are open to everybody.
func (e *examination) checkOps(ctx context.Context) {
	s, ok := e.placeAt(net.JoinHostPort(e.site.hostname(), e.c.OpsPort))
	if !ok || e.loopback() {
		return
	}
	r := request{target: "/metrics"}
	if a := e.askAt(ctx, s, r); a.is2xx() && strings.Contains(a.body, "gatepost_") {
		e.found("beside", "beside.ops", Failed, r, a, "health and metrics of the gate can be read at http://%s",
			s.address).
			because("Anybody can see how much goes on here, and when it fails.",
				"Set GATEPOST_OPS_LISTEN=localhost:"+e.c.OpsPort+", or an address on a private network.")
	}
}
