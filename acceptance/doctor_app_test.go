package acceptance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/doctor"
)

// examined returns the findings of one check, from a doctor with the settings env.
func examined(t *testing.T, check, stdin string, env []string, args ...string) (list []doctor.Finding) {
	t.Helper()
	var out, said strings.Builder
	run(t.Context(), append([]string{"gatepost", "doctor", "--json"}, args...), append(env, "HOME=/"),
		strings.NewReader(stdin), &out, &said)
	var report doctor.Report
	if err := json.Unmarshal([]byte(out.String()), &report); err != nil {
		t.Fatalf("%v: %s%s", err, &out, &said)
	}
	for _, f := range report {
		if f.Check == check {
			list = append(list, f)
		}
	}
	return list
}

// brokenFront is a proxy in front of a gate that changes requests or answers.
func brokenFront(t *testing.T, gate string, in func(http.Header), out func(http.Header)) string {
	t.Helper()
	p := proxyTo(t, gate).(*httputil.ReverseProxy)
	if rewrite := p.Rewrite; in != nil {
		p.Rewrite = func(pr *httputil.ProxyRequest) { rewrite(pr); in(pr.Out.Header) }
	}
	if out != nil {
		p.ModifyResponse = func(res *http.Response) error { out(res.Header); return nil }
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return s.URL
}

// eachSetCookie changes the lines of Set-Cookie, and drops those that become empty.
func eachSetCookie(change func(string) string) func(http.Header) {
	return func(h http.Header) {
		lines := h["Set-Cookie"]
		delete(h, "Set-Cookie")
		for _, line := range lines {
			if line = change(line); line != "" {
				h.Add("Set-Cookie", line)
			}
		}
	}
}

// The doctor sets the app's cookies, signs out, and checks that each cookie ends: through a correct chain, and
// through faulty ones.
func TestDoctorLooksWhetherTheAppsOwnSessionEnds(t *testing.T) {
	t.Parallel()
	const setting = "GATEPOST_APP_COOKIES=PHPSESSID, far@/wiki, Doku*, __Host-app"
	public := []string{"GATEPOST_PUBLIC_URL=http://app.example.com", "GATEPOST_ALLOW_HTTP=true",
		"GATEPOST_UPSTREAM=" + newApp(t).url}
	start := func(more ...string) string {
		return startGate(t, append(append(more, public...), "DATABASE_URL="+authtest.NewDatabase(t))...).url
	}
	gate, forgetful := start(setting), start()
	for name, c := range map[string]struct {
		url  string
		env  string
		want doctor.Level
		says []string
	}{
		"a gate":              {gate, setting, doctor.OK, []string{"PHPSESSID, far, Dokuexample, __Host-app"}},
		"not in the settings": {gate, "", doctor.Note, []string{"not tested"}},
		"Set-Cookie dropped": {brokenFront(t, gate, nil, func(h http.Header) { delete(h, "Set-Cookie") }), setting,
			doctor.Failed, []string{"PHPSESSID, far, Dokuexample, __Host-app", "removes Set-Cookie"}},
		"one line let through": {brokenFront(t, gate, nil,
			func(h http.Header) { h["Set-Cookie"] = h["Set-Cookie"][:min(2, len(h["Set-Cookie"]))] }),
			setting, doctor.Failed, nil},
		"only ours is let through": {brokenFront(t, gate, nil, eachSetCookie(func(s string) string {
			if !strings.HasPrefix(s, "gatepost_") {
				return ""
			}
			return s
		})), setting, doctor.Failed, []string{"every Set-Cookie"}},
		"Cookie dropped": {brokenFront(t, gate, func(h http.Header) { delete(h, "Cookie") }, nil), setting,
			doctor.Failed, []string{"Dokuexample", "Cookie header"}},
		"Domain rewritten": {brokenFront(t, gate, nil,
			eachSetCookie(func(s string) string {
				return strings.Replace(s, "Domain=example.com", "Domain=other.example", 1)
			})), setting, doctor.Failed,
			[]string{"PHPSESSID=; Path=/; Domain=example.com", "as it is"}},
		"Path rewritten": {brokenFront(t, gate, nil,
			eachSetCookie(func(s string) string { return strings.Replace(s, "Path=/wiki", "Path=/", 1) })), setting,
			doctor.Failed, []string{"own far: ", "far=; Path=/wiki"}},
		"kept for a while": {brokenFront(t, gate, nil,
			eachSetCookie(func(s string) string { return strings.Replace(s, "Max-Age=0", "Max-Age=60", 1) })),
			setting, doctor.Failed, nil},
		"a gate without it":  {forgetful, setting, doctor.Failed, []string{"the same GATEPOST_APP_COOKIES"}},
		"what browsers keep": {gate, "GATEPOST_APP_COOKIES=PHPSESSID, Doku*@/wiki", doctor.Failed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := examined(t, "app-cookies", "",
				append(slices.Clone(public), c.env, "DATABASE_URL=postgres://gatepost@127.0.0.1:1/gatepost"), c.url)
			if len(list) == 0 || list[0].Level != c.want ||
				c.want == doctor.Failed && (list[0].Why == "" || list[0].Cure == "" || list[0].Sent == "") {
				t.Fatalf("got %+v", list)
			}
			all := list[0].Said + ": " + list[0].Why + list[0].Cure
			for _, want := range c.says {
				if !strings.Contains(all, want) {
					t.Errorf("no %q in %q", want, all)
				}
			}
			if unseen := strings.Contains(c.env, "Doku*@/wiki"); unseen != (len(list) == 2 &&
				list[1].ID == "app-cookies.unseen" && list[1].Level == doctor.Warning) {
				t.Errorf("got %+v", list)
			}
		})
	}
}

// The doctor notices a login of the app's own behind the gate's login. It asks the app, checks where the app
// sends visitors without a session, and follows the redirects of a signed-in user.
func TestDoctorSeesALoginOfTheAppsOwn(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			http.Redirect(w, r, "/login", http.StatusFound)
		case "/login", "/dashboard", "/home":
			fmt.Fprint(w, "a page")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(app.Close)
	database := authtest.NewDatabase(t)
	env := []string{"GATEPOST_UPSTREAM=" + app.URL, "GATEPOST_PROTECT=/dashboard", "GATEPOST_HOME=/home"}
	for name, c := range map[string]struct {
		more  []string
		asked doctor.Level // the finding from asking the app itself
		sends bool         // the app redirects to the gate's login
		loops doctor.Level // the finding for a signed-in user
	}{
		"as it is":       {nil, doctor.Warning, true, doctor.OK}, // home is another page
		"home is /":      {[]string{"GATEPOST_HOME=/"}, doctor.Warning, true, doctor.Failed},
		"ours are moved": {[]string{"GATEPOST_PAGES=/auth"}, doctor.OK, false, doctor.OK},
		"and home is / ": {[]string{"GATEPOST_PAGES=/auth", "GATEPOST_HOME=/"}, doctor.OK, false, doctor.OK},
		"/ needs a login": {[]string{"GATEPOST_PROTECT=/", "GATEPOST_PUBLIC=/home", "GATEPOST_HOME=/"},
			doctor.Warning, false, doctor.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := append(append([]string{}, env...), c.more...)
			g := startGate(t, append(settings, "DATABASE_URL="+database)...)
			levels := func(list []doctor.Finding) map[string]doctor.Level {
				got := map[string]doctor.Level{}
				for _, f := range list {
					got[f.ID] = f.Level
				}
				return got
			}
			got := levels(examined(t, "own-pages", "", settings, g.url))
			if got["own-pages.app"] != c.asked || (got["own-pages.sends"] == doctor.Warning) != c.sends {
				t.Errorf("with the settings: %v", got)
			}
			got = levels(examined(t, "own-pages", "", nil, g.url))
			if got["own-pages.skipped"] != doctor.Note || (got["own-pages.sends"] == doctor.Warning) != c.sends {
				t.Errorf("without them: %v", got)
			}
			email := strings.ReplaceAll(strings.ReplaceAll(name, " ", "."), "/", "x") + "x@example.com"
			prefix := map[bool]string{true: "/auth"}[strings.Contains(strings.Join(settings, " "),
				"GATEPOST_PAGES=/auth")]
			if r := g.visitor(t).post(prefix+"/signup", "email", email, "password", password); r.status >= 400 {
				t.Fatalf("sign up: %d", r.status)
			}
			got = levels(examined(t, "login", password+"\n", nil, g.url, "--email", email, "--password-stdin"))
			if got["login.circle"] != c.loops {
				t.Errorf("signed in: %v", got)
			}
		})
	}
}
