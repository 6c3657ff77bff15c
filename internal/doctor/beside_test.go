package doctor

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// page is an app that serves the same page to everybody.
func page(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func addressOf(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

func TestTheAppBesideTheGate(t *testing.T) {
	t.Parallel()
	f := newFakeSite()
	f.app = page("welcome").ServeHTTP
	c := f.serve(t, nil)
	app, gate := httptest.NewServer(page("welcome")), httptest.NewServer(f)
	defer app.Close()
	defer gate.Close()
	nobody := httptest.NewServer(page(""))
	nobody.Close()

	c.Direct = []string{addressOf(app), gate.URL, addressOf(nobody)}
	r := examine(t, c)
	wantFailed(t, r, true, "beside.direct")
	for _, f := range r {
		if f.ID == "beside.direct" && !strings.Contains(f.Said, app.URL) {
			t.Errorf("it does not say where: %q", f.Said)
		}
	}

	c.Direct, c.Upstream = nil, addressOf(app)
	if r = examine(t, c); r.Count(Failed) > 0 || !slices.Contains(r.ids(Note), "beside.upstream") {
		t.Errorf("on one machine: failed %q, notes %q", r.ids(Failed), r.ids(Note))
	}
}

// An app that listens on all addresses is found at one that others can use.
func TestALoopbackUpstreamThatIsNotOnlyOnLoopback(t *testing.T) {
	t.Parallel()
	everywhere, err := net.Listen("tcp", "127.0.0.2:0") // stands for an address of the network
	if err != nil {
		t.Skip("this system has one loopback address only")
	}
	s := &http.Server{Handler: page("welcome")}
	go func() { _ = s.Serve(everywhere) }()
	defer s.Close()
	c := newFakeSite().serve(t, nil)
	_, port, _ := net.SplitHostPort(everywhere.Addr().String())
	c.Upstream, c.Addresses = "localhost:"+port, []string{"127.0.0.2"}
	wantFailed(t, examine(t, c), true, "beside.address")
	c.Upstream = "app.internal:" + port // the port of another machine means nothing here
	wantFailed(t, examine(t, c), true)
}

// From outside, a server with the same page is the app. Another server may be.
func TestAnswersOnUsualPortsFromOutside(t *testing.T) {
	t.Parallel()
	app, other := httptest.NewServer(page("welcome")), httptest.NewServer(page("a blog"))
	secure := httptest.NewUnstartedServer(page("welcome"))
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	defer app.Close()
	defer other.Close()
	defer secure.Close()
	for _, c := range []struct {
		server *httptest.Server
		want   Level
	}{{app, Failed}, {other, Warning}, {secure, Failed}} {
		e := &examination{c: Config{Protected: "/dashboard", Public: "/", Timeout: besideTimeout},
			site: site{scheme: "https", host: "app.example.com", address: "192.0.2.1:443"}}
		through := answer{status: 200, body: "welcome",
			header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
		e.page = baseline{through, shape(through), true}
		s, ok := e.placeAt(c.server.Listener.Addr().String())
		if !ok {
			t.Fatal("not an address")
		}
		p := place{"beside.port", s, false}
		a := e.knock(t.Context(), &p)
		e.judgePlace(t.Context(), p, a)
		if len(e.report) != 1 || e.report[0].Level != c.want {
			t.Errorf("%s: got %+v, want %s", c.server.URL, e.report, c.want)
		}
	}
}

func TestAddressesForDirect(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"10.0.0.5:3000": "http://10.0.0.5:3000", "http://app:3000/": "http://app:3000/", "https://app": "https://app",
		"[::1]:80": "http://[::1]:80",
		"":         "", "http://": "", "ftp://app": "", "http://a:b@app": "", "http://app/x": "", "app:x": "",
	} {
		u, err := ParseAddress(s)
		if got := ""; err == nil {
			if got = u.String(); got != want {
				t.Errorf("%q: got %q", s, got)
			}
		} else if want != "" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestALeadToTheSiteItselfIsNoAppBesideIt(t *testing.T) {
	t.Parallel()
	e := &examination{c: Config{Protected: "/dashboard"}, site: site{scheme: "https", host: "app.example.com"}}
	for location, want := range map[string]bool{
		"https://app.example.com/dashboard": true, "https://app.example.com/login": false, "/dashboard": false,
		"http://app.example.com/dashboard": false, "https://other.example/dashboard": false, "": false,
	} {
		a := answer{status: http.StatusMovedPermanently, header: map[string][]string{"Location": {location}}}
		if e.leadsHome(a) != want {
			t.Errorf("%q: got %v", location, !want)
		}
	}
}
