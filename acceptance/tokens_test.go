package acceptance_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/seal"
)

// madeToken is what `gatepost token create --json` says.
type madeToken struct{ ID, UserID, Email, Token string }

// makeToken makes an API token of a user.
func (l *lane) makeToken(t *testing.T, user, name string, more ...string) (m madeToken) {
	t.Helper()
	out := l.operate(t, append([]string{"token", "create", user, "--name", name, "--json"}, more...)...)
	if err := json.Unmarshal([]byte(out), &m); err != nil || m.Token == "" {
		t.Fatalf("%v: %s", err, out)
	}
	return m
}

// operate is cli, with the output alone.
func (l *lane) operate(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("gatepost", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DATABASE_URL=" + l.database, "GATEPOST_TOKENS=/api",
		"GATEPOST_TOKENS_FOREVER=true"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return string(out)
}

func basic(name, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// identityOf are the headers that the app gets for a token of ada's.
func (l *lane) identityOf(m madeToken, more ...string) []string {
	return append(append(append([]string{}, l.identity...), "X-Auth-Token-Id: "+m.ID), more...)
}

// where are paths by how they stand to GATEPOST_TOKENS=/api and to the rules.
var where = map[string][]string{
	"inside":  {"/api", "/api/x", "/api/x?a=b"},
	"public":  {"/api/public", "/api/public/x"},
	"outside": {"/dashboard", "/other", "/apis", "/API/x", "/api/../dashboard", "/api/..%2fdashboard", "//api/x/../../y"},
	"open":    {"/open", "/open/x"}, // public, and outside
}

// What of {cookie, token, both, other people's} opens what of {inside, outside, public}. A credential in the gate's
// format never reaches the app.
func TestWhatACredentialOpens(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/", "GATEPOST_PUBLIC=/open, /api/public", "GATEPOST_TOKENS=/api")
	l.signIn(t)
	m := l.makeToken(t, "ada@example.com", "all")
	expired := l.makeToken(t, "ada@example.com", "expired")
	revoked := l.makeToken(t, "ada@example.com", "revoked")
	l.exec(t, `UPDATE gatepost.api_token SET expires_at = now() - interval '1 second' WHERE name = 'expired'`)
	l.operate(t, "token", "revoke", revoked.ID)
	typo := m.Token[:len(m.Token)-1] + "a"
	if typo == m.Token {
		typo = m.Token[:len(m.Token)-1] + "b"
	}
	stranger := string(secret.NewAPIToken(secret.PersonalPrefix))
	own := map[string][]string{
		"Bearer":              {"Authorization: Bearer " + m.Token},
		"bearer":              {"Authorization: bearer  " + m.Token},
		"Basic":               {basic("git", m.Token)},
		"Basic, no name":      {basic("", m.Token)},
		"Basic, as name":      {basic(m.Token, "")},
		"Basic, as x":         {basic(m.Token, "x-oauth-basic")},
		"Basic, with junk":    {withJunk(basic("git", m.Token))},
		"Basic, in two parts": {"Authorization: Basic Z2l0Og==" + base64.StdEncoding.EncodeToString([]byte(m.Token))},
		"Basic, with a tab":   {strings.Replace(basic("git", m.Token), "Basic ", "Basic\t", 1)},
		"its own header":      {"X-Gatepost-Token: " + m.Token},
		"in lower case":       {"x-gatepost-token: " + m.Token},
		"beside another":      {"X-Gatepost-Token: " + m.Token, "Authorization: Bearer npm_AppsOwn"},
		"beside a Digest":     {"X-Gatepost-Token: " + m.Token, `Authorization: Digest username="ada", realm="x"`},
	}
	for name, headers := range own {
		for _, path := range append(where["inside"], where["public"]...) {
			var passed []string
			for _, h := range headers {
				if strings.HasPrefix(h, "Authorization: ") && len(headers) > 1 {
					passed = append(passed, h)
				}
			}
			l.passes(t, l.request("GET "+path, headers...), l.forwarded("GET "+path, "", l.identityOf(m, passed...)...))
			if t.Failed() {
				t.Fatalf("%s at %s", name, path)
			}
			l.refuses(t, l.request("GET "+path, append(headers, l.cookie)...), 400)
		}
		for _, kind := range []string{"outside", "open"} {
			for _, path := range where[kind] {
				l.refusesToken(t, "GET "+path, "invalid_token", 401, headers...)
			}
		}
		l.refuses(t, l.request("GET /open", append(headers, l.cookie)...), 400)
	}
	for name, headers := range map[string][]string{
		"wrong":               {"Authorization: Bearer " + stranger},
		"expired":             {"Authorization: Bearer " + expired.Token},
		"revoked":             {"Authorization: Bearer " + revoked.Token},
		"a typo":              {"Authorization: Bearer " + typo},
		"cut short":           {"Authorization: Bearer " + m.Token[:39]},
		"too long":            {"Authorization: Bearer " + m.Token + "a"},
		"in capitals":         {"Authorization: Bearer " + strings.ToUpper(m.Token)},
		"of the other kind":   {"Authorization: Bearer gps_" + m.Token[4:]},
		"another scheme":      {"Authorization: Token " + m.Token},
		"no scheme":           {"Authorization: " + m.Token},
		"Basic, wrong":        {basic("git", stranger)},
		"Basic, both":         {basic(m.Token, m.Token)},
		"Basic, with another": {basic(m.Token, "secret")},
		"Basic, broken":       {"Authorization: Basic " + base64.RawURLEncoding.EncodeToString([]byte("a:"+typo)) + "="},
		"no blank":            {"Authorization: Bearer" + m.Token},
		"an escaped blank":    {"Authorization: Bearer%20" + m.Token},
		"twice":               {"Authorization: Bearer " + m.Token, "Authorization: Bearer " + m.Token},
		"two credentials":     {"Authorization: Bearer " + m.Token, basic("app", "secret")},
		"its own header":      {"X-Gatepost-Token: " + typo},
		"junk in that":        {"X-Gatepost-Token: hello"},
		"nothing in that":     {"X-Gatepost-Token: "},
		"Basic by a page":     {basic("git", m.Token), "Sec-Fetch-Site: cross-site"},
		"Basic by its script": {basic("git", m.Token), "Origin: http://evil.example"},
		"Basic by a frame":    {basic("git", m.Token), "Origin: null"},
	} {
		for _, kind := range []string{"inside", "public", "outside", "open"} {
			for _, path := range where[kind] {
				if l.refusesToken(t, "GET "+path, "invalid_token", 401, headers...); t.Failed() {
					t.Fatalf("%s at %s", name, path)
				}
			}
		}
	}
	for _, headers := range [][]string{ // two places: nobody knows which one counts
		{"Authorization: Bearer " + m.Token, "X-Gatepost-Token: " + m.Token},
		{"Authorization: Bearer " + typo, "X-Gatepost-Token: " + m.Token},
	} {
		l.refuses(t, l.request("GET /api/x", headers...), 400)
	}
	for _, path := range []string{"/api/x?token=", "/api/public?access_token=", "/open?a=b&t=", "/api/", "/open/bot"} {
		l.refusesToken(t, "GET "+path+m.Token, "invalid_token", 401)
	}
	for _, name := range []string{"X-Api-Key", "private-token", "X-Auth-Token", "Proxy-Authorization: Bearer",
		"Sec-WebSocket-Protocol: chat,"} {
		h := strings.Replace(name+" "+m.Token, " ", ": ", 1)
		if strings.Contains(name, ":") {
			h = name + " " + m.Token
		}
		l.refusesToken(t, "GET /open", "invalid_token", 401, h)
		l.refuses(t, l.request("GET /api/x", h, "Authorization: Bearer "+m.Token), 400)
	}
	// Other people's credentials pass byte for byte, and open nothing.
	for _, h := range []string{"Authorization: Bearer abc.def.ghi", "Authorization: bearer   x  y", basic("ada", "secret"),
		"Authorization: Basic !!!", "Authorization: token ghp_" + m.Token[4:], "Authorization: AWS4-HMAC-SHA256 C=gpt_x/y",
		"Authorization: Bearer gpt_short", "Authorization:"} {
		l.refuses(t, l.request("GET /api/x", h), 401)
		l.passes(t, l.request("GET /open", h), l.forwarded("GET /open", "", strings.TrimSpace(h)+blankOf(h)))
		l.passes(t, l.request("GET /api/x", h, l.cookie),
			l.forwarded("GET /api/x", "", append(append([]string{}, l.identity...), strings.TrimSpace(h)+blankOf(h))...))
	}
	for _, text := range []string{m.Token, typo, expired.Token, stranger} {
		if strings.Contains(l.log.String(), text) {
			t.Error("the log has a token")
		}
	}
}

// withJunk puts characters into base64 that some readers skip.
func withJunk(s string) string { return s[:30] + "!" + s[30:33] + "." + s[33:] }

// blankOf is the blank that Go writes behind the colon of an empty header.
func blankOf(h string) string {
	if strings.HasSuffix(h, ":") {
		return " "
	}
	return ""
}

// refusesToken checks that a request is refused as RFC 6750 says, and that the app got nothing.
func (l *lane) refusesToken(t *testing.T, line, code string, status int, headers ...string) reply {
	t.Helper()
	r := l.refuses(t, l.request(line, headers...), status)
	challenge := strings.Join(r.header["Www-Authenticate"], "\n")
	if !strings.Contains(challenge, `error="`+code+`"`) ||
		!strings.Contains(r.body, `"code":"`+strings.ToUpper(code)+`"`) {
		t.Errorf("%s: challenge %q, %s", line, challenge, r.body)
	}
	return r
}

// Who sends nothing is asked for Basic where tokens are taken, as Git needs it, and no browser ever is.
func TestWhoIsAskedForBasic(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/", "GATEPOST_PUBLIC=/open", "GATEPOST_TOKENS=/api")
	wrong := "Authorization: Bearer " + string(secret.NewAPIToken(secret.PersonalPrefix))
	for _, c := range []struct {
		path    string
		headers []string
		status  int
		basic   bool
	}{
		{"/api/x", nil, 401, true},
		{"/api/x", []string{"User-Agent: git/2.39.5", "Accept: */*"}, 401, true},
		{"/api/x", []string{wrong}, 401, true},
		{"/api/x", browserOf("cors", "empty"), 401, false},
		{"/api/x", append(browserOf("cors", "empty"), wrong), 401, false},
		{"/api/x", browserOf("navigate", "document"), 303, false},
		{"/api/x", append(browserOf("navigate", "document"), wrong), 401, false},
		{"/api/x", []string{"Accept: text/html"}, 303, false},
		// Browsers say no Sec-Fetch-Mode to plain http.
		{"/api/x", []string{"Accept: */*", "Referer: http://" + l.host + "/"}, 401, false},
		{"/api/x", []string{"Accept: */*", "Referer: http://" + l.host + "/", wrong}, 401, false},
		{"/api/x", []string{"Accept: */*", "Origin: http://" + l.host}, 401, false},
		{"/api/x", []string{"X-Requested-With: XMLHttpRequest"}, 401, false},
		{"/api/x", []string{"Referer: install x"}, 401, true}, // npm
		{"/api/x", []string{"Cookie: " + l.cookieName() + "=dead"}, 401, false},
		{"/dashboard", nil, 401, false},
		{"/dashboard", []string{wrong}, 401, false},
		{"/API/x", nil, 401, false},
	} {
		r := l.refuses(t, l.request("GET "+c.path, c.headers...), c.status)
		said := r.header["Www-Authenticate"]
		asked := len(said) == 2 && strings.HasPrefix(said[0], "Bearer realm=") &&
			said[1] == `Basic realm="`+l.host+`", charset="UTF-8"`
		if asked != c.basic || !asked && strings.Contains(fmt.Sprint(said), "Basic") {
			t.Errorf("%s %q: %q", c.path, c.headers, said)
		}
	}
}

// A token is level 1 and never fresh. It is narrowed to rules and roles, and never has more than its user has now.
func TestATokenOpensNoMoreThanItsUserWants(t *testing.T) {
	t.Parallel()
	env := []string{"GATEPOST_PROTECT=/, /api/admin=admin, /api/vault=+aal2, /api/billing=+fresh=10m",
		"GATEPOST_PUBLIC=/api/public", "GATEPOST_TOKENS=/api, /git", "GATEPOST_ENCRYPTION_KEY=" + seal.NewKey()}
	l := newLane(t, append(env, "GATEPOST_SESSION_CACHE=0")...)
	strict := newLane(t, append(env, "DATABASE_URL="+l.database, "GATEPOST_TOKENS_AAL2=true")...)
	l.signIn(t)
	l.operate(t, "user", "set-role", "ada@example.com", "user,admin")
	m := l.makeToken(t, "ada@example.com", "all")
	bearer := "Authorization: Bearer " + m.Token
	status := func(l *lane, line string, want int, headers ...string) {
		t.Helper()
		if r := l.one(t, l.request(line, headers...)); r.status != want {
			t.Errorf("%s: %d, want %d: %s", line, r.status, want, r.body)
		}
		l.app.take()
	}
	status(l, "GET /api/admin", 200, bearer)
	for _, gate := range []*lane{l, strict} {
		gate.refusesToken(t, "GET /api/vault", "insufficient_user_authentication", 403, bearer)
		gate.refusesToken(t, "GET /api/billing", "insufficient_user_authentication", 403, bearer)
		gate.refusesToken(t, "GET /api/x/..%2fvault", "insufficient_user_authentication", 403, bearer)
	}
	l.exec(t, `UPDATE gatepost.api_token SET level = 2`)
	l.refusesToken(t, "GET /api/vault", "insufficient_user_authentication", 403, bearer)
	eventually(t, "the other gate hears of it", func() bool {
		return strict.one(t, strict.request("GET /api/vault", bearer)).status == 200
	})
	strict.app.take()
	strict.refusesToken(t, "GET /api/billing", "insufficient_user_authentication", 403, bearer)

	narrow := "Authorization: Bearer " + l.makeToken(t, "ada@example.com", "n", "--rules", "GET /api/x, /git/*.git",
		"--role", "user").Token
	status(l, "GET /api/x", 200, narrow)
	status(l, "HEAD /api/x/y", 200, narrow)
	status(l, "POST /git/a.git/git-upload-pack", 200, narrow)
	for _, line := range []string{"POST /api/x", "GET /api/y", "GET /api/public", "GET /api/x/..%2fy", "GET /git/a"} {
		l.refusesToken(t, line, "insufficient_scope", 403, narrow)
	}
	wide := "Authorization: Bearer " + l.makeToken(t, "ada@example.com", "w", "--role", "user").Token
	status(l, "GET /api/admin", 403, wide)
	status(l, "GET /api/x", 200, wide)
	l.operate(t, "user", "set-role", "ada@example.com", "guest")
	l.app.take()
	if r := l.one(t, l.request("GET /api/x", wide)); r.status != 200 ||
		!strings.Contains(strings.Join(l.app.take(), ""), "X-Auth-Roles: \r\n") {
		t.Errorf("with a role that its user has lost: %d", r.status)
	}
	status(l, "GET /api/admin", 403, bearer)
	l.exec(t, `UPDATE gatepost.api_token SET rules = '=/(', roles = NULL`)
	l.refusesToken(t, "GET /api/x", "insufficient_scope", 403, bearer)
}

// Where everybody has a second factor, a token opens no more than a session without one; a service account has none
// either. While the site is closed a token opens it for the roles that get there.
func TestATokenWhereMoreIsAsked(t *testing.T) {
	t.Parallel()
	env := []string{"GATEPOST_PROTECT=/", "GATEPOST_PUBLIC=/api/public", "GATEPOST_TOKENS=/api"}
	l := newLane(t, env...)
	strict := newLane(t, append(env, "DATABASE_URL="+l.database, "GATEPOST_SECOND_FACTOR=required",
		"GATEPOST_ENCRYPTION_KEY="+seal.NewKey())...)
	closed := newLane(t, append(env, "DATABASE_URL="+l.database, "GATEPOST_MAINTENANCE=true",
		"GATEPOST_MAINTENANCE_ROLES=admin")...)
	l.signIn(t)
	var made struct{ ID string }
	out := l.operate(t, "user", "create", "--service", "--name", "deploy", "--role", "admin", "--json")
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatal(err)
	}
	person := "Authorization: Bearer " + l.makeToken(t, "ada@example.com", "mine").Token
	service := "Authorization: Bearer " + l.makeToken(t, made.ID, "ci").Token
	for _, bearer := range []string{person, service} {
		strict.refusesToken(t, "GET /api/x", "insufficient_user_authentication", 403, bearer)
		if r := strict.one(t, strict.request("GET /api/public", bearer)); r.status != 200 {
			t.Errorf("a public path: %d %s", r.status, r.body)
		}
		strict.app.take()
	}
	closed.refuses(t, closed.request("GET /api/x", person), 503)
	closed.refuses(t, closed.request("GET /api/public", person), 503)
	closed.refuses(t, closed.request("GET /api/x", "Authorization: Bearer gps_"+strings.Repeat("a", 36)), 503)
	if r := closed.one(t, closed.request("GET /api/x", service)); r.status != 200 || len(closed.app.take()) != 1 {
		t.Errorf("a role that gets there: %d %s", r.status, r.body)
	}
}

// No token opens the account, writes below /api/auth, or makes tokens.
func TestNoTokenOpensTheAccount(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/", "GATEPOST_TOKENS=/")
	l.signIn(t)
	bearer := "Authorization: Bearer " + l.makeToken(t, "ada@example.com", "all").Token
	form := []string{bearer, formType, "Content-Length: 0"}
	if r := l.one(t, l.request("GET /x", bearer)); r.status != 200 || len(l.app.take()) != 1 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for _, path := range []string{"/account", "/account/tokens/make", "/account/name", "/account/export"} {
		l.refuses(t, l.request("GET "+path, bearer), 401, 303)
	}
	for _, path := range []string{"/account/tokens", "/account/tokens/make", "/account/tokens/revoke", "/account/name",
		"/account/delete", "/account/sessions/end-others"} {
		l.refuses(t, l.request("POST "+path, form...), 400, 401, 303)
	}
	for _, path := range []string{"/api/auth/update-user", "/api/auth/change-password", "/api/auth/revoke-sessions",
		"/api/auth/delete-user", "/api/auth/nothing"} {
		raw := l.request("POST "+path, bearer, "Content-Type: application/json", "Content-Length: 2") + "{}"
		l.refuses(t, raw, 400, 401, 403, 404)
	}
	if r := l.one(t, l.request("GET /api/auth/get-session", bearer)); strings.TrimSpace(r.body) != "null" {
		t.Errorf("get-session knows %s", r.body)
	}
}

// A stolen token that is revoked opens nothing, from the next request on, at each gate, and its stream ends. So does
// that of a user who is disabled or deleted.
func TestARevokedTokenIsOverEverywhere(t *testing.T) {
	t.Parallel()
	env := []string{"GATEPOST_PROTECT=/", "GATEPOST_TOKENS=/api, /dashboard"}
	l := newLane(t, env...)
	second := newLane(t, append(env, "DATABASE_URL="+l.database)...)
	gates := []*lane{l, second}
	v := l.signIn(t)
	for name, end := range map[string]func(madeToken){
		"by a command": func(m madeToken) { l.operate(t, "token", "revoke", m.ID) },
		"on the page": func(m madeToken) {
			if r := v.post("/account/tokens/revoke", "id", m.ID); r.status != 303 {
				t.Fatalf("%d %s", r.status, r.body)
			}
		},
		"with all others": func(madeToken) {
			if r := v.post("/account/sessions/end-others", "tokens", "on"); r.status != 303 {
				t.Fatalf("%d %s", r.status, r.body)
			}
		},
		"by SQL":      func(m madeToken) { l.exec(t, `DELETE FROM gatepost.api_token WHERE id = '`+m.ID+`'`) },
		"by its end":  func(m madeToken) { l.exec(t, `UPDATE gatepost.api_token SET expires_at = now()`) },
		"by TRUNCATE": func(madeToken) { l.exec(t, `TRUNCATE gatepost.api_token`) },
	} {
		m := l.makeToken(t, "ada@example.com", name)
		l.endsToken(t, name, m, gates, end)
	}
	m := l.makeToken(t, "ada@example.com", "disabled")
	l.endsToken(t, "disabled", m, gates, func(madeToken) { l.operate(t, "user", "disable", "ada@example.com") })
	l.operate(t, "user", "enable", "ada@example.com")
	m = l.makeToken(t, "ada@example.com", "deleted")
	l.endsToken(t, "deleted", m, gates, func(madeToken) { l.operate(t, "user", "delete", "ada@example.com") })
}

// endsToken uses a token at each gate, ends it, and checks that nothing goes on.
func (l *lane) endsToken(t *testing.T, name string, m madeToken, gates []*lane, end func(madeToken)) {
	t.Helper()
	bearer := "Authorization: Bearer " + m.Token
	var streams []net.Conn
	for _, g := range gates {
		g.app.answerWith("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\ndata: 1\n\n")
		stream := g.dial(t, g.request("GET /api/events", bearer))
		for in, line := bufio.NewReader(stream), ""; line != "data: 1\n"; {
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				t.Fatalf("%s, before: %v", name, err)
			}
		}
		streams = append(streams, stream)
		g.app.answerWith(fine)
		if r := g.one(t, g.request("GET /api/x", bearer)); r.status != 200 {
			t.Fatalf("%s, before: %d %s", name, r.status, r.body)
		}
		g.app.take()
	}
	end(m)
	for _, stream := range streams {
		if _, err := io.Copy(io.Discard, stream); isTimeout(err) {
			t.Fatalf("%s: its stream goes on", name)
		}
	}
	ended := time.Now()
	for _, g := range gates {
		for began := ended; began.Sub(ended) <= time.Second &&
			g.one(t, g.request("GET /api/x", bearer)).status != 401; began = time.Now() {
			g.app.take() // at another gate this may take a moment
		}
		g.app.take() // of a request at the very moment
		if g.refusesToken(t, "GET /api/x", "invalid_token", 401, bearer); t.Failed() {
			t.Fatalf("%s: it goes on", name)
		}
	}
}

// An app that gets addresses under a name of its own may take one for a person: a service account has none to give it,
// on a public path either.
func TestAServiceAccountHasNoAddressForApps(t *testing.T) {
	t.Parallel()
	env := []string{"GATEPOST_PROTECT=/", "GATEPOST_PUBLIC=/api/public", "GATEPOST_TOKENS=/api"}
	l := newLane(t, env...)
	named := newLane(t, append(env, "DATABASE_URL="+l.database, "GATEPOST_SIGNUP=closed",
		"GATEPOST_IDENTITY_HEADERS=X-Auth-User=id, Remote-User=email")...)
	inText := newLane(t, append(env, "DATABASE_URL="+l.database, "GATEPOST_SIGNUP=closed",
		"GATEPOST_IDENTITY_HEADERS=X-Auth-User=id, X-From={name:ascii} <{email}>")...)
	var made struct{ ID, Email string }
	out := l.operate(t, "user", "create", "--service", "--name", "deploy", "--json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Email != made.ID+"@service.invalid" {
		t.Fatalf("%v: %s", err, out)
	}
	bearer := "Authorization: Bearer " + l.makeToken(t, made.ID, "ci").Token
	for _, path := range []string{"/api/x", "/api/public"} {
		if r := l.one(t, l.request("GET "+path, bearer)); r.status != 200 ||
			!strings.Contains(strings.Join(l.app.take(), ""), "X-Auth-Email: "+made.Email+"\r\n") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
		for _, g := range []*lane{named, inText} {
			g.refuses(t, g.request("GET "+path, bearer), 403)
		}
	}
	v := l.visitor(t)
	v.signUp("ada@example.com")
	person := "Authorization: Bearer " + l.makeToken(t, "ada@example.com", "mine").Token
	if r := named.one(t, named.request("GET /api/x", person)); r.status != 200 ||
		!strings.Contains(strings.Join(named.app.take(), ""), "Remote-User: ada@example.com\r\n") {
		t.Errorf("a person: %d %s", r.status, r.body)
	}
}
