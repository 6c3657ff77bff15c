package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// tricks are the pieces that open redirects consist of: text that browsers drop, read as a slash, or read as a
// scheme.
var tricks = []string{
	"/", `\`, "\t", "\n", "\r", ".", "..", "@", ":", "?", "#", "%2f", "%5c", "%09", "http:", "javascript:", " ",
	"\x01", "／", "\u3000", "a",
}

// addresses returns all sequences of one, two or three tricks, each in front of the name of another site.
func addresses() []string {
	level, all := []string{""}, []string{}
	for range 3 {
		var next []string
		for _, before := range level {
			for _, trick := range tricks {
				next = append(next, before+trick)
			}
		}
		level, all = next, append(all, next...)
	}
	for i := range all {
		all[i] += "evil.example/x"
	}
	return append(all, "", "/", "/dashboard?next=//evil.example", "//", `/\`, "http://evil.example", "data:text/html,x",
		"blob:x", "//evil.example", "/.//evil.example")
}

// leaving returns the addresses that take this browser from the login page to another site.
func (v *visitor) leaving(list []string) []string {
	v.t.Helper()
	literal, err := json.Marshal(list)
	if err != nil {
		v.t.Fatal(err)
	}
	return ask(v, "resolve addresses", chromedp.Evaluate[[]string](string(literal)+`.filter(a => {
		try { return new URL(a, location.origin + "/login").origin !== location.origin } catch { return true }
	})`))
}

// The browser itself judges the address that the gate redirects a signed-in visitor to.
func TestNextNeverLeavesTheSiteByTheBrowsersOwnRules(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/login")
	all := addresses()
	if n := len(v.leaving(all)); n < 500 {
		t.Errorf("only %d of %d addresses would leave the site by themselves", n, len(all))
	}
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(site.url+"/signup", url.Values{"email": {p.email}, "password": {p.password}})
	if err != nil || res.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign up: %v %v", res, err)
	}
	_ = res.Body.Close()
	sent := map[string]string{}
	for _, next := range all {
		res, err := client.Get(site.url + "/login?next=" + url.QueryEscape(next))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%q: %d", next, res.StatusCode)
		}
		sent[res.Header.Get("Location")] = next
	}
	var locations []string
	for location := range sent {
		locations = append(locations, location)
	}
	for _, location := range v.leaving(locations) {
		t.Errorf("next=%q leads to %q", sent[location], location)
	}
	if len(locations) < 100 || strings.Join(locations, "") == "" {
		t.Errorf("all of them lead to %q", locations)
	}
}
