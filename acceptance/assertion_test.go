package acceptance_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/seal"
)

const assertionOn = "GATEPOST_ASSERTION_HEADER=X-Auth-Assertion"

// verifying is an app that answers with the assertion that it got, as it was sent.
func verifying(t *testing.T) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			if strings.EqualFold(strings.NewReplacer("_", "-", ".", "-").Replace(name), "X-Auth-Assertion") {
				fmt.Fprint(w, strings.Join(values, " and "))
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// keySet fetches the public keys, as an app does.
func (g *running) keySet(t *testing.T) (set jose.JSONWebKeySet, raw string) {
	t.Helper()
	res := g.visitor(t).fetch("/.gatepost/jwks.json")
	if err := json.Unmarshal([]byte(res.body), &set); err != nil || res.status != 200 {
		t.Fatalf("the keys: %d %s, %v", res.status, res.body, err)
	}
	return set, res.body
}

// claimsOf verifies an assertion by the keys of a gate.
func (g *running) claimsOf(t *testing.T, assertion string) (claims map[string]any, header jose.Header) {
	t.Helper()
	parsed, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatalf("the app got %q: %v", assertion, err)
	}
	set, _ := g.keySet(t)
	keys := set.Key(parsed.Headers[0].KeyID)
	if len(keys) != 1 {
		t.Fatalf("it is signed by %s, and there are %v", parsed.Headers[0].KeyID, set)
	}
	if err := parsed.Claims(keys[0], &claims); err != nil {
		t.Fatal(err)
	}
	return claims, parsed.Headers[0]
}

// The app learns who is signed in by a token that it can verify; nobody else can send one, and who is signed out has
// none.
func TestTheAssertionSaysWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+verifying(t), assertionOn, key,
		"GATEPOST_ASSERTION_AUDIENCE=shop")
	v := g.visitor(t)
	forged := []string{"X-Auth-Assertion: forged", "X_auth_assertion: forged", "X.Auth.Assertion: forged"}
	if r := v.do("GET", "/", nil, forged...); r.status != 200 || r.body != "" {
		t.Errorf("signed out, the app got %d %q", r.status, r.body)
	}
	began := time.Now().Add(-time.Second)
	v.signUp("ada@example.com")
	first := v.do("GET", "/dashboard", nil, forged...).body
	claims, header := g.claimsOf(t, first)
	if header.ExtraHeaders["typ"] != "gatepost+jwt" || header.Algorithm != "ES256" {
		t.Errorf("its header is %+v", header)
	}
	var user, sid string
	row := authtest.Pool(t, url).QueryRow(t.Context(), `SELECT user_id, id FROM gatepost.session`)
	if err := row.Scan(&user, &sid); err != nil {
		t.Fatal(err)
	}
	at := func(name string) time.Time { n, _ := claims[name].(float64); return time.Unix(int64(n), 0) }
	for _, name := range []string{"auth_time", "iat", "nbf"} {
		if at(name).Before(began.Truncate(time.Second)) || at(name).After(time.Now()) {
			t.Errorf("%s is %v", name, claims[name])
		}
	}
	if life := at("exp").Sub(at("iat")); life != 3*time.Minute {
		t.Errorf("it is valid for %v", life)
	}
	if id, _ := claims["jti"].(string); len(id) < 16 {
		t.Errorf("jti is %v", claims["jti"])
	}
	maps.DeleteFunc(claims, func(name string, _ any) bool {
		return slices.Contains([]string{"auth_time", "iat", "nbf", "exp", "jti"}, name)
	})
	want := map[string]any{"iss": g.url, "aud": "shop", "sub": user, "email": "ada@example.com",
		"email_verified": false, "name": "Ada", "roles": []any{"user"}, "sid": sid, "amr": []any{"pwd"}, "acr": "aal1"}
	if fmt.Sprint(claims) != fmt.Sprint(want) {
		t.Errorf("it says\n%v, want\n%v", claims, want)
	}
	if token := v.cookie().Value; strings.Contains(fmt.Sprint(claims), token) {
		t.Error("it has the token of the session")
	}
	// Public pages get it too, and it is used again.
	if again := v.fetch("/").body; again != first {
		t.Errorf("the next request has another one:\n%s\n%s", first, again)
	}
	sqlOn(t, url, `UPDATE gatepost."user" SET role = 'admin', name = 'Ada ☃'`)
	eventually(t, "it is made anew as something changes", func() bool {
		claims, _ := g.claimsOf(t, v.fetch("/dashboard").body)
		return fmt.Sprintf("%v %v", claims["roles"], claims["name"]) == "[admin] Ada ☃"
	})
	// PostgreSQL's clock may be another one. A proof of the future is as far away as it is, to rules too.
	sqlOn(t, url, `UPDATE gatepost.session SET proved_at = now() + interval '1 hour'`)
	eventually(t, "it was proved an hour ago", func() bool {
		claims, _ := g.claimsOf(t, v.fetch("/dashboard").body)
		proved, _ := claims["auth_time"].(float64)
		return time.Since(time.Unix(int64(proved), 0)) > 59*time.Minute
	})
	sqlOn(t, url, `DELETE FROM gatepost.session`)
	v.becomes("/dashboard", 401)
	if r := v.fetch("/"); r.body != "" {
		t.Errorf("the session has ended, and the app got %q", r.body)
	}
}

// The keys are public for caches as well, and nothing in them signs.
func TestTheKeysOfTheAssertionAreThePublicPartsAlone(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+verifying(t), assertionOn, key)
	r := g.visitor(t).fetch("/.gatepost/jwks.json")
	if r.header.Get("Cache-Control") != "public, max-age=300" || r.header.Get("Content-Type") != "application/json" ||
		r.header.Get("Set-Cookie") != "" {
		t.Errorf("it is sent with %v", r.header)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal([]byte(r.body), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%v: %s", err, r.body)
	}
	names := slices.Sorted(maps.Keys(set.Keys[0]))
	if fmt.Sprint(names) != "[alg crv kid kty use x y]" || set.Keys[0]["alg"] != "ES256" || set.Keys[0]["use"] != "sig" {
		t.Errorf("a key is published as %v", set.Keys[0])
	}
	parsed, _ := g.keySet(t)
	sum, err := parsed.Keys[0].Thumbprint(crypto.SHA256)
	if err != nil || set.Keys[0]["kid"] != encode64(sum) {
		t.Errorf("its id is %s, and its thumbprint %s, %v", set.Keys[0]["kid"], encode64(sum), err)
	}
	if off := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+verifying(t), key); off.visitor(t).
		fetch("/.gatepost/jwks.json").status != 404 {
		t.Error("a gate that signs nothing publishes keys")
	}
}

// A gate that can open no key says so, and publishes no empty set: caches would keep it for five minutes.
func TestAGateWithoutAKeyPublishesNone(t *testing.T) {
	t.Parallel()
	url, other := authtest.NewDatabase(t), authtest.NewDatabase(t)
	startGate(t, "DATABASE_URL="+other, "GATEPOST_UPSTREAM="+verifying(t), assertionOn,
		"GATEPOST_ENCRYPTION_KEY="+seal.NewKey())
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+verifying(t), assertionOn, key)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	foreign := sqlText(t, other, `SELECT format('(%L, %L::bytea, now())', id, private) FROM gatepost.assertion_key`)
	sqlOn(t, url, `BEGIN; DELETE FROM gatepost.assertion_key;
		INSERT INTO gatepost.assertion_key (id, private, active_from) VALUES `+foreign+`; COMMIT`)
	v.becomes("/dashboard", 503)
	if r := v.fetch("/.gatepost/jwks.json"); r.status != 503 || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the keys: %d %v %s", r.status, r.header, r.body)
	}
	sqlOn(t, url, `DELETE FROM gatepost.assertion_key`)
	v.becomes("/dashboard", 200)
	g.claimsOf(t, v.fetch("/dashboard").body)
}

// A bound assertion is for one request, by its method and its path as the app gets it.
func TestABoundAssertionIsForOneRequest(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+verifying(t), assertionOn, key,
		"GATEPOST_ASSERTION_BIND=true")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	seen := map[string]bool{}
	for _, c := range [][2]string{{"GET", "/dashboard"}, {"GET", "/dashboard"}, {"POST", "/dashboard"},
		{"GET", "/a%2Fb;c/%C3%A4"}} {
		assertion := v.do(c[0], c[1]+"?q=1", nil).body
		claims, _ := g.claimsOf(t, assertion)
		if claims["htm"] != c[0] || claims["htu"] != g.url+c[1] || claims["exp"].(float64)-claims["iat"].(float64) != 60 {
			t.Errorf("%s: it says %v", c, claims)
		}
		if seen[assertion] {
			t.Errorf("%s: it was used before", c)
		}
		seen[assertion] = true
	}
	for n, want := range map[int]int{4000: 200, 5000: 400} {
		if r := v.fetch("/" + strings.Repeat("x", n)); r.status != want {
			t.Errorf("a path of %d bytes: %d", n, r.status)
		}
	}
	// JSON writes some signs at greater length. What does not fit for that is the client's doing, too.
	for _, path := range []string{"/dashboard/" + strings.Repeat("&", 4000), "/public/" + strings.Repeat("&", 2000)} {
		if r := v.fetch(path); r.status != 400 || r.body == "" {
			t.Errorf("%.20s… is %d", path, r.status)
		}
	}
	if r := v.fetch("/dashboard/a&b"); r.status != 200 {
		t.Errorf("a path with signs: %d", r.status)
	} else if claims, _ := g.claimsOf(t, r.body); claims["htu"] != g.url+"/dashboard/a&b" {
		t.Errorf("a path with signs: %v", claims["htu"])
	}
}

// pair is two gates of one site, and a session there.
type pair struct {
	gates   [2]*running
	host    string
	cookies string
}

func newGates(t *testing.T, url string, env ...string) (p pair) {
	t.Helper()
	port := freePort(t)
	p.host = "localhost:" + port
	env = append([]string{"DATABASE_URL=" + url, "GATEPOST_UPSTREAM=" + verifying(t), assertionOn, key,
		"GATEPOST_PUBLIC_URL=http://" + p.host}, env...)
	var starts sync.WaitGroup
	for i := range p.gates {
		p.gates[i] = launchGate(t, program(t, env), env...)
		starts.Go(func() { p.gates[i].untilUp(t) })
	}
	starts.Wait()
	form := "email=ada@example.com&password=correct+horse+battery&remember=on"
	r := p.gates[0].visitor(t).do("POST", "/signup", strings.NewReader(form), navigate, "Host: "+p.host)
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		p.cookies += c.Name + "=" + c.Value + "; "
	}
	if r.status != 303 {
		t.Fatalf("sign up: %d %s", r.status, r.body)
	}
	return p
}

// assertion is what the app gets for a request at one of the gates.
func (p pair) assertion(t *testing.T, gate int) string {
	t.Helper()
	r := p.gates[gate].visitor(t).do("GET", "/dashboard", nil, "Host: "+p.host, "Cookie: "+p.cookies)
	if r.status != 200 || r.body == "" {
		t.Fatalf("%d %q", r.status, r.body)
	}
	return r.body
}

func kidOf(t *testing.T, assertion string) string {
	t.Helper()
	parsed, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatalf("%q: %v", assertion, err)
	}
	return parsed.Headers[0].KeyID
}

// While keys follow one another, each gate knows the key that any of them signs with, and knew it before: no app fails
// to verify, whichever gate it asks for the keys, and however long a cache in between keeps them.
func TestKeysFollowOneAnotherUnderLoad(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	p := newGates(t, url)
	ids := func(gate int) (list []string) {
		set, _ := p.gates[gate].keySet(t)
		for _, k := range set.Keys {
			list = append(list, k.KeyID)
		}
		return list
	}
	first := kidOf(t, p.assertion(t, 0))
	if second := kidOf(t, p.assertion(t, 1)); second != first || len(ids(0)) != 1 || len(ids(1)) != 1 {
		t.Fatalf("the gates began with two keys: %s and %s", first, second)
	}
	// The app fetches the keys seldom: it knows those that it saw before the schedule goes on.
	var mu sync.Mutex
	cached, used := ids(0), map[string]int{}
	fetch := func(gate int) {
		mu.Lock()
		defer mu.Unlock()
		cached = ids(gate)
	}
	stop, load := make(chan struct{}), sync.WaitGroup{}
	for gate := range p.gates {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				kid := kidOf(t, p.assertion(t, gate))
				mu.Lock()
				if used[kid]++; !slices.Contains(cached, kid) {
					t.Errorf("a key signs that the app does not know: %s of %v", kid, cached)
				}
				mu.Unlock()
			}
		})
	}
	defer load.Wait()
	defer close(stop)
	turns := func(from string, to func(kid string) bool) {
		for gate := range p.gates {
			eventually(t, "the key is the next one", func() bool { return to(kidOf(t, p.assertion(t, gate))) })
		}
	}
	for round := range 3 {
		now := kidOf(t, p.assertion(t, 0))
		// A month passes.
		sqlOn(t, url, `UPDATE gatepost.assertion_key SET active_from = active_from - interval '30 days'`)
		for gate := range p.gates {
			eventually(t, "the next key is published", func() bool { return len(ids(gate)) == 2 })
		}
		if kid := kidOf(t, p.assertion(t, 0)); kid != now {
			t.Fatalf("the next key signs before apps know it: %s", kid)
		}
		fetch(round % 2)
		// Ten minutes pass.
		sqlOn(t, url, `UPDATE gatepost.assertion_key SET active_from = active_from - interval '10 minutes'`)
		turns(now, func(kid string) bool { return kid != now })
		if list := ids(0); !slices.Contains(list, now) {
			t.Errorf("the key before is gone while what it signed is valid: %v", list)
		}
		// A quarter of an hour passes.
		sqlOn(t, url, `UPDATE gatepost.assertion_key SET active_from = active_from - interval '15 minutes'`)
		for gate := range p.gates {
			eventually(t, "the key before is gone", func() bool { return len(ids(gate)) == 1 })
		}
		fetch(round % 2)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(used) != 4 {
		t.Errorf("the keys that signed: %v", used)
	}
}

// A key that is revoked is gone at once, everywhere, with what it signed.
func TestARevokedKeyIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	p := newGates(t, url, "GATEPOST_SESSION_CACHE=10m")
	first := kidOf(t, p.assertion(t, 0))
	p.assertion(t, 1)
	gone := func(kid string) {
		t.Helper()
		revoked := time.Now()
		for gate, g := range p.gates {
			for {
				began := time.Now()
				set, _ := g.keySet(t)
				if kidOf(t, p.assertion(t, gate)) != kid && len(set.Key(kid)) == 0 {
					break
				}
				if began.Sub(revoked) > time.Second {
					t.Fatalf("gate %d goes on with key %s", gate, kid)
				}
			}
		}
		if a, b := kidOf(t, p.assertion(t, 0)), kidOf(t, p.assertion(t, 1)); a != b {
			t.Errorf("the gates sign with %s and %s", a, b)
		}
	}
	if code, _, said := keyCommand(t, url, "key", "revoke", first); code != 0 {
		t.Fatalf("%d %s", code, said)
	}
	gone(first)
	second := kidOf(t, p.assertion(t, 0))
	sqlOn(t, url, `DELETE FROM gatepost.assertion_key`)
	gone(second)
	// With the next key published, that one goes on being the next.
	third := kidOf(t, p.assertion(t, 0))
	if code, _, said := keyCommand(t, url, "key", "rotate", "--assertion"); code != 0 {
		t.Fatalf("%d %s", code, said)
	}
	if code, _, said := keyCommand(t, url, "key", "rotate", "--assertion"); code != 1 ||
		!strings.Contains(said, "published already") {
		t.Errorf("rotated twice: %d %s", code, said)
	}
	if code, _, said := keyCommand(t, url, "key", "revoke", third); code != 0 {
		t.Fatalf("%d %s", code, said)
	}
	gone(third)
	code, out, said := keyCommand(t, url, "key", "list")
	if code != 0 || !strings.Contains(out, kidOf(t, p.assertion(t, 0))+"  signs") || strings.Count(out, "next") != 1 {
		t.Errorf("listed: %d %s %s", code, out, said)
	}
	if code, _, said := keyCommand(t, url, "key", "revoke", third); code != 1 ||
		!strings.Contains(said, "gatepost key list") {
		t.Errorf("revoked twice: %d %s", code, said)
	}
}

// keyCommand is command with the encryption key of the gates.
func keyCommand(t *testing.T, url string, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr strings.Builder
	env := []string{"DATABASE_URL=" + url, "GATEPOST_OPS_LISTEN=off", "HOME=" + t.TempDir(), key}
	code = run(t.Context(), append([]string{"gatepost"}, args...), env, strings.NewReader(""), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode64(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }
