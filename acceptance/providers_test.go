package acceptance_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"html"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/provider/providertest"
)

// corp are the settings with which a gate signs people in with a provider of the tests.
func corp(s *providertest.Server) []string {
	const of = "GATEPOST_OIDC_CORP_"
	return []string{of + "ISSUER=" + s.URL(), of + "CLIENT_ID=" + s.ClientID, of + "CLIENT_SECRET=" + s.ClientSecret,
		of + "LABEL=Example Staff"}
}

// startCorp runs a gate with that provider before an app.
func startCorp(t *testing.T, s *providertest.Server, env ...string) *running {
	t.Helper()
	settings := append(corp(s), "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)
	return startGate(t, append(settings, env...)...)
}

var onward = regexp.MustCompile(`<a class="go" href="([^"]+)"`)

// begin presses a provider's button on the login page, and returns where the page after it leads.
func (v *visitor) begin(name string, pairs ...string) (address string) {
	v.t.Helper()
	r := v.post("/login/with/"+name, pairs...)
	found := onward.FindStringSubmatch(r.body)
	if r.status != 200 || found == nil {
		v.t.Fatalf("the button of %s: %d %s", name, r.status, r.body)
	}
	address = html.UnescapeString(found[1])
	if r.header.Get("Refresh") != "0; url="+address {
		v.t.Errorf("the link is %s, and the page goes on by itself to %s", address, r.header.Get("Refresh"))
	}
	return address
}

// come signs in with the provider corp, and returns the last answer.
func (v *visitor) come(s *providertest.Server, pairs ...string) reply {
	v.t.Helper()
	answer := s.Authorize(v.t, v.begin("corp", pairs...))
	return v.open("/api/auth/callback/corp?" + answer.Encode())
}

// Two settings are enough. Nothing is asked of the provider before somebody comes, so that no network is needed.
func TestTwoSettingsPutGitHubOnTheLoginPage(t *testing.T) {
	t.Parallel()
	env := []string{"DATABASE_URL=" + authtest.NewDatabase(t), "GATEPOST_UPSTREAM=" + newApp(t).url}
	without := startGate(t, env...).visitor(t)
	github := startGate(t, append(env, "GATEPOST_GITHUB_CLIENT_ID=Iv1.0123456789abcdef",
		"GATEPOST_GITHUB_CLIENT_SECRET=0123456789abcdef0123456789abcdef01234567")...).visitor(t)
	for _, page := range []string{"/login", "/signup"} {
		const button = `formaction="/login/with/github"`
		if r := github.open(page); r.status != 200 || !strings.Contains(r.body, button) ||
			!strings.Contains(r.body, "GitHub") {
			t.Errorf("%s has no button: %d %s", page, r.status, r.body)
		}
		if r := without.open(page); strings.Contains(r.body, `formaction="/login/with/`) {
			t.Errorf("%s has a button without the settings: %s", page, r.body)
		}
	}
	to, err := url.Parse(github.begin("github"))
	if err != nil || to.Host != "github.com" || to.Path != "/login/oauth/authorize" ||
		to.Query().Get("client_id") != "Iv1.0123456789abcdef" || to.Query().Get("code_challenge_method") != "S256" ||
		to.Query().Get("redirect_uri") != github.gate.url+"/api/auth/callback/github" {
		t.Errorf("the button leads to %s, %v", to, err)
	}
	if r := without.post("/login/with/github"); !strings.HasPrefix(r.body, "app page ") {
		t.Errorf("without the settings the button's address is the gate's: %d %s", r.status, r.body)
	}
}

func TestSignInWithAProviderThroughTheWholeProgram(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	g := startCorp(t, s, watched, "GATEPOST_OIDC_CORP_TRUST_EMAIL=true")
	v := g.visitor(t)
	if r := v.open("/dashboard?tab=2"); r.location() != "/login?next=%2Fdashboard%3Ftab%3D2" {
		t.Fatalf("nobody is let in: %d to %s", r.status, r.location())
	}
	if r := v.come(s, "next", "/dashboard?tab=2"); r.status != 303 || r.location() != "/dashboard?tab=2" {
		t.Fatalf("the answer of the provider: %d to %q\n%s", r.status, r.location(), r.body)
	}
	if r := v.open("/dashboard"); r.status != 200 || !strings.Contains(r.body, `for "ada@example.com" roles "user"`) {
		t.Errorf("the app is told: %d %s", r.status, r.body)
	}
	other := g.visitor(t)
	other.come(s) // from another browser, to the same account
	if r := other.open("/account"); !strings.Contains(r.body, "Ada Lovelace") ||
		!strings.Contains(r.body, `action="/account/sessions/end-others"`) {
		t.Errorf("the second time they are somebody else: %d %s", r.status, r.body)
	}
}

// While a provider hangs, others log in, and pages come before it gives up on anybody.
func TestASlowProviderDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"discovery", "token"} {
		fast := false
		for tries := 0; !fast && tries < 5; tries++ { // on a busy machine the provider may be given up on before
			fast = pagesOvertake(t, endpoint)
		}
		if !fast {
			t.Errorf("pages and logins wait for %s", endpoint)
		}
	}
}

// pagesOvertake reports whether a round of pages is done while the gate still waits for a provider.
func pagesOvertake(t *testing.T, endpoint string) bool {
	t.Helper()
	s := providertest.New(t)
	g := startCorp(t, s)
	g.visitor(t).signUp("grace@example.com")
	const many = 20
	var waiting []*http.Request // an answer works once, so each is of a sign-in of its own
	for range many {
		r, _ := http.NewRequest("POST", g.url+"/login/with/corp", nil)
		if endpoint == "token" {
			r = g.forge(t, "127.0.0.1")
		}
		waiting = append(waiting, r)
	}
	s.Hold(endpoint)
	held := s.Requests(endpoint)
	var stuck sync.WaitGroup
	var over atomic.Int64
	for _, r := range waiting {
		stuck.Go(func() {
			defer over.Add(1)
			if res, err := http.DefaultClient.Do(r); err == nil {
				_ = res.Body.Close()
			}
		})
	}
	eventually(t, "the provider is asked", func() bool { return s.Requests(endpoint) > held })
	v := g.visitor(t)
	if r := g.visitor(t).open("/login"); r.status != 200 || !strings.Contains(r.body, "/login/with/corp") {
		t.Errorf("%s hangs: the login page gets %d", endpoint, r.status)
	}
	if r := v.post("/login", "email", "grace@example.com", "password", password); r.status != 303 {
		t.Errorf("%s hangs: a login gets %d %s", endpoint, r.status, r.body)
	}
	for _, page := range []string{"/dashboard", "/account", "/public"} {
		if r := v.open(page); r.status != 200 {
			t.Errorf("%s hangs: %s gets %d", endpoint, page, r.status)
		}
	}
	first := over.Load() < many
	s.Release()
	stuck.Wait()
	return first
}

// A provider that is down shows on its button, in the metrics and in a check. Passwords go on working, and once it is
// up again so does it.
func TestAProviderThatIsDownShows(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	database := authtest.NewDatabase(t)
	env := append(corp(s), "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+newApp(t).url)
	g := startGate(t, env...)
	v := g.visitor(t)
	const says, metric = "does not answer at the moment", `gatepost_provider_down{provider="corp"} `
	if r := v.open("/login"); strings.Contains(r.body, says) {
		t.Errorf("the button of a provider that is up: %s", r.body)
	}
	if m := g.metrics(t); !strings.Contains(m, metric+"0\n") {
		t.Errorf("the metrics of a provider that is up have no %q", metric+"0")
	}
	s.Misbehave(providertest.Answer("discovery", 503, ""))
	r := v.post("/login/with/corp")
	if r.status != 503 || !strings.Contains(r.body, "Example Staff does not answer") ||
		!strings.Contains(r.body, `href="/login?choose=`) {
		t.Errorf("the button of a provider that is down: %d %s", r.status, r.body)
	}
	for _, page := range []string{"/login", "/signup"} {
		if r := v.open(page); r.status != 200 || !strings.Contains(r.body, says) {
			t.Errorf("%s does not say so: %d %s", page, r.status, r.body)
		}
	}
	if m := g.metrics(t); !strings.Contains(m, metric+"1\n") {
		t.Errorf("the metrics have no %q", metric+"1")
	}
	out, code := runGate(t, []string{"check"}, append(env, "GATEPOST_OPS_LISTEN=off")...)
	if code == 0 || !strings.Contains(out, "GATEPOST_OIDC_CORP_ISSUER: nobody can sign in with Example Staff now") ||
		!strings.Contains(out, "http://localhost:8080/api/auth/callback/corp") {
		t.Errorf("check: exit %d: %s", code, out)
	}
	v.signUp("grace@example.com")
	if r := v.open("/dashboard"); r.status != 200 {
		t.Errorf("with a password: %d", r.status)
	}
	s.Behave()
	out, code = runGate(t, []string{"check"}, append(env, "GATEPOST_OPS_LISTEN=off")...)
	if code != 0 {
		t.Errorf("check of a provider that is up: exit %d: %s", code, out)
	}
	eventually(t, "the provider is tried again", func() bool {
		return g.visitor(t).post("/login/with/corp").status == 200
	})
	if r := g.visitor(t).open("/login"); strings.Contains(r.body, says) {
		t.Errorf("the button says that the provider is still down: %s", r.body)
	}
	if m := g.metrics(t); !strings.Contains(m, metric+"0\n") {
		t.Errorf("the metrics say that the provider is still down")
	}
}

// An app with an /api/auth/ of its own gets all of it, and the provider answers elsewhere.
func TestTheAPIOfTheAppMovesTheCallback(t *testing.T) {
	t.Parallel()
	s, a := providertest.New(t), newApp(t)
	env := append(corp(s), "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+a.url, "GATEPOST_API_AUTH=app")
	v := startGate(t, env...).visitor(t)
	answer := s.Authorize(t, v.begin("corp")).Encode()
	for _, path := range []string{"/api/auth/callback/corp?" + answer, "/api/auth/session", "/api/auth/"} {
		if r := v.open(path); r.status != 200 || !strings.HasPrefix(r.body, "app page ") {
			t.Errorf("%s: %d %.200s", path, r.status, r.body)
		}
	}
	if seen := strings.Join(a.take(), "\n"); !strings.Contains(seen, "GET /api/auth/callback/corp?") {
		t.Errorf("the app saw %s", seen)
	}
	if r := v.open("/dashboard"); r.status != 303 {
		t.Fatalf("the app's callback has opened the gate: %d", r.status)
	}
	if r := v.open("/.gatepost/callback/corp?" + answer); r.status != 303 || r.location() != "/" {
		t.Errorf("the gate's callback: %d to %q\n%s", r.status, r.location(), r.body)
	}
	if r := v.open("/dashboard"); r.status != 200 {
		t.Errorf("the dashboard: %d", r.status)
	}
	out, _ := runGate(t, []string{"check"}, append(env, "GATEPOST_OPS_LISTEN=off")...)
	if !strings.Contains(out, "/.gatepost/callback/corp") || strings.Contains(out, "/api/auth/callback/corp") {
		t.Errorf("check names another callback: %s", out)
	}
}

// tokenApp tells which tokens of providers it was sent, under whatever spelling.
func tokenApp(t *testing.T) string {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			if strings.EqualFold(strings.ReplaceAll(name, "_", "-"), "X-Auth-Provider-Token") {
				_, _ = io.WriteString(w, "token "+strings.Join(values, " "))
			}
		}
	}))
	t.Cleanup(app.Close)
	return app.URL
}

// key is one for GATEPOST_ENCRYPTION_KEY.
var key = "GATEPOST_ENCRYPTION_KEY=" + base64.StdEncoding.EncodeToString([]byte("an encryption key of 32 bytes !!"))

func TestTheAppGetsTheTokenOfAProviderWhereItWasToldAlone(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	g := startGate(t, append(corp(s), "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+tokenApp(t), key,
		"GATEPOST_KEEP_PROVIDER_TOKENS=true", "GATEPOST_PROVIDER_TOKEN_PATHS=/calendar, /dashboard/files")...)
	with, without, nobody := g.visitor(t), g.visitor(t), g.visitor(t)
	with.come(s)
	without.signUp("grace@example.com") // came by no provider
	forged := []string{"X-Auth-Provider-Token: forged", "X_Auth_Provider_Token: forged"}
	for _, path := range []string{"/calendar", "/calendar/", "/calendar/2026?day=1", "/dashboard/files/x"} {
		r := with.do("GET", path, nil, forged...)
		token, ok := strings.CutPrefix(r.body, "token ")
		if r.status != 200 || !ok {
			t.Fatalf("%s: %d %s", path, r.status, r.body)
		}
		whose, _ := http.NewRequest("GET", s.Base()+"/userinfo", nil)
		whose.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(whose)
		if err != nil {
			t.Fatal(err)
		}
		claims, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if !strings.Contains(string(claims), `"sub":"ada-1"`) {
			t.Errorf("%s: the token opens %s", path, claims)
		}
		for _, v := range []*visitor{without, nobody} {
			if r := v.do("GET", path, nil, forged...); strings.Contains(r.body, "token") {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
		}
	}
	for _, path := range []string{"/", "/calendars", "/x/calendar", "/dashboard", "/dashboard/file", "/%63alendar",
		"//calendar", "/calendar;x", "/x/../calendar", "/x/..%2fcalendar", "/CALENDAR"} {
		if r := with.do("GET", path, nil, forged...); strings.Contains(r.body, "token ") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if log := g.log.String(); strings.Contains(log, "access-") || strings.Contains(log, "refresh-") {
		t.Error("a token stands in the log")
	}
}

// appleSettings are those of a gate that finds Apple at a provider of the tests: Apple's address cannot be configured,
// so the gate connects through a proxy that leads elsewhere.
func appleSettings(t *testing.T, s *providertest.Server) []string {
	t.Helper()
	const name = "appleid.apple.com"
	for member, path := range map[string]string{"issuer": "", "authorization_endpoint": "/authorize",
		"token_endpoint": "/token", "jwks_uri": "/jwks"} {
		s.Misbehave(providertest.Metadata(member, "https://"+name+path))
	}
	s.Misbehave(providertest.Metadata("userinfo_endpoint", nil), providertest.Metadata("end_session_endpoint", nil),
		providertest.Claim("iss", "https://"+name),
		providertest.Metadata("token_endpoint_auth_methods_supported", []string{"client_secret_post"}),
		providertest.ResponseIssuer("https://"+name))
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	base, _ := url.Parse(s.Base())
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(base))
	front.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	front.StartTLS()
	t.Cleanup(front.Close)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(private)
	return []string{"SSL_CERT_FILE=" + root, "HTTPS_PROXY=" + startTunnel(t, front.Listener.Addr().String()),
		"GATEPOST_APPLE_CLIENT_ID=" + s.ClientID, "GATEPOST_APPLE_TEAM_ID=TEAM012345", "GATEPOST_APPLE_KEY_ID=KEY0123456",
		"GATEPOST_APPLE_PRIVATE_KEY=" + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))}
}

// startTunnel runs a proxy that connects everybody to one address, whatever they ask for.
func startTunnel(t *testing.T, address string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		out, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		defer out.Close()
		in, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer in.Close()
		_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		_, _ = io.Copy(in, out)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Apple's answer is a post across sites, which browsers send without our cookies. It opens nothing: the browser comes
// again for it, with its cookie.
func TestApplesAnswerIsPostedAndOpensNothing(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	g := startGate(t, append(appleSettings(t, s), "DATABASE_URL="+authtest.NewDatabase(t),
		"GATEPOST_UPSTREAM="+newApp(t).url)...)
	v, stranger := g.visitor(t), g.visitor(t)
	const callback = "/api/auth/callback/apple"
	post := func(answer url.Values) reply { // without cookies
		return g.visitor(t).do("POST", callback, strings.NewReader(answer.Encode()), navigate,
			"Sec-Fetch-Site: cross-site", "Origin: https://appleid.apple.com")
	}
	begin := func(v *visitor) url.Values {
		return s.Authorize(t, strings.Replace(v.begin("apple", "next", "/dashboard?tab=2"),
			"https://appleid.apple.com", s.Base(), 1))
	}
	answer := begin(v)
	answer.Set("user", `{"name":{"firstName":"Ada","lastName":"King"}}`)
	r := post(answer)
	if r.status != 303 || r.location() != callback+"?state="+answer.Get("state") || r.header["Set-Cookie"] != nil {
		t.Fatalf("the post: %d to %q, %v", r.status, r.location(), r.header["Set-Cookie"])
	}
	back := r.location()
	if r := stranger.open(back); r.status != 400 {
		t.Errorf("another browser gets %d to %q", r.status, r.location())
	}
	if r := v.open(back); r.status != 303 || r.location() != "/dashboard?tab=2" {
		t.Fatalf("the browser that began: %d to %q\n%s", r.status, r.location(), r.body)
	}
	if r := v.open("/account"); !strings.Contains(r.body, "ada@example.com") {
		t.Errorf("they are %d %s", r.status, r.body)
	}
	if s.LastSecret() == "" {
		t.Error("the gate has signed no client secret")
	}
	if r := v.open(back); r.status != 400 {
		t.Errorf("the second time: %d to %q", r.status, r.location())
	}
	// Whoever posts first, with a code of their own, does not get it into another browser that has no such cookie; a
	// second post changes nothing.
	late := begin(stranger)
	post(url.Values{"state": late["state"], "iss": late["iss"], "error": {"user_cancelled_authorize"}})
	post(late)
	if r := stranger.open(callback + "?state=" + late.Get("state")); r.status != 403 {
		t.Errorf("the second answer counts: %d to %q", r.status, r.location())
	}
	for name, values := range badAnswers() {
		r := post(values)
		if r.status != 303 || !strings.HasPrefix(r.location(), callback+"?state=") || r.header["Set-Cookie"] != nil {
			t.Errorf("%s: %d to %q, %v", name, r.status, r.location(), r.header["Set-Cookie"])
		}
		if r := g.visitor(t).open(r.location()); r.status != 400 {
			t.Errorf("%s, then: %d to %q", name, r.status, r.location())
		}
	}
	if r := post(url.Values{"state": {strings.Repeat("x", 70_000)}}); r.status != 413 {
		t.Errorf("a huge form: %d", r.status)
	}
	if r := g.visitor(t).do("POST", callback, nil, "Content-Type: text/plain"); r.status/100 != 4 && r.status != 303 {
		t.Errorf("no form: %d", r.status)
	}
}

// badAnswers are answers that nobody waits for.
func badAnswers() map[string]url.Values {
	state := strings.Repeat("s", 43)
	return map[string]url.Values{
		"nothing":             {},
		"a code alone":        {"code": {"x"}},
		"a state alone":       {"state": {state}},
		"an unknown state":    {"state": {state}, "code": {"x"}},
		"a refusal":           {"state": {state}, "error": {"access_denied"}},
		"a refusal of nobody": {"error": {"access_denied"}},
		"an issuer":           {"state": {state}, "code": {"x"}, "iss": {"https://evil.example"}},
		"markup":              {"state": {"<script>alert(1)</script>"}, "error": {"<script>alert(1)</script>"}},
		"control characters":  {"state": {"\x00\n\x7f"}, "code": {"\x00"}},
		"invalid UTF-8":       {"state": {"\xff\xfe"}, "code": {"\xff"}},
		"a long state":        {"state": {strings.Repeat("s", 5000)}, "code": {"x"}},
		"a long code":         {"state": {state}, "code": {strings.Repeat("c", 5000)}},
		"two states":          {"state": {state, state}, "code": {"x"}},
		"two codes":           {"state": {state}, "code": {"x", "y"}},
	}
}

// mustStray checks an answer that came to nothing: a page with a way on, which repeats nothing and opens nothing.
func (v *visitor) mustStray(what string, r reply) {
	v.t.Helper()
	if r.status < 400 || r.status > 499 {
		v.t.Errorf("%s: status %d to %q", what, r.status, r.location())
	}
	if !strings.Contains(r.body, `href="/login?choose=`) || strings.Contains(r.body, "alert(1)") ||
		r.header.Get("Cache-Control") != "no-store" {
		v.t.Errorf("%s: %v %s", what, r.header, r.body)
	}
	if r := v.open("/dashboard"); r.status != 303 {
		v.t.Errorf("%s opens the dashboard: %d", what, r.status)
	}
}

func TestCallbacksThatNobodyWaitsForAreRefused(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	other := providertest.New(t, providertest.Client("other", "hush"))
	g := startCorp(t, s, "GATEPOST_OIDC_OTHER_ISSUER="+other.URL(), "GATEPOST_OIDC_OTHER_CLIENT_ID=other",
		"GATEPOST_OIDC_OTHER_CLIENT_SECRET=hush", watched)
	const callback = "/api/auth/callback/corp"
	v := g.visitor(t)
	for name, values := range badAnswers() {
		v.mustStray(name, v.open(callback+"?"+values.Encode()))
	}
	for _, query := range []string{"%", "state=%zz", "a;b", "state", "&&&", strings.Repeat("&x", 5000), "state=a&state"} {
		v.mustStray(query[:min(len(query), 20)], v.open(callback+"?"+query))
	}
	for _, word := range []string{"access_denied", "invalid_request", "unauthorized_client", "unsupported_response_type",
		"invalid_scope", "server_error", "temporarily_unavailable", "interaction_required", "login_required",
		"account_selection_required", "consent_required", "invalid_request_uri", "invalid_request_object",
		"request_not_supported", "registration_not_supported", "user_cancelled_authorize", "<script>alert(1)</script>", "x"} {
		s.Misbehave(providertest.Refuse(word))
		v.mustStray("error="+word, v.come(s))
	}
	s.Behave()
	v.mustStray("a state of another provider",
		v.open("/api/auth/callback/other?"+s.Authorize(t, v.begin("corp")).Encode()))
	answer := s.Authorize(t, v.begin("corp"))
	stranger := g.visitor(t)
	stranger.mustStray("a state of another browser", stranger.open(callback+"?"+answer.Encode()))
	for _, method := range []string{"HEAD", "POST", "PUT", "DELETE"} {
		if r := v.do(method, callback+"?"+answer.Encode(), nil, navigate); r.status != 405 {
			t.Errorf("%s of the callback: %d", method, r.status)
		}
	}
	if r := v.open("/.gatepost/callback/corp?" + answer.Encode()); r.status != 404 {
		t.Errorf("a callback elsewhere: %d to %q", r.status, r.location())
	}
	if r := v.open(callback + "?" + answer.Encode()); r.status != 303 { // none of this has used it up
		t.Fatalf("the right one: %d to %q\n%s", r.status, r.location(), r.body)
	}
	again := g.visitor(t)
	again.client.Jar.SetCookies(mustURL(g.url), v.client.Jar.Cookies(mustURL(g.url)))
	v.post("/logout")
	again.mustStray("the same once more", again.open(callback+"?"+answer.Encode()))
}

func mustURL(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}

func TestLogoutTokensThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	g := startCorp(t, s)
	v := g.visitor(t)
	v.come(s)
	const path = "/.gatepost/backchannel/corp"
	bad := func(name, body string, want int, headers ...string) {
		t.Helper()
		r := g.visitor(t).do("POST", path, strings.NewReader(body), headers...)
		if r.status != want || r.header.Get("Cache-Control") != "no-store" || r.header["Set-Cookie"] != nil {
			t.Errorf("%s: %d %v, want %d", name, r.status, r.header, want)
		}
		if r := v.fetch("/dashboard"); r.status != 200 {
			t.Fatalf("%s has ended the session", name)
		}
	}
	form := func(token string) string { return url.Values{"logout_token": {token}}.Encode() }
	changed := func(name string, value any) string {
		return form(s.SignLogout("ada-1", "sid-ada-1", map[string]any{name: value}))
	}
	good := s.SignLogout("ada-1", "sid-ada-1", nil)
	parts := strings.Split(good, ".")
	const event = "http://schemas.openid.net/event/backchannel-logout"
	for name, body := range map[string]string{
		"nothing": "", "another field": "token=x", "an empty token": form(""), "garbage": form("a.b.c"),
		"no signature": form(parts[0] + "." + parts[1] + "."), "half a token": form(parts[0]),
		"two tokens": form(good) + "&" + form(good), "bad form": "logout_token=%zz",
		"huge token": form(strings.Repeat("x", 20<<10)), "control characters": form("\x00\xff"),
		"another issuer": changed("iss", "https://evil.example"), "another audience": changed("aud", "somebody"),
		"no audience": changed("aud", nil), "a nonce": changed("nonce", "x"), "no event": changed("events", nil),
		"another event": changed("events", map[string]any{"https://example.com/": map[string]any{}}),
		"a list":        changed("events", map[string]any{event: []any{}}),
		"no object":     changed("events", map[string]any{event: "x"}),
		"no id":         changed("jti", nil), "an empty id": changed("jti", ""), "a number": changed("jti", 7),
		"expired": changed("exp", time.Now().Add(-time.Hour).Unix()), "never expires": changed("exp", nil),
		"issued tomorrow": changed("iat", time.Now().Add(24*time.Hour).Unix()),
		"issued long ago": changed("iat", time.Now().Add(-24*time.Hour).Unix()), "issued never": changed("iat", nil),
		"nobody": form(s.SignLogout("", "", map[string]any{"sub": nil, "sid": nil})),
		"ID token": form(s.Sign(map[string]any{"iss": s.URL(), "aud": "gate", "sub": "ada-1",
			"exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix()})),
	} {
		bad(name, body, 400)
	}
	for name, fault := range map[string]providertest.Fault{
		"algorithm none": providertest.Header("alg", "none"), "HS256": providertest.Header("alg", "HS256"),
		"another type": providertest.Header("typ", "at+jwt"), "another key": providertest.WrongKey(),
		"an unknown key":    providertest.Header("kid", "nobody"),
		"a critical header": providertest.Header("crit", []string{"x"}),
	} {
		s.Misbehave(fault)
		body := form(s.SignLogout("ada-1", "sid-ada-1", nil))
		s.Behave()
		bad(name, body, 400)
	}
	bad("a form that is too large", form(strings.Repeat("x", 70<<10)), 413)
	bad("no form", form(good), 400, "Content-Type: application/json")
	if r := v.do("GET", path+"?logout_token="+good, nil); r.status != 405 || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("GET: %d %v", r.status, r.header)
	}
	if r := g.visitor(t).do("POST", "/.gatepost/backchannel/nobody", strings.NewReader(form(good))); r.status != 404 {
		t.Errorf("an unknown provider: %d", r.status)
	}
	// Servers send it, and whatever they say of themselves is no reason to refuse it.
	r := g.visitor(t).do("POST", path, strings.NewReader(form(good)), "Origin: https://id.example.com",
		"Sec-Fetch-Site: cross-site")
	if r.status != 200 || r.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the right one: %d %v", r.status, r.header)
	}
	v.becomes("/dashboard", 401)
	later := providertest.Ada
	later.Claims = map[string]any{"sid": "sid-ada-2"} // another session at the provider
	s.SetPerson(later)
	v.come(s)
	bad("the same once more", form(good), 400)
}
