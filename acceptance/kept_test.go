package acceptance_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

const sameOrigin = "Sec-Fetch-Site: same-origin"

// hidden returns the hidden fields of a page, in their order, as a browser sends them.
func hidden(page string) (fields [][2]string) {
	input := regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	for _, m := range input.FindAllStringSubmatch(page, -1) {
		fields = append(fields, [2]string{html.UnescapeString(m[1]), html.UnescapeString(m[2])})
	}
	return fields
}

func kept(page reply) string {
	for _, f := range hidden(page.body) {
		if f[0] == "kept" {
			return f[1]
		}
	}
	return ""
}

// desk is a gate with Ada's browser, whose session has just ended.
type desk struct {
	*visitor
	url string // of the database
	app *app
}

func endedDesk(t *testing.T, settings ...string) desk {
	t.Helper()
	d := desk{url: authtest.NewDatabase(t), app: newApp(t)}
	g := startGate(t, append(settings, "DATABASE_URL="+d.url, "GATEPOST_UPSTREAM="+d.app.url)...)
	d.visitor = g.visitor(t)
	d.signUp("ada@example.com")
	sqlOn(t, d.url, `DELETE FROM gatepost.session`)
	d.becomes("/dashboard", 401)
	return d
}

func (d desk) sends(path, body string, headers ...string) reply {
	d.t.Helper()
	return d.do("POST", path, strings.NewReader(body), append([]string{navigate}, headers...)...)
}

// A form that met an ended session is there again after the login, as it was, for the same user.
func TestAFormThatMetAnEndedLoginIsOffered(t *testing.T) {
	t.Parallel()
	d := endedDesk(t)
	const body = "b=2&a=1&a=%3Cb%3E%22+%26%0D%0Ax&empty=&action=%2F%2Fevil.example"
	page := d.sends("/dashboard/notes?x=1&y=%2F", body, sameOrigin, "Referer: "+d.gate.url+"/dashboard/new")
	if page.status != 401 || kept(page) == "" || !strings.Contains(page.body, `name="next" value="/dashboard/new"`) {
		t.Fatalf("the form met %d:\n%s", page.status, page.body)
	}
	if strings.Contains(page.body, "evil") {
		t.Error("the page shows what is in the form")
	}
	wrong := d.post("/login", "email", "ada@example.com", "password", "wrong password", "kept", kept(page))
	if kept(wrong) != kept(page) {
		t.Fatalf("a wrong password loses the form:\n%s", wrong.body)
	}
	offer := d.post("/login", "email", "ada@example.com", "password", password, "kept", kept(page), "next",
		"/dashboard/new")
	if offer.status != 200 || !strings.Contains(offer.body, `action="/dashboard/notes?x=1&amp;y=%2F"`) ||
		!strings.Contains(offer.body, `Send it to /dashboard/notes</button>`) ||
		!strings.Contains(offer.body, `<a href="/dashboard/new">`) {
		t.Fatalf("after the login: %d\n%s", offer.status, offer.body)
	}
	var again []string
	for _, f := range hidden(offer.body) {
		again = append(again, url.QueryEscape(f[0])+"="+url.QueryEscape(f[1]))
	}
	if got := strings.Join(again, "&"); got != body {
		t.Errorf("the form is now %q, was %q", got, body)
	}
	if r := d.fetch("/dashboard"); r.status != 200 {
		t.Errorf("the login did not last: %d", r.status)
	}
}

// A button alone is a form, too.
func TestAFormWithoutFieldsIsOffered(t *testing.T) {
	t.Parallel()
	d := endedDesk(t)
	page := d.sends("/dashboard/7/delete", "", sameOrigin)
	offer := d.post("/login", "email", "ada@example.com", "password", password, "kept", kept(page))
	if offer.status != 200 || !strings.Contains(offer.body, `action="/dashboard/7/delete"`) ||
		len(hidden(offer.body)) > 0 {
		t.Errorf("after the login: %d\n%s", offer.status, offer.body)
	}
}

// What cannot be kept leads to the login, as any other page does.
func TestOnlyOwnFormsAreKept(t *testing.T) {
	t.Parallel()
	d := endedDesk(t)
	stranger := desk{visitor: d.gate.visitor(t)}
	here, cookies := "Origin: "+d.gate.url, "Cookie: "
	for _, c := range d.client.Jar.Cookies(mustURL(d.gate.url)) { // a client sends them to no other Host by itself
		cookies += c.Name + "=" + c.Value + "; "
	}
	for name, c := range map[string]struct {
		from    desk
		path    string
		body    string
		headers []string
		want    bool
	}{
		"by Sec-Fetch-Site": {d, "/dashboard", "a=1", []string{sameOrigin}, true},
		"by Origin":         {d, "/dashboard", "a=1", []string{here}, true},
		"with a charset": {d, "/dashboard", "a=1", []string{here,
			"Content-Type: application/x-www-form-urlencoded; charset=UTF-8"}, true},
		"as long as may be": {d, "/dashboard", "a=" + strings.Repeat("x", 16<<10-2), []string{here}, true},
		"of another site":   {d, "/dashboard", "a=1", []string{"Sec-Fetch-Site: cross-site"}, false},
		"of a sister site":  {d, "/dashboard", "a=1", []string{"Sec-Fetch-Site: same-site", here}, false},
		"of another origin": {d, "/dashboard", "a=1", []string{"Origin: http://evil.example"}, false},
		"of no origin":      {d, "/dashboard", "a=1", []string{"Origin: null"}, false},
		"of who knows":      {d, "/dashboard", "a=1", nil, false},
		"without fields":    {d, "/dashboard/7/delete", "", []string{here}, true},
		"of the gate's own": {d, "/account/name", "name=x", []string{here}, false},
		"with empty pairs":  {d, "/dashboard", "a=1&&b=2&", []string{here}, true},
		"at an alias": {d, "/dashboard", "a=1", []string{cookies, "Host: www.example.com", sameOrigin,
			"Origin: http://www.example.com"}, false},
		"at what may be an alias": {d, "/dashboard", "a=1", []string{cookies, "Host: www.example.com",
			sameOrigin}, false},
		"where a proxy has another": {d, "/dashboard", "a=1", []string{cookies, "Host: inside:3000", sameOrigin,
			here}, true},
		"of a page that hides its origin": {d, "/dashboard", "a=1", []string{sameOrigin, "Origin: null"}, true},
		"too long":                        {d, "/dashboard", "a=" + strings.Repeat("x", 16<<10-1), []string{here}, false},
		"a file": {d, "/dashboard", "--b\r\n", []string{here, "Content-Type: multipart/form-data; boundary=b"},
			false},
		"JSON":                      {d, "/dashboard", "{}", []string{here, "Content-Type: application/json"}, false},
		"packed":                    {d, "/dashboard", "a=1", []string{here, "Content-Encoding: gzip"}, false},
		"of a script":               {d, "/dashboard", "a=1", []string{here, "Sec-Fetch-Mode: cors"}, false},
		"no text":                   {d, "/dashboard", "a=%FF", []string{here}, false},
		"with a field of no name":   {d, "/dashboard", "=1", []string{here}, false},
		"nobody's":                  {stranger, "/dashboard", "a=1", []string{here}, false},
		"to what looks like a host": {d, "//evil.example/dashboard", "a=1", []string{here}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.from.sends(c.path, c.body, c.headers...)
			if got := kept(r) != ""; got != c.want {
				t.Errorf("kept is %t, want %t: %d\n%s", got, c.want, r.status, r.body)
			}
			if r.status >= 500 {
				t.Errorf("it is %d", r.status)
			}
		})
	}
}

// The form is only for the user whose login had ended, in the browser that sent it.
func TestAKeptFormIsForOneUserInOneBrowser(t *testing.T) {
	t.Parallel()
	d := endedDesk(t)
	form := kept(d.sends("/dashboard/notes", "a=secret", sameOrigin))
	offered := func(r reply) bool { return strings.Contains(r.body, `action="/dashboard/notes"`) }
	other := d.gate.visitor(t)
	if offered(other.post("/login", "email", "ada@example.com", "password", password, "kept", form)) {
		t.Error("the form is offered in another browser")
	}
	d.gate.visitor(t).signUp("bob@example.com")
	if offered(d.post("/login", "email", "bob@example.com", "password", password, "kept", form)) {
		t.Error("the form is offered to somebody else")
	}
	sqlOn(t, d.url, `DELETE FROM gatepost.session`)
	d.becomes("/dashboard", 401)
	if kept(d.sends("/dashboard/notes", "a=secret", sameOrigin)) != "" {
		t.Error("a form is kept, though two people use the browser and the session is gone")
	}
	d.post("/login", "email", "ada@example.com", "password", password)
	sqlOn(t, d.url, `UPDATE gatepost.session SET expires_at = now()`)
	d.becomes("/dashboard", 401)
	form = kept(d.sends("/dashboard/notes", "a=secret", sameOrigin))
	if !offered(d.post("/login", "email", "ada@example.com", "password", password, "kept", form)) {
		t.Error("the form is not offered, though the session that has expired was Ada's")
	}
}

// A form of another site comes once more from this one, at the paths named alone, and only there does it bring a
// session.
func TestAFormOfAnotherSiteIsSentOnceMore(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+a.url, "GATEPOST_PROTECT=/",
		"GATEPOST_CROSS_SITE_POST=/saml/acs, /paid")
	elsewhere := []string{navigate, "Sec-Fetch-Site: cross-site", "Origin: https://bank.example"}
	v := g.visitor(t)
	from := func(path, body string, headers ...string) reply {
		return v.do("POST", path, strings.NewReader(body), headers...)
	}
	const again = `<form method="post" action="/saml/acs?x=1" data-now>`
	page := from("/saml/acs?x=1", "SAMLResponse=PHg%2B&RelayState=", elsewhere...)
	if page.status != 200 || !strings.Contains(page.body, again) ||
		!strings.Contains(page.body, `name="SAMLResponse" value="PHg&#43;"`) ||
		page.header.Get("Cross-Origin-Opener-Policy") != "" {
		t.Fatalf("the answer is %d\n%s", page.status, page.body)
	}
	alias := from("/saml/acs?x=1", "a=1", append(elsewhere, "Host: www.example.com")...)
	if !strings.Contains(alias.body, `action="`+g.url+`/saml/acs?x=1"`) {
		t.Errorf("at an alias the answer is %d\n%s", alias.status, alias.body)
	}
	for name, c := range map[string]struct {
		path    string
		body    string
		headers []string
		want    int
	}{
		"an old browser":         {"/paid", "a=1", []string{"Accept: text/html", "Origin: https://bank.example"}, 200},
		"an old one, of nowhere": {"/paid", "a=1", []string{"Accept: text/html", "Origin: null"}, 200},
		"once more":              {"/saml/acs", "a=1", []string{navigate, sameOrigin, "Origin: " + g.url}, 303},
		"another path":           {"/saml/acs/", "a=1", elsewhere, 303},
		"another spelling":       {"/saml/%61cs", "a=1", elsewhere, 303},
		"no form":                {"/paid", "a=1", append(elsewhere, "Content-Type: text/plain"), 415},
		"too much":               {"/paid", "a=" + strings.Repeat("x", 256<<10), elsewhere, 413},
		"no fields":              {"/paid", "", elsewhere, 200},
		"no text":                {"/paid", "%FF", elsewhere, 400},
		"a frame":                {"/paid", "a=1", append(elsewhere, "Sec-Fetch-Dest: iframe"), 401},
		"a script":               {"/paid", "a=1", []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			if r := from(c.path, c.body, c.headers...); r.status != c.want {
				t.Errorf("got %d, want %d", r.status, c.want)
			}
		})
	}
	if len(a.seen) > 0 {
		t.Errorf("the app saw %q", a.seen)
	}
	v.signUp("ada@example.com")
	if r := from("/saml/acs", "a=1", navigate, sameOrigin); !strings.Contains(r.body, `for "ada@example.com"`) {
		t.Errorf("what comes from here is %d %s", r.status, r.body)
	}
	if r := from("/saml/acs", "a=1", elsewhere...); !strings.Contains(r.body, `for "ada@example.com"`) {
		t.Errorf("what comes with the cookie is %d %s", r.status, r.body)
	}
}
