package acceptance_test

import (
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// errorPage is what a visitor sees of an error page: its heading, and the one button, by its words and its address.
type errorPage struct{ title, button, leads string }

var (
	pageTitle = regexp.MustCompile(`<h1>([^<]*)</h1>`)
	buttons   = regexp.MustCompile(`<a class="go" href="([^"]*)"[^>]*>([^<]*)</a>`)
	requestID = regexp.MustCompile(`<code [^>]*>([^<]*)</code>`)
)

func (r reply) errorPage(t *testing.T) errorPage {
	t.Helper()
	h, b := pageTitle.FindStringSubmatch(r.body), buttons.FindAllStringSubmatch(r.body, -1)
	if h == nil || len(b) != 1 {
		t.Fatalf("%d buttons: %d %s", len(b), r.status, r.body)
	}
	return errorPage{h[1], b[0][2], b[0][1]}
}

// Each error page says what happened, has one button that fits, an icon, and the id with which its line in the log is
// found.
func TestAnErrorPageHasTheOneButtonThatFits(t *testing.T) {
	t.Parallel()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dead.Close() })
	broken := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	})}
	go func() { _ = broken.Serve(dead) }()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM=http://"+dead.Addr().String(),
		"GATEPOST_SIGNUP=open")
	closed := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM=http://"+dead.Addr().String(),
		"GATEPOST_SIGNUP=invite", "GATEPOST_APP_NAME=Example")
	ada := g.visitor(t)
	ada.signUp("ada@example.com")
	home := "Back to " + strings.TrimPrefix(g.url, "http://")
	for name, c := range map[string]struct {
		reply  reply
		status int
		want   errorPage
		retry  bool
	}{
		"a role is missing": {ada.open("/admin"), 403,
			errorPage{"You don&#39;t have access", "Log in with another account", "/logout"}, false},
		"there is no such page": {ada.open("/account/nothing"), 404, errorPage{"Page not found", home, "/"}, false},
		"a link that was put away": {ada.open("/login/reset"), 410,
			errorPage{"Open the link once more", home, "/"}, false},
		"the app is away": {ada.open("/public"), 502, errorPage{"The site does not answer", "Try again", ""}, true},
		"the app is away, in a frame": {ada.do("GET", "/public", nil, navigate, "Sec-Fetch-Dest: iframe"), 502,
			errorPage{"The site does not answer", "Try again", ""}, false},
		"the app is away, for a form": {ada.post("/public", "a", "b"), 502,
			errorPage{"The site does not answer", home, "/"}, false},
		"a form of another site": {ada.do("POST", "/login", strings.NewReader("email=ada"), navigate,
			"Origin: https://evil.example"), 403,
			errorPage{"This came from another site", "Open the page on this site", "/login"}, false},
		"sign-up is by invitation": {closed.visitor(t).open("/signup"), 403,
			errorPage{"By invitation only", "Log in", "/login"}, false},
		"a form where there is none": {ada.post("/.well-known/change-password", "a", "b"), 405,
			errorPage{"This does not work here", home, "/"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.reply.errorPage(t); c.reply.status != c.status || got != c.want {
				t.Errorf("got %d %+v, want %d %+v", c.reply.status, got, c.status, c.want)
			}
			if strings.Contains(c.reply.body, `class="retry"`) != c.retry {
				t.Errorf("it tries again by itself, or does not:\n%s", c.reply.body)
			}
			if !strings.Contains(c.reply.body, `<div class="kind"><svg `) {
				t.Errorf("it has no icon:\n%s", c.reply.body)
			}
			id := requestID.FindStringSubmatch(c.reply.body)
			if id == nil || len(id[1]) > 12 {
				t.Fatalf("the id %q cannot be read aloud", id)
			}
			eventually(t, "the log has the id", func() bool {
				return strings.Contains(g.log.String()+closed.log.String(), "request_id="+id[1]+" ")
			})
		})
	}
	if r := ada.post("/public", "a", "b"); !strings.Contains(r.body, "may or may not have arrived") {
		t.Errorf("the fate of the form is not told: %s", r.body)
	}
}
