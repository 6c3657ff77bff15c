package acceptance_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/seal"
)

// verifiers are the apps in examples/assertion, by the language of their block in docs/identity.md: what they need, and
// how they start.
var verifiers = map[string]struct{ folder, file, needs, start string }{
	"go": {"go", "main.go", "go build -o ../../../bin/verifier .", "../../../bin/verifier"},
	"js": {"node", "app.js", "test -d node_modules || npm ci --ignore-scripts --no-audit --no-fund", "node app.js"},
	"python": {"python", "app.py", "$(../../../scripts/python jwt) -c 'import jwt, cryptography'",
		"$(../../../scripts/python jwt) app.py"},
	"ruby": {"ruby", "app.rb", `ruby -e 'require "jwt"; require "webrick"'`, "ruby app.rb"},
}

// forger makes tokens with the gate's own key, and with others.
type forger struct {
	key    *ecdsa.PrivateKey
	kid    string
	claims map[string]any
}

// newForger takes a key of the gate's out of the database, as nobody can who lacks the encryption key.
func newForger(t *testing.T, url string, claims map[string]any) (f forger) {
	t.Helper()
	keys, err := seal.Parse(strings.TrimPrefix(key, "GATEPOST_ENCRYPTION_KEY="))
	if err != nil {
		t.Fatal(err)
	}
	var sealed []byte
	row := authtest.Pool(t, url).QueryRow(t.Context(), `SELECT id, private FROM gatepost.assertion_key`)
	if err := row.Scan(&f.kid, &sealed); err != nil {
		t.Fatal(err)
	}
	private, err := keys.Open(seal.AssertionKey, f.kid, sealed)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	f.key, f.claims = parsed.(*ecdsa.PrivateKey), claims
	return f
}

// with returns a token with some claims replaced; nil removes one.
func (f forger) with(t *testing.T, alg jose.SignatureAlgorithm, by any, typ string, changes map[string]any) string {
	t.Helper()
	claims := map[string]any{}
	for _, list := range []map[string]any{f.claims, changes} {
		for name, value := range list {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: by, KeyID: f.kid}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unsigned returns a token with a header as given, and a signature or none.
func (f forger) unsigned(t *testing.T, header, signature string) string {
	t.Helper()
	payload, err := json.Marshal(f.claims)
	if err != nil {
		t.Fatal(err)
	}
	return encode64([]byte(header)) + "." + encode64(payload) + "." + signature
}

// attacks are tokens that no app may believe.
func (f forger) attacks(t *testing.T) map[string]string {
	t.Helper()
	const typ = "gatepost+jwt"
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	inPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	inJSON, err := json.Marshal(jose.JSONWebKey{Key: &f.key.PublicKey, KeyID: f.kid})
	if err != nil {
		t.Fatal(err)
	}
	good := f.with(t, jose.ES256, f.key, typ, nil)
	now, parts := time.Now().Unix(), strings.Split(good, ".")
	other := forger{stranger, thumbprint(t, stranger), f.claims}
	return map[string]string{
		"nothing":                        "",
		"no token":                       "x",
		"alg none":                       f.unsigned(t, `{"alg":"none","typ":"gatepost+jwt"}`, ""),
		"alg none with the id of a key":  f.unsigned(t, `{"alg":"none","kid":"`+f.kid+`","typ":"gatepost+jwt"}`, ""),
		"alg None":                       f.unsigned(t, `{"alg":"None","kid":"`+f.kid+`","typ":"gatepost+jwt"}`, parts[2]),
		"no alg":                         f.unsigned(t, `{"kid":"`+f.kid+`","typ":"gatepost+jwt"}`, parts[2]),
		"HS256 with the public key, PEM": f.with(t, jose.HS256, inPEM, typ, nil),
		"HS256 with the public key, DER": f.with(t, jose.HS256, public, typ, nil),
		"HS256 with the public key, JWK": f.with(t, jose.HS256, inJSON, typ, nil),
		"another key of the same id":     f.with(t, jose.ES256, stranger, typ, nil),
		"another key":                    other.with(t, jose.ES256, stranger, typ, nil),
		"another type":                   f.with(t, jose.ES256, f.key, "JWT", nil),
		"another audience":               f.with(t, jose.ES256, f.key, typ, map[string]any{"aud": "another"}),
		"no audience":                    f.with(t, jose.ES256, f.key, typ, map[string]any{"aud": nil}),
		"another issuer":                 f.with(t, jose.ES256, f.key, typ, map[string]any{"iss": "https://another"}),
		"expired":                        f.with(t, jose.ES256, f.key, typ, map[string]any{"exp": now - 60}),
		"never expires":                  f.with(t, jose.ES256, f.key, typ, map[string]any{"exp": nil}),
		"not yet":                        f.with(t, jose.ES256, f.key, typ, map[string]any{"nbf": now + 120}),
		"without its signature":          parts[0] + "." + parts[1] + ".",
		"another payload": parts[0] + "." + encode64([]byte(strings.Replace(payloadOf(t, parts[1]), `"user"`,
			`"admin"`, 1))) + "." + parts[2],
	}
}

func payloadOf(t *testing.T, part string) string {
	t.Helper()
	b, err := decode64(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func thumbprint(t *testing.T, k *ecdsa.PrivateKey) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: &k.PublicKey}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return encode64(sum)
}

// The app of each language believes what the gate has signed for it, by its language's usual library, and nothing else.
func TestAppsOfEachLanguageVerifyTheAssertion(t *testing.T) {
	t.Parallel()
	for language, app := range verifiers {
		t.Run(language, func(t *testing.T) {
			run := func(line string) *exec.Cmd {
				cmd := exec.Command("sh", "-c", "exec "+line)
				if strings.Contains(line, "||") {
					cmd = exec.Command("sh", "-c", line)
				}
				cmd.Dir = filepath.Join("..", "examples", "assertion", app.folder)
				return cmd
			}
			if out, err := run(app.needs).CombinedOutput(); err != nil {
				missing(t, "examples/assertion/"+app.folder+" cannot run here (see examples/README.md): "+string(out))
			}
			url, port := authtest.NewDatabase(t), freePort(t)
			g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM=http://127.0.0.1:"+port, assertionOn, key,
				"GATEPOST_ASSERTION_AUDIENCE=shop")
			cmd := run(app.start)
			cmd.Env = append(cmd.Environ(), "PORT="+port, "ISSUER="+g.url, "AUDIENCE=shop")
			said := launch(t, cmd)
			untilListening(t, "127.0.0.1:"+port)
			v := g.visitor(t)
			v.signUp("ada@example.com")
			if r := v.fetch("/dashboard"); r.status != 200 || r.body != "Hello, Ada. Your roles: user\n" {
				t.Fatalf("through the gate: %d %s", r.status, r.body)
			}
			now := time.Now().Unix()
			f := newForger(t, url, map[string]any{"iss": g.url, "aud": "shop", "sub": "x", "email": "eve@example.com",
				"name": "Eve", "roles": []string{"user"}, "iat": now, "nbf": now, "exp": now + 120})
			ask := func(token string) int {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port, nil)
				if err != nil {
					t.Fatal(err)
				}
				if token != "" {
					req.Header.Set("X-Auth-Assertion", token)
				}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				return res.StatusCode
			}
			if status := ask(f.with(t, jose.ES256, f.key, "gatepost+jwt", nil)); status != 200 {
				t.Fatalf("what the gate's key has signed: %d\n%s", status, said)
			}
			for name, token := range f.attacks(t) {
				if status := ask(token); status != 401 {
					t.Errorf("%s: %d", name, status)
				}
			}
		})
	}
}

// The blocks in docs/identity.md are in the apps that the test above runs.
func TestTheDocsOfTheAssertionAreWhatItsAppsDo(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, b := range docBlocks(t, "docs/identity.md") {
		app, ok := verifiers[b.lang]
		if !ok {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", "examples", "assertion", app.folder, app.file))
		if err != nil {
			t.Fatal(err)
		}
		if seen[b.lang]++; !strings.Contains(string(text), b.text) {
			t.Errorf("docs/identity.md:%d is not in examples/assertion/%s/%s", b.line, app.folder, app.file)
		}
	}
	for language := range verifiers {
		if seen[language] == 0 {
			t.Errorf("docs/identity.md has nothing in %s", language)
		}
	}
}
