package acceptance_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// puzzle is a proof of work as ALTCHA writes it, or with the number its solution.
type puzzle map[string]any

// puzzle gets a puzzle, as a script does.
func (v *visitor) puzzle(purpose string) (p puzzle) {
	v.t.Helper()
	r := v.fetch("/.gatepost/challenge?for=" + purpose)
	if err := json.Unmarshal([]byte(r.body), &p); err != nil || r.status != 200 {
		v.t.Fatalf("a puzzle for %s: %d %s", purpose, r.status, r.body)
	}
	return p
}

func (p puzzle) with(name string, value any) puzzle {
	p = maps.Clone(p)
	p[name] = value
	return p
}

// solved tries all numbers.
func (p puzzle) solved(t *testing.T) puzzle {
	t.Helper()
	for n := range int(p["maxnumber"].(float64)) + 1 {
		if fmt.Sprintf("%x", sha256.Sum256([]byte(p["salt"].(string)+strconv.Itoa(n)))) == p["challenge"] {
			return p.with("number", n)
		}
	}
	t.Fatalf("nothing solves %v", p)
	return nil
}

func (p puzzle) text(t *testing.T) string {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// solution gets a puzzle and solves it.
func (v *visitor) solution(purpose string) string {
	v.t.Helper()
	return v.puzzle(purpose).solved(v.t).text(v.t)
}

// madeIn counts what a refused form must not make: users, sessions and mails that wait.
func madeIn(t *testing.T, database string) (rows string) {
	t.Helper()
	err := authtest.Pool(t, database).QueryRow(t.Context(), `SELECT concat_ws(' ',
	    (SELECT count(*) FROM gatepost."user"), (SELECT count(*) FROM gatepost.session),
	    (SELECT count(*) FROM gatepost.outbox))`).Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A sign-up needs a proof of work that was made for it, lately, and has counted for nothing yet.
func TestASignUpNeedsAProofOfWork(t *testing.T) {
	t.Parallel()
	database := authtest.NewDatabase(t)
	env := []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newApp(t).url, "GATEPOST_CHALLENGE=altcha"}
	v, other := startGate(t, env...).visitor(t), startGate(t, env...).visitor(t)
	good := other.puzzle("sign-up").solved(t) // any gate takes what another has given
	number := good["number"].(int)
	salt := good["salt"].(string)
	moved := good.with("number", number%10).
		with("salt", strings.TrimSuffix(salt, "&")+strconv.Itoa(number/10)) // the same hash
	var key []byte
	err := authtest.Pool(t, database).QueryRow(t.Context(), `SELECT key FROM gatepost.puzzle_key`).Scan(&key)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(salt string) string {
		hash := fmt.Sprintf("%x", sha256.Sum256([]byte(salt+"7")))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(hash))
		return puzzle{"algorithm": "SHA-256", "challenge": hash, "number": 7, "salt": salt,
			"signature": fmt.Sprintf("%x", mac.Sum(nil))}.text(t)
	}
	const random = "0123456789abcdef01234567?"
	in := func(d time.Duration) string { return fmt.Sprintf("expires=%d&", time.Now().Add(d).Unix()) }
	form := func(v *visitor, email, solution string) reply {
		return v.post("/signup", "email", email, "password", password, "altcha", solution)
	}
	for what, row := range map[string]struct {
		solution string
		status   int
	}{
		"nothing":               {"", 400},
		"no JSON":               {"e30", 403},
		"nothing in it":         {"e30=", 403},
		"far too much":          {strings.Repeat("A", 17<<10), 403},
		"for another deed":      {v.solution("mail"), 403},
		"for signing in":        {v.solution("sign-in"), 403},
		"another number":        {good.with("number", number+1).text(t), 403},
		"no number":             {good.with("number", -1).text(t), 403},
		"another hash":          {good.with("challenge", strings.Repeat("0", 64)).text(t), 403},
		"no signature":          {good.with("signature", "").text(t), 403},
		"another algorithm":     {good.with("algorithm", "SHA-1").text(t), 403},
		"too old":               {forge(random + in(-time.Second) + "for=sign-up&"), 403},
		"without an end":        {forge(random + in(time.Minute) + "for=sign-up"), 403},
		"a digit moved":         {moved.text(t), 403},
		"a salt of another one": {good.with("salt", strings.Replace(salt, "sign-up", "sign-in", 1)).text(t), 403},
	} {
		if r := form(v, "ada@example.com", row.solution); r.status != row.status || v.cookie().Value != "" ||
			!strings.Contains(r.body, "send the form once more") && !strings.Contains(r.body, "Send the form once more") {
			t.Errorf("%s: %d, want %d\n%s", what, r.status, row.status, r.body)
		}
	}
	if made := madeIn(t, database); made != "0 0 0" {
		t.Errorf("users, sessions and mails after refusals: %s", made)
	}
	if r := form(v, "ada@example.com", good.text(t)); r.status != 303 {
		t.Fatalf("with a solution: %d\n%s", r.status, r.body)
	}
	for _, again := range []*visitor{v.gate.visitor(t), other} {
		if r := form(again, "bob@example.com", good.text(t)); r.status != 403 {
			t.Errorf("the same solution once more: %d", r.status)
		}
	}
	if r := form(other, "bob@example.com", forge(random+in(time.Minute)+"for=sign-up&")); r.status != 303 {
		t.Errorf("what the test forges is refused in any case: %d\n%s", r.status, r.body)
	}
}

// Mail to an address that anybody may type needs a solution, on the page and by the protocol. Nothing is said of the
// address.
func TestMailToAnAddressThatWasTypedNeedsAProofOfWork(t *testing.T) {
	t.Parallel()
	o, g, _, database := mailGates(t, "GATEPOST_CHALLENGE=altcha")
	ada := g.visitor(t)
	r := ada.post("/signup", "email", "ada@example.com", "password", password, "altcha", ada.solution("sign-up"))
	if r.status != 303 {
		t.Fatalf("sign up: %d\n%s", r.status, r.body)
	}
	o.Next(t, "ada@example.com")
	const before = "1 1 0"
	eventually(t, "the outbox is empty", func() bool { return madeIn(t, database) == before })
	v := g.visitor(t)
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		if r := v.post("/login/forgot", "email", email); r.status != 400 {
			t.Errorf("%s: %d", email, r.status)
		}
		for _, path := range []string{"/request-password-reset", "/send-verification-email"} {
			for solution, want := range map[string]string{"": "400 MISSING_RESPONSE",
				v.solution("sign-up"): "403 VERIFICATION_FAILED", v.solution("mail"): "200 "} {
				if email == "ada@example.com" && want == "200 " {
					continue
				}
				r := v.do("POST", "/api/auth"+path, strings.NewReader(`{"email":"`+email+`"}`),
					"Content-Type: application/json", "x-captcha-response: "+solution)
				status, code, _ := strings.Cut(want, " ")
				if strconv.Itoa(r.status) != status || !strings.Contains(r.body, code) {
					t.Errorf("%s for %s: %d %s, want %s", path, email, r.status, r.body, want)
				}
			}
		}
	}
	if made := madeIn(t, database); made != before {
		t.Errorf("users, sessions and mails after refusals: %s", made)
	}
	once := onceIn(t, v.open("/login/forgot"))
	form := []string{"email", "ada@example.com", "altcha", v.solution("mail"), "once"}
	for range 2 { // a form that is sent twice has one outcome
		if r := v.post("/login/forgot", append(form, once)...); r.status != 200 {
			t.Errorf("with a solution: %d\n%s", r.status, r.body)
		}
	}
	o.Next(t, "ada@example.com")
	if r := v.post("/login/forgot", append(form, onceIn(t, v.open("/login/forgot")))...); r.status != 403 {
		t.Errorf("the same solution in another form: %d", r.status)
	}
	const asked = `gatepost_challenges_total{for="mail",result="ok"} 3` // two of them by the protocol for nobody
	if !strings.Contains(g.metrics(t), asked) {
		t.Errorf("no %s in\n%s", asked, g.metrics(t))
	}
	if r := ada.post("/account/verify"); r.status != 303 {
		t.Errorf("who is signed in asks for another link: %d", r.status)
	}
}

// After failed logins of an address, whether it has an account or not, the next ones need a solution, until one is
// right.
func TestLoginsAskAfterFailures(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_CHALLENGE=altcha", "GATEPOST_CHALLENGE_AFTER=2")
	ada := g.visitor(t)
	ada.post("/signup", "email", "ada@example.com", "password", password, "altcha", ada.solution("sign-up"))
	login := func(v *visitor, email, password string, more ...string) reply {
		return v.post("/login", append([]string{"email", email, "password", password}, more...)...)
	}
	asks := func(r reply) bool { return strings.Contains(r.body, `data-puzzle="/.gatepost/challenge?for=sign-in"`) }
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		v := g.visitor(t)
		if asks(v.open("/login")) {
			t.Error("the login asks before anything has failed")
		}
		for n, asked := range []bool{false, true} {
			if r := login(v, email, "wrong wrong wrong"); r.status != 401 || asks(r) != asked {
				t.Errorf("%s, failure %d: %d, asks %t", email, n+1, r.status, asks(r))
			}
		}
		for solution, want := range map[string]int{"": 400, v.solution("sign-up"): 403} {
			if r := login(v, email, password, "altcha", solution); r.status != want || !asks(r) {
				t.Errorf("%s: %d, want %d, asks %t", email, r.status, want, asks(r))
			}
		}
		if r := v.do("POST", "/api/auth/sign-in/email", strings.NewReader(`{"email":"`+email+`","password":"`+password+
			`"}`), "Content-Type: application/json"); r.status != 400 || !strings.Contains(r.body, "MISSING_RESPONSE") {
			t.Errorf("%s by the protocol: %d %s", email, r.status, r.body)
		}
		if r := login(v, email, "wrong wrong wrong", "altcha", v.solution("sign-in")); r.status != 401 || !asks(r) {
			t.Errorf("%s, a wrong password with a solution: %d", email, r.status)
		}
	}
	if r := ada.post("/logout"); r.status != 303 {
		t.Fatal(r.status)
	}
	if r := login(ada, "ada@example.com", password); r.status != 303 {
		t.Errorf("a browser that the account knows is asked for failures elsewhere: %d", r.status)
	}
	v := g.visitor(t)
	if r := v.do("POST", "/api/auth/sign-in/email", strings.NewReader(`{"email":"ada@example.com","password":"`+password+
		`"}`), "Content-Type: application/json", "x-captcha-response: "+v.solution("sign-in")); r.status != 200 {
		t.Errorf("by the protocol, with a solution: %d %s", r.status, r.body)
	}
	if r := login(g.visitor(t), "ada@example.com", password); r.status != 303 {
		t.Errorf("after a right login the next is %d", r.status)
	}
	for _, want := range []string{`gatepost_challenges_total{for="sign-in",result="no_solution"}`,
		`gatepost_challenges_total{for="sign-in",result="bad_solution"}`,
		`gatepost_challenges_total{for="sign-in",result="ok"}`} {
		if !strings.Contains(g.metrics(t), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// Pages that have the challenge allow what it needs, by exact address, and all other pages what they always allowed.
func TestOnlyPagesWithTheChallengeAllowIt(t *testing.T) {
	t.Parallel()
	const turnstile, hcaptcha = "https://challenges.cloudflare.com", "https://hcaptcha.com https://*.hcaptcha.com"
	const friendly = "https://cdn.jsdelivr.net/npm/@friendlycaptcha/sdk@0.2.0/site.min.js"
	app, database := newApp(t).url, authtest.NewDatabase(t)
	start := func(env ...string) *visitor {
		return startGate(t, append(env, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+app,
			"GATEPOST_SMTP_URL=smtp://127.0.0.1:1", "GATEPOST_MAIL_FROM=login@example.com")...).visitor(t)
	}
	passkeys := regexp.MustCompile(` /\.gatepost/passkey-[0-9a-f]+\.js|; connect-src /\.gatepost/passkey\b|` +
		` /\.gatepost/passkey\b`)
	policy := func(v *visitor, path string) string {
		p := v.open(path).header.Get("Content-Security-Policy")
		p = strings.ReplaceAll(strings.ReplaceAll(p, "; img-src 'self' data:", ""), v.gate.url, "")
		return passkeys.ReplaceAllString(p, "") // of the login
	}
	failing := regexp.MustCompile(`/\.gatepost/error-[0-9a-f]+\.js`)
	base := policy(start(), "/signup")
	script := strings.TrimSuffix(strings.Split(base, "script-src ")[1], "; form-action 'self'; base-uri 'none'; "+
		"frame-ancestors 'none'")
	for kind, want := range map[string]string{
		"altcha": "default-src 'none'; style-src 'self'; script-src " + script + " SOLVER; form-action 'self'; " +
			"base-uri 'none'; frame-ancestors 'none'; worker-src SOLVER; connect-src /.gatepost/challenge",
		"turnstile": "default-src 'none'; style-src 'self'; script-src " + script + " " + turnstile + "; form-action " +
			"'self'; base-uri 'none'; frame-ancestors 'none'; frame-src " + turnstile,
		"hcaptcha": "default-src 'none'; style-src 'self' " + hcaptcha + "; script-src " + script + " " + hcaptcha +
			"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src " + hcaptcha + "; connect-src " +
			hcaptcha,
		"friendlycaptcha": "default-src 'none'; style-src 'self'; script-src " + script + " " + friendly +
			"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src https://*.frcapi.com",
	} {
		env := []string{"GATEPOST_CHALLENGE=" + kind}
		if kind != "altcha" {
			env = append(env, "GATEPOST_CHALLENGE_SITE_KEY=site-key", "GATEPOST_CHALLENGE_SECRET=its-secret")
		}
		v := start(env...)
		page := v.open("/signup").body
		_, solver, _ := strings.Cut(page, `<script src="/.gatepost/captcha-`)
		solver, _, _ = strings.Cut(solver, `"`)
		if kind == "altcha" && policy(v, "/.gatepost/captcha-"+solver) == "" {
			t.Error("the solver has no policy, which a worker takes from its own script")
		}
		for _, path := range []string{"/signup", "/login/forgot"} {
			got := strings.ReplaceAll(policy(v, path), "/.gatepost/captcha-"+solver, "SOLVER")
			if got != want {
				t.Errorf("%s, %s:\n got %s\nwant %s", kind, path, got, want)
			}
		}
		for _, path := range []string{"/login", "/logout", "/.gatepost/nothing"} {
			got := failing.ReplaceAllString(policy(v, path), script) // that of error pages
			if got != base {
				t.Errorf("%s, %s:\n got %s\nwant %s", kind, path, got, base)
			}
		}
		if strings.Contains(page, "its-secret") || kind != "altcha" && !strings.Contains(page, `data-sitekey="site-key"`) {
			t.Errorf("%s: the wrong key is in the page\n%s", kind, page)
		}
		if !strings.Contains(page, "<noscript>") {
			t.Errorf("%s: nothing is said where there are no scripts", kind)
		}
		if r := v.fetch("/.gatepost/challenge?for=sign-up"); (r.status == 200) != (kind == "altcha") {
			t.Errorf("%s: a puzzle is %d", kind, r.status)
		}
		if r := v.fetch("/.gatepost/challenge?for=x"); r.status != 400 && r.status != 404 {
			t.Errorf("%s: a puzzle for nothing is %d", kind, r.status)
		}
	}
}

// Who fills in a field that people do not see gets the answer of a success, and nothing is done.
func TestAFieldThatPeopleDoNotSee(t *testing.T) {
	t.Parallel()
	for verify, trapped := range map[string]string{"optional": "1", "required": "2"} { // which tells of no address
		database := authtest.NewDatabase(t)
		g := startGate(t, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+newApp(t).url, "GATEPOST_VERIFY_EMAIL="+verify,
			"GATEPOST_SMTP_URL=smtp://127.0.0.1:1", "GATEPOST_MAIL_FROM=login@example.com") // mail waits
		ada, bot := g.visitor(t), g.visitor(t)
		form := []string{"email", "ada@example.com", "password", password, "next", "/dashboard", "subject", ""}
		real := ada.post("/signup", form...)
		before := madeIn(t, database)
		form[1], form[7] = "bot@example.com", "buy this"
		fake := bot.post("/signup", form...)
		if fake.status != real.status || fake.location() != real.location() || len(fake.body) != len(real.body) ||
			strings.ReplaceAll(fake.body, "bot@", "ada@") != real.body {
			t.Errorf("%s: a bot gets %d to %q, and a person %d to %q\n%s", verify, fake.status, fake.location(), real.status,
				real.location(), fake.body)
		}
		if a, b := cookieNames(fake), cookieNames(real); a != b {
			t.Errorf("%s: a bot gets the cookies %s, and a person %s", verify, a, b)
		}
		if r := bot.open("/dashboard"); r.status != 303 || !strings.HasPrefix(r.location(), "/login") {
			t.Errorf("%s: a bot is signed in: %d", verify, r.status)
		}
		if r := bot.post("/signup", "email", "no address", "password", password, "subject", "x"); r.status != 422 {
			t.Errorf("%s: a bot with a faulty form gets %d", verify, r.status)
		}
		if made := madeIn(t, database); made != before {
			t.Errorf("%s: users, sessions and mails: %s, and after a bot has signed up %s", verify, before, made)
		}
		form[1], form[7] = "ada@example.com", ""
		twice := g.visitor(t).post("/signup", form...)
		form[7] = "buy this"
		if r := g.visitor(t).post("/signup", form...); r.status != twice.status {
			t.Errorf("%s: a bot with an address that is taken gets %d, and a person %d", verify, r.status, twice.status)
		}
		before = madeIn(t, database) // the owner is told of the person
		person := g.visitor(t).post("/login/forgot", "email", "nobody@example.com")
		if r := bot.post("/login/forgot", "email", "nobody@example.com", "subject", "x"); r.status != person.status ||
			r.body != person.body {
			t.Errorf("%s: a bot that asks for a mail gets %d\n%s", verify, r.status, r.body)
		}
		if r := bot.post("/login/forgot", "email", "ada@example.com", "subject", "x"); r.status != person.status {
			t.Errorf("%s: a bot that asks for a mail gets %d", verify, r.status)
		}
		if made := madeIn(t, database); made != before {
			t.Errorf("%s: users, sessions and mails: %s, and after the bot %s", verify, before, made)
		}
		for name, want := range map[string]string{"sign-up": trapped, "mail": "2"} {
			if line := `gatepost_challenges_total{for="` + name + `",result="trapped"} ` + want; !strings.Contains(
				g.metrics(t), line) {
				t.Errorf("%s: no %s in the metrics", verify, line)
			}
		}
		eventually(t, "the log says so", func() bool { return strings.Contains(g.log.String(), "result=trapped") })
	}
}

// cookieNames lists the cookies that an answer sets, without their values.
func cookieNames(r reply) string {
	var names []string
	for _, line := range r.header.Values("Set-Cookie") {
		name, rest, _ := strings.Cut(line, "=")
		value, attributes, _ := strings.Cut(rest, ";")
		names = append(names, fmt.Sprint(name, " ", len(value), attributes))
	}
	return strings.Join(names, "\n")
}
