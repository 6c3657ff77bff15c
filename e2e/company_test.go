package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// company is an app with two gates before it on one database, and a provider whose people may come. Visitors see
// one site: a balancer in front of the gates sends all requests to the one that is its turn.
type company struct {
	*gateway // as visitors see it
	gates    []*gateway
	at       []*url.URL // where each gate listens
	turn     atomic.Int32
	provider *certified
	database string
}

// staff is what the company's provider is called, and withStaff is where its button leads.
const staff, withStaff = "Example Staff", "/login/with/corp"

// startCompany runs all of it until the test ends. more are further settings of the gates.
func startCompany(t *testing.T, more ...string) *company {
	t.Helper()
	needBrowser(t) // without a browser nothing has been built
	c := &company{}
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: c.forward})
	t.Cleanup(front.Close)
	address := strings.Replace(front.URL, "127.0.0.1", "localhost", 1)
	c.provider = startCertified(t, map[string]string{"gate": address})
	app := httptest.NewServer(http.HandlerFunc(tellHeaders))
	t.Cleanup(app.Close)
	name, database := newDatabase(t)
	c.database = name
	settings := append(more, "DATABASE_URL="+database, "GATEPOST_PUBLIC_URL="+address,
		"GATEPOST_UPSTREAM="+app.URL, "GATEPOST_PROTECT=/dashboard", "GATEPOST_HOME=/dashboard",
		"GATEPOST_ENCRYPTION_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	settings = append(settings, c.provider.settings("gate")...)
	for range 2 {
		port := freePort(t)
		g, err := startGateway(exec.Command(site.cmd.Path, "serve"), site.dir, serving,
			append(settings, "GATEPOST_LISTEN=localhost:"+port)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(g.stop(), g.failures()); err != nil {
				t.Error(err)
			}
			if t.Failed() {
				t.Logf("what a gate wrote:\n%s", g.out)
			}
		})
		c.gates = append(c.gates, g)
		c.at = append(c.at, &url.URL{Scheme: "http", Host: "localhost:" + port})
	}
	c.gateway = c.gates[0]
	return c
}

// forward sends a request to the gate whose turn it is.
func (c *company) forward(r *httputil.ProxyRequest) {
	r.SetURL(c.at[c.turn.Load()])
	r.Out.Host = r.In.Host
}

// tellHeaders is an app that shows who the gate says is there.
func tellHeaders(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, `<!doctype html><title>App</title><form method="post" action="/logout"><button>Log out</button></form>`)
	for _, name := range []string{"User", "Email", "Email-Verified", "Name", "Roles"} {
		fmt.Fprintf(w, "<p>%s: %s</p>", name, html.EscapeString(r.Header.Get("X-Auth-"+name)))
	}
}

// certified is npm's oidc-provider, see testdata/oidc-provider.mjs.
type certified struct {
	*program
	issuer string
}

var providing = regexp.MustCompile(`oidc-provider is up at (\S+) on`)

// startCertified runs the provider until the test ends. gates are the public URLs of its clients, by client id.
func startCertified(t *testing.T, gates map[string]string) *certified {
	t.Helper()
	needModule(t, "oidc-provider/package.json")
	list, err := json.Marshal(gates)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(needNode22(t), "testdata/oidc-provider.mjs")
	cmd.Env = append(cmd.Environ(), "GATES="+string(list))
	p, err := startProgram("oidc-provider", cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it keeps nothing
		<-p.ended
		if t.Failed() {
			t.Logf("what oidc-provider wrote:\n%s", p.out)
		}
	})
	if err := p.wait(func() bool { return providing.MatchString(p.out.String()) }); err != nil {
		t.Fatal(err)
	}
	return &certified{p, providing.FindStringSubmatch(p.out.String())[1]}
}

// settings are those with which a gate signs people in with the provider.
func (p *certified) settings(client string) []string {
	const of = "GATEPOST_OIDC_CORP_"
	return []string{of + "ISSUER=" + p.issuer, of + "CLIENT_ID=" + client, of + "CLIENT_SECRET=provider-secret",
		of + "LABEL=" + staff, of + "SCOPES=openid email profile groups", of + "LOGOUT=true",
		of + "ROLE_CLAIM=groups", of + "ROLES=staff=editor"}
}
