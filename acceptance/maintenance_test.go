package acceptance_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

const byAdmins = "GATEPOST_MAINTENANCE_ROLES=admin"

// closeSite makes the file that closes the site, and waits until it is closed.
func (v *visitor) closeSite(file, notice string) {
	v.t.Helper()
	if err := os.WriteFile(file, []byte(notice), 0o644); err != nil {
		v.t.Fatal(err)
	}
	eventually(v.t, "the site is closed", func() bool { return v.fetch("/public").status == 503 })
}

// A file closes the site and opens it again while the gate runs. What is open to the app ends, and whoever has a role
// that may goes on.
func TestAFileClosesTheSite(t *testing.T) {
	t.Parallel()
	database, file := authtest.NewDatabase(t), filepath.Join(t.TempDir(), "maintenance")
	app := newApp(t)
	g := startGate(t, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+app.url, "GATEPOST_MAINTENANCE="+file, byAdmins)
	ada, boss := g.visitor(t), g.visitor(t)
	ada.signUp("ada@example.com")
	boss.signUp("boss@example.com")
	promote := []string{"user", "set-role", "boss@example.com", "admin"}
	if out, code := runGate(t, promote, "DATABASE_URL="+database); code != 0 {
		t.Fatal(out)
	}
	boss.becomes("/admin", 200)
	socket := ada.opens("/dashboard/ws", "Connection: Upgrade", "Upgrade: websocket", "Origin: "+g.url)
	if r := ada.open("/dashboard"); r.status != 200 || socket.status != 101 {
		t.Fatalf("open: %d, and the socket %d", r.status, socket.status)
	}
	tooLong := strings.Repeat("x", 1024) // as the lines before it count too
	ada.closeSite(file, "Back at <b>18:00</b>.\x1b[31m\nSee you.\n"+tooLong)
	socket.ends(t, "a socket")
	app.take()
	for _, path := range []string{"/public", "/dashboard", "/admin"} {
		r := ada.open(path)
		if page := r.errorPage(t); r.status != 503 || page != (errorPage{"Closed for maintenance", "Try again", ""}) ||
			r.header.Get("Retry-After") != "60" || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %+v %v", path, r.status, page, r.header)
		}
		if !strings.Contains(r.body, "Back at &lt;b&gt;18:00&lt;/b&gt;.[31m\nSee you.") || strings.Contains(r.body, tooLong) {
			t.Errorf("%s: the notice is not there, not as text, or not cut off:\n%s", path, r.body)
		}
	}
	if r := ada.post("/dashboard", "a", "b"); r.status != 503 || !strings.Contains(r.body, "has not arrived") {
		t.Errorf("a form: %d %s", r.status, r.body)
	}
	if r := g.visitor(t).fetch("/dashboard"); r.status != 503 ||
		!strings.Contains(r.body, `{"code":"MAINTENANCE","message":"This`) {
		t.Errorf("a program: %d %s", r.status, r.body)
	}
	for path, want := range map[string]int{"/login": 303, "/account": 200, "/api/auth/get-session": 200,
		"/.gatepost/healthz": 200} {
		if r := ada.open(path); r.status != want {
			t.Errorf("%s of the gate: %d", path, r.status)
		}
	}
	if seen := app.take(); len(seen) > 0 {
		t.Errorf("the app saw %q", seen)
	}
	if r := boss.open("/admin"); r.status != 200 || len(app.take()) != 1 {
		t.Errorf("whoever may: %d", r.status)
	}
	if m := g.metrics(t); !strings.Contains(m, "gatepost_maintenance 1") ||
		!strings.Contains(m, `gatepost_requests_total{outcome="maintenance",route="protected"}`) {
		t.Error("no metric tells that the site is closed")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the site is open again", func() bool { return ada.open("/dashboard").status == 200 })
	for _, line := range []string{"the site is closed for maintenance: the app gets no requests",
		"the site is open again after maintenance", "outcome=maintenance"} {
		eventually(t, "the log says "+line, func() bool { return strings.Contains(g.log.String(), line) })
	}
}

// A site that is closed is ready: its balancer is to send visitors, who see the page, though the app is away and nobody
// may pass.
func TestAClosedSiteIsReadyWithoutItsApp(t *testing.T) {
	t.Parallel()
	nobody := "GATEPOST_UPSTREAM=http://localhost:" + freePort(t)
	env := []string{"DATABASE_URL=" + authtest.NewDatabase(t), nobody, "GATEPOST_MAINTENANCE=true"}
	g := startGate(t, env...)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	if r := v.open("/dashboard"); r.status != 503 || !strings.Contains(r.body, "Closed for maintenance") {
		t.Errorf("got %d %s", r.status, r.body)
	}
	res, err := http.Get(g.ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != 200 ||
		!strings.Contains(string(b), `"maintenance":"the site is closed`) {
		t.Errorf("readyz: %d %s", res.StatusCode, b)
	}
	if out, code := runGate(t, []string{"explain", "/dashboard"}, env...); code != 0 ||
		!strings.Contains(out, "note: the site is closed for maintenance, so everybody gets 503 now.") {
		t.Errorf("explain: %d %s", code, out)
	}
	if out, _ := runGate(t, []string{"check"}, env...); !strings.Contains(out, "the site is closed for maintenance, as "+
		"GATEPOST_MAINTENANCE is true") {
		t.Errorf("check: %s", out)
	}
	folder := slices.Concat(env, []string{"GATEPOST_MAINTENANCE=" + t.TempDir()})
	for _, wrong := range [][]string{folder, slices.Concat(env, []string{"GATEPOST_MAINTENANCE=ture"}),
		slices.Concat(env, []string{"GATEPOST_MAINTENANCE_ROLES=a|b"})} {
		if out, code := runGate(t, []string{"check"}, wrong...); code != 1 || !strings.Contains(out, "GATEPOST_MAINTENANCE") {
			t.Errorf("%s: %d %s", wrong[len(wrong)-1], code, out)
		}
	}
}
