package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

func TestAddressWithLoopbackNumberMovesToTheSiteName(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.openNumber("/dashboard?tab=2")
	v.mustBeAt("/login?next=%2Fdashboard%3Ftab%3D2")
	v.follow("Sign up")
	v.signUp(p)
	v.mustBeAt("/dashboard?tab=2")
	// The cookie belongs to the host name, so the visitor is signed in only after they were redirected to it.
	v.openNumber("/dashboard")
	v.mustBeAt("/dashboard")
	v.mustSee(p.greeting())
}

// openNumber opens a path of the site at 127.0.0.1 instead of localhost.
func (v *visitor) openNumber(path string) {
	v.t.Helper()
	url := strings.Replace(site.url, "localhost", "127.0.0.1", 1) + path
	v.load("open "+url, chromedp.Navigate(url))
}

// fetched is what a script in the page sees of an answer.
type fetched struct {
	Status     int    `json:"status"`
	Redirected bool   `json:"redirected"`
	Type       string `json:"type"`
	Body       string `json:"body"`
}

const fetchDashboard = `fetch("/dashboard").then(async r => ({
	status: r.status, redirected: r.redirected, type: r.headers.get("Content-Type"), body: await r.text(),
}))`

func (v *visitor) fetchDashboard() fetched {
	v.t.Helper()
	return ask(v, "fetch /dashboard", chromedp.Evaluate[fetched](fetchDashboard, chromedp.EvalAwaitPromise))
}

func TestFetchByASignedOutPageGets401AsJSON(t *testing.T) {
	v := newVisitor(t)
	v.open("/")
	got := v.fetchDashboard()
	if got.Status != 401 || got.Redirected || !strings.HasPrefix(got.Type, "application/json") {
		t.Fatalf("fetch got %+v, want 401 as JSON without a redirect", got)
	}
	var refusal struct{ Code, Message, LoginURL string }
	if err := json.Unmarshal([]byte(got.Body), &refusal); err != nil {
		t.Fatalf("%v in %q", err, got.Body)
	}
	if refusal.Code != "UNAUTHORIZED" || refusal.Message == "" || refusal.LoginURL != site.url+"/login" {
		t.Errorf("the refusal is %+v, want UNAUTHORIZED, a message and the address of the login", refusal)
	}
}

func TestFetchByASignedInPageReachesTheApp(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/signup")
	v.signUp(p)
	v.open("/")
	if got := v.fetchDashboard(); got.Status != 200 || !strings.Contains(got.Body, p.greeting()) {
		t.Errorf("fetch got %+v, want 200 with the greeting", got)
	}
}

func TestWebSocketByASignedOutPageIsRefusedWith401(t *testing.T) {
	v := newVisitor(t)
	v.open("/")
	const connect = `new Promise(done => {
		const s = new WebSocket(location.origin.replace("http", "ws") + "/dashboard")
		s.onopen = () => done("open")
		s.onerror = () => done("refused")
	})`
	ctx, cancel := v.limit()
	defer cancel()
	failures := chromedp.Events(ctx, network.WebSocketFrameError)
	got := ask(v, "open a WebSocket", chromedp.Evaluate[string](connect, chromedp.EvalAwaitPromise))
	if got != "refused" {
		t.Fatalf("the WebSocket is %s, want refused", got)
	}
	for failure, err := range failures { // scripts do not get the reason
		if err != nil || !strings.Contains(failure.ErrorMessage, "HTTP Authentication failed") {
			t.Errorf("the handshake failed with %q (%v), want what Chromium says of a 401", failure.ErrorMessage, err)
		}
		break
	}
}
