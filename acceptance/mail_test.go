package acceptance_test

import (
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/smtp/postoffice"
)

const newPassword = "another quiet river"

// mailGates starts two gates on one database and one mail server.
func mailGates(t *testing.T, env ...string) (o *postoffice.Office, here, there *running, database string) {
	t.Helper()
	o, database = postoffice.New(t, nil, nil), authtest.NewDatabase(t)
	env = append([]string{watched, "DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newApp(t).url,
		"GATEPOST_SMTP_URL=" + o.URL,
		"GATEPOST_MAIL_FROM=Example <login@example.com>"}, env...)
	return o, startGate(t, env...), startGate(t, env...), database
}

// linkPath returns the path and query of a mail's link, for use at either gate. Either gate may have sent the
// mail, and each has its own public URL here.
func linkPath(t *testing.T, l postoffice.Letter, gates ...*running) string {
	t.Helper()
	for _, g := range gates {
		if path, ok := strings.CutPrefix(l.Link, g.url); ok {
			return path
		}
	}
	t.Fatalf("the link leads to %q", l.Link)
	return ""
}

// follow opens a mailed link as a browser does, up to the form.
func (v *visitor) follow(link string) reply {
	v.t.Helper()
	r := v.open(link)
	if clean, _, _ := strings.Cut(link, "?"); r.status != http.StatusSeeOther || r.location() != clean {
		v.t.Fatalf("the link: %d to %q", r.status, r.location())
	}
	if r = v.open(r.location()); r.status != http.StatusOK || strings.Contains(r.body, "token=") {
		v.t.Fatalf("what it opens: %d %s", r.status, r.body)
	}
	return r
}

// which matches the hidden field that names the link of a form.
var which = regexp.MustCompile(`name="id" value="([0-9a-f]+)"`)

// answer sends the form of a page that a link opened.
func (v *visitor) answer(page reply, path string, pairs ...string) reply {
	v.t.Helper()
	found := which.FindStringSubmatch(page.body)
	if found == nil {
		v.t.Fatalf("no form says which link it is about: %s", page.body)
	}
	return v.post(path, append(pairs, "id", found[1])...)
}

// as gives the visitor the session that another visitor has at another gate.
func (v *visitor) as(other *visitor) {
	v.t.Helper()
	at, _ := neturl.Parse(v.gate.url)
	v.client.Jar.SetCookies(at, []*http.Cookie{{Name: "gatepost_" + at.Port(), Value: other.cookie().Value}})
}

// A user signs up, confirms the address, forgets the password and chooses another.
func TestFromSignUpToANewPassword(t *testing.T) {
	t.Parallel()
	o, here, there, database := mailGates(t, "GATEPOST_VERIFY_EMAIL=required")
	ada := here.visitor(t)
	form := neturl.Values{"email": {"Ada@Example.com"}, "password": {password}, "name": {"<b>Ada</b>"},
		"remember": {"on"}}.Encode()
	r := ada.do("POST", "/signup", strings.NewReader(form), navigate, "Host: evil.example",
		"X-Forwarded-Host: evil.example",
		"X-Forwarded-Proto: http", "Forwarded: host=evil.example", "X-Original-Host: evil.example")
	if r.status != 200 || !strings.Contains(r.body, "Check your e-mail") || ada.cookie().Value != "" {
		t.Fatalf("sign up: %d %s", r.status, r.body)
	}
	verify := o.Next(t, "ada@example.com")
	if strings.Contains(verify.Raw, "evil") || verify.Subject != "Confirm your e-mail address for Example" {
		t.Errorf("the mail: %s", verify.Raw)
	}
	ada.do("GET", "/", nil, "Host: evil.example")
	ada = here.visitor(t) // the cookie of the other host is not sent
	link := linkPath(t, verify, here, there)
	pool := authtest.Pool(t, database)
	rows := func() (n, verified int) {
		err := pool.QueryRow(t.Context(), `
			SELECT (SELECT count(*) FROM gatepost.verification WHERE identifier NOT LIKE 'used-%'),
				(SELECT count(*) FROM gatepost."user" WHERE email_verified)`).Scan(&n, &verified)
		if err != nil {
			t.Fatal(err)
		}
		return n, verified
	}
	for _, c := range []struct{ method, header string }{{"GET", "Accept: */*"}, {"HEAD", "Accept: */*"},
		{"GET", "Sec-Purpose: prefetch"}, {"GET", navigate}, {"HEAD", navigate}} {
		scanner := here.visitor(t)
		r := scanner.do(c.method, link, nil, c.header)
		scanner.do(c.method, r.location(), nil, c.header)
		if n, verified := rows(); n != 1 || verified != 0 {
			t.Errorf("%s with %s: %d links are left, %d users confirmed", c.method, c.header, n, verified)
		}
	}
	if r := ada.post("/login", "email", "ada@example.com", "password", password); r.status != 401 ||
		!strings.Contains(r.body, "not confirmed yet") ||
		r.body != ada.post("/login", "email", "ada@example.com", "password", "not the right one").body {
		t.Errorf("a login tells that the account is new: %d %s", r.status, r.body)
	}
	page := ada.follow(link)
	if !strings.Contains(page.body, `name="password"`) || !strings.Contains(page.body, "/login/reset") {
		t.Errorf("another browser is not asked for the password: %s", page.body)
	}
	if r := ada.answer(page, "/signup/verify", "password", "not the right one"); r.status != 401 {
		t.Errorf("a wrong password: %d", r.status)
	}
	if r := ada.answer(page, "/signup/verify", "password", password, "remember", "on"); r.status != 303 ||
		r.location() != "/" {
		t.Fatalf("the right one: %d %s", r.status, r.body)
	}
	if n, verified := rows(); n != 0 || verified != 1 {
		t.Errorf("%d links are left, %d users confirmed", n, verified)
	}
	if r := ada.fetch("/dashboard"); r.status != 200 {
		t.Errorf("confirmed: %d", r.status)
	}
	elsewhere := there.visitor(t)
	elsewhere.as(ada)
	if r := elsewhere.fetch("/dashboard"); r.status != 200 {
		t.Fatalf("the other gate: %d", r.status)
	}

	owner := there.visitor(t)
	if r := owner.open("/login"); !strings.Contains(r.body, `href="/login/forgot"`) {
		t.Error("the login page does not say where to go")
	}
	if _, err := pool.Exec(t.Context(), `DELETE FROM gatepost.throttle`); err != nil {
		t.Fatal(err)
	}
	known, unknown := owner.post("/login/forgot", "email", "ada@example.com"),
		owner.post("/login/forgot", "email", "eve@example.com")
	if known.status != 200 || unknown.status != 200 || strings.ReplaceAll(known.body, "ada@", "eve@") != unknown.body {
		t.Errorf("the answers tell who has an account: %d %s\n%d %s", known.status, known.body,
			unknown.status, unknown.body)
	}
	reset := owner.follow(linkPath(t, o.Next(t, "ada@example.com"), here, there))
	if r := owner.answer(reset, "/login/reset", "password", "ada@example.com"); r.status != 422 {
		t.Errorf("a bad password: %d", r.status)
	}
	if r := owner.post("/login/reset", "password", newPassword); r.status != http.StatusGone {
		t.Errorf("a form that does not say which link it is about: %d", r.status)
	}
	if r := owner.answer(reset, "/login/reset", "password", newPassword); r.status != 303 || r.location() != "/login" {
		t.Fatalf("a good one: %d %s", r.status, r.body)
	}
	ada.becomes("/dashboard", 401)
	elsewhere.becomes("/dashboard", 401)
	if r := owner.open("/login"); !strings.Contains(r.body, "Your password is changed.") {
		t.Errorf("the login page does not say so: %s", r.body)
	}
	if r := owner.answer(reset, "/login/reset", "password", newPassword); r.status != http.StatusGone {
		t.Errorf("the link again: %d", r.status)
	}
	if r := owner.post("/login", "email", "ada@example.com", "password", newPassword); r.status != 303 {
		t.Errorf("log in: %d %s", r.status, r.body)
	}
	if l := o.Next(t, "ada@example.com"); !strings.HasPrefix(l.Subject, "Your password for ") {
		t.Errorf("the notice is %q", l.Subject)
	}
	for _, g := range []*running{here, there} {
		if log := g.log.String(); strings.Contains(log, "token=") ||
			strings.Contains(log, strings.Split(link, "=")[1]) {
			t.Error("the log has the secret of a link")
		}
	}
}

// The app sees neither the secret of a link nor the cookie that keeps it.
func TestTheAppSeesNoLink(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	v := l.visitor(t)
	r := v.open("/login/reset?token=" + strings.Repeat("x", 43))
	if r.status != 303 || !strings.Contains(r.header.Get("Set-Cookie"), l.cookieName()+"_link=") ||
		!strings.Contains(r.header.Get("Set-Cookie"), "HttpOnly") {
		t.Errorf("got %d %v", r.status, r.header)
	}
	v.open("/public")
	if seen := l.app.take(); len(seen) != 1 || strings.Contains(seen[0], "xxx") {
		t.Errorf("it saw %q", seen)
	}
	if r := v.open("/login/reset"); r.status != http.StatusGone || !strings.Contains(r.body, "does not work any more") {
		t.Errorf("a link nobody sent: %d %s", r.status, r.body)
	}
	for _, token := range []string{"", "short", strings.Repeat("x", 44), strings.Repeat("x", 42) + "%0d", "%00",
		"x&token=y"} {
		if r := v.open("/login/reset?token=" + token); r.status != http.StatusGone {
			t.Errorf("%q: %d", token, r.status)
		}
	}
	// Without mail, the pages that need it do not exist.
	for _, path := range []string{"/login/forgot", "/signup/verify?token=" + strings.Repeat("x", 43),
		"/account/email/undo"} {
		if r := v.open(path); r.status != 404 || len(l.app.take()) != 0 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	if r := v.open("/login"); strings.Contains(r.body, "forgot") {
		t.Error("the login page offers what there is not")
	}
}

// A user changes their address, and undoes the change.
func TestFromAChangedAddressBack(t *testing.T) {
	t.Parallel()
	o, here, there, _ := mailGates(t)
	ada := here.visitor(t)
	ada.signUp("ada@example.com")
	verify := o.Next(t, "ada@example.com")
	if r := ada.open("/account"); !strings.Contains(r.body, "not confirmed") ||
		!strings.Contains(r.body, `action="/account/verify"`) {
		t.Errorf("the account page does not offer to confirm: %s", r.body)
	}
	page := ada.follow(linkPath(t, verify, here, there))
	if strings.Contains(page.body, `name="password"`) || strings.Contains(page.body, `name="remember"`) {
		t.Error("whoever is signed in has to type the password")
	}
	if r := ada.answer(page, "/signup/verify"); r.status != 303 || r.location() != "/account" {
		t.Errorf("confirm: %d %s", r.status, r.body)
	}
	if r := ada.open("/account"); strings.Contains(r.body, "not confirmed") ||
		!strings.Contains(r.body, "Your e-mail address is confirmed.") {
		t.Errorf("the account page: %s", r.body)
	}
	if r := ada.post("/account/email", "email", "new@example.com", "password", "not the right one"); r.status != 401 {
		t.Errorf("a wrong password: %d", r.status)
	}
	if r := ada.post("/account/email", "email", "new@example.com", "password", password); r.status != 303 {
		t.Fatalf("ask: %d %s", r.status, r.body)
	}
	link := linkPath(t, o.Next(t, "new@example.com"), here, there)
	stranger := there.visitor(t)
	if r := stranger.open(link); r.status != 303 {
		t.Fatal(r.status)
	}
	if r := stranger.open("/account/email/confirm"); r.status != 303 ||
		!strings.HasPrefix(r.location(), "/login?next=%2Faccount%2Femail%2Fconfirm") {
		t.Errorf("a stranger with the link: %d %s", r.status, r.location())
	}
	if r := stranger.post("/account/email/confirm"); r.status != 303 || !strings.HasPrefix(r.location(), "/login") {
		t.Errorf("a stranger's form: %d %s", r.status, r.location())
	}
	stranger.signUp("eve@example.com")
	if r := stranger.open("/account/email/confirm"); r.status != 403 || !strings.Contains(r.body, "another account") {
		t.Errorf("another user: %d %s", r.status, r.body)
	}
	confirm := ada.follow(link)
	if r := stranger.answer(confirm, "/account/email/confirm"); r.status != 403 {
		t.Errorf("another user's form: %d", r.status)
	}
	if r := ada.answer(confirm, "/account/email/confirm"); r.status != 303 {
		t.Fatalf("confirm: %d %s", r.status, r.body)
	}
	if r := ada.fetch("/dashboard"); !strings.Contains(r.body, `for "new@example.com"`) {
		t.Errorf("the app is told of %s", r.body)
	}
	owner := there.visitor(t)
	undo := owner.follow(linkPath(t, o.Next(t, "ada@example.com"), here, there))
	if r := owner.answer(undo, "/account/email/undo", "password", newPassword); r.status != 303 ||
		r.location() != "/login" {
		t.Fatalf("undo: %d %s", r.status, r.body)
	}
	ada.becomes("/dashboard", 401)
	if r := owner.post("/login", "email", "ada@example.com", "password", newPassword); r.status != 303 {
		t.Errorf("log in: %d %s", r.status, r.body)
	}
}

// A visitor who confirms their address in the browser where they signed up gets to the page they asked for.
func TestAVerificationLeadsToThePageAskedFor(t *testing.T) {
	t.Parallel()
	o, here, there, _ := mailGates(t, "GATEPOST_VERIFY_EMAIL=required")
	v := here.visitor(t)
	r := v.post("/signup", "email", "ada@example.com", "password", password, "next", "/dashboard?tab=2")
	if r.status != 200 {
		t.Fatal(r.status)
	}
	link, _, ok := strings.Cut(linkPath(t, o.Next(t, "ada@example.com"), here, there), "&next=%2Fdashboard%3Ftab%3D2")
	if !ok {
		t.Errorf("the link is %s", link)
	}
	r = v.open(link + "&next=%2Fdashboard%3Ftab%3D2")
	page := v.open(r.location())
	if strings.Contains(page.body, `name="password"`) || !strings.Contains(page.body, `name="remember"`) {
		t.Errorf("the browser of the sign-up is not known: %s", page.body)
	}
	r = v.answer(page, "/signup/verify", "remember", "on", "next", "/dashboard?tab=2")
	if r.status != 303 || r.location() != "/dashboard?tab=2" ||
		!strings.Contains(fmt.Sprint(r.header["Set-Cookie"]), "Max-Age=2592000") {
		t.Errorf("got %d to %q, %v", r.status, r.location(), r.header["Set-Cookie"])
	}
	if r := v.open(link + "&next=//evil.example"); r.location() != "/signup/verify" {
		t.Errorf("a next of somebody else: %q", r.location())
	}
}

// A form acts on the link that its page showed, even if another link was opened since.
func TestAFormIsAboutTheLinkItShowed(t *testing.T) {
	t.Parallel()
	_, here, _, database := mailGates(t)
	v := here.visitor(t)
	links := map[string]string{}
	for _, email := range []string{"ada@example.com", "eve@example.com"} {
		here.visitor(t).signUp(email)
		code, out, said := command(t, database, "user", "reset-link", email)
		if code != 0 {
			t.Fatal(said)
		}
		links[email] = strings.TrimPrefix(strings.Fields(out)[0], "http://localhost:8080")
	}
	page := v.follow(links["ada@example.com"])
	v.follow(links["eve@example.com"])
	if r := v.answer(page, "/login/reset", "password", newPassword); r.status != http.StatusGone {
		t.Errorf("got %d", r.status)
	}
	for _, email := range []string{"ada@example.com", "eve@example.com"} {
		if r := here.visitor(t).post("/login", "email", email, "password", password); r.status != 303 {
			t.Errorf("%s has another password: %d", email, r.status)
		}
	}
}

func TestByInvitationOnly(t *testing.T) {
	t.Parallel()
	o, here, there, database := mailGates(t, "GATEPOST_SIGNUP=invite")
	v := here.visitor(t)
	if r := v.open("/signup"); r.status != 403 || !strings.Contains(r.body, "need an invitation") {
		t.Errorf("the page: %d %s", r.status, r.body)
	}
	if r := v.post("/signup", "email", "eve@example.com", "password", password); r.status != 403 {
		t.Errorf("the form: %d", r.status)
	}
	out, code := runGate(t, []string{"user", "invite", "guest@example.com", "--role", "admin", "--language", "es"},
		"DATABASE_URL="+database,
		"GATEPOST_SMTP_URL="+o.URL, "GATEPOST_MAIL_FROM=login@example.com")
	if code != 0 {
		t.Fatal(out)
	}
	mail := o.Next(t, "guest@example.com")
	if !strings.HasPrefix(mail.Subject, "Te han invitado") {
		t.Errorf("the mail is %q", mail.Subject)
	}
	page := v.follow(linkPath(t, mail, here, there))
	if r := v.answer(page, "/signup/invitation", "name", "Guest", "password", "guest@example.com"); r.status != 422 {
		t.Errorf("a bad password: %d", r.status)
	}
	r := v.answer(page, "/signup/invitation", "name", "Guest", "password", password, "email", "eve@example.com")
	if r.status != 303 {
		t.Fatalf("accept: %d %s", r.status, r.body)
	}
	if r := v.fetch("/admin"); r.status != 200 || !strings.Contains(r.body, `for "guest@example.com"`) {
		t.Errorf("the guest: %d %s", r.status, r.body)
	}
}

// While the mail server is down, users do not wait, operators learn the reason, and the mail is sent later.
func TestAMailServerThatIsDown(t *testing.T) {
	t.Parallel()
	o, here, _, database := mailGates(t)
	o.Refuses("MAIL", 421)
	v := here.visitor(t)
	v.signUp("ada@example.com")
	pool := authtest.Pool(t, database)
	failed := func() (n int) {
		if err := pool.QueryRow(t.Context(),
			`SELECT count(*) FROM gatepost.outbox WHERE failure LIKE '%not today%'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, "the failure is noted", func() bool { return failed() == 1 })
	out, code := runGate(t, []string{"check"}, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+here.url,
		"GATEPOST_SMTP_URL="+o.URL, "GATEPOST_MAIL_FROM=login@example.com")
	if code == 0 || !strings.Contains(out, "1 mail waits") || !strings.Contains(out, "not today") {
		t.Errorf("check: %d %s", code, out)
	}
	metrics := here.metrics(t)
	if !strings.Contains(metrics, "gatepost_mails_waiting 1") {
		t.Errorf("the metrics do not say so: %s", metrics)
	}
	o.Refuses("MAIL", 0)
	if _, err := pool.Exec(t.Context(), `UPDATE gatepost.outbox SET due_at = now()`); err != nil {
		t.Fatal(err)
	}
	o.Next(t, "ada@example.com")
}

// runGate runs a command of gatepost and returns its output and exit code.
func runGate(t *testing.T, args []string, env ...string) (string, int) {
	t.Helper()
	var out strings.Builder
	code := run(t.Context(), append([]string{"gatepost"}, args...), append(env, "HOME=/"),
		strings.NewReader(""), &out, &out)
	return out.String(), code
}

func (g *running) metrics(t *testing.T) string {
	t.Helper()
	res, err := http.Get(g.ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
