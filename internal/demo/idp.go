package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/server"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// idp is Demo ID: a small OpenID provider on loopback, with which the demo shows signing in with others. It has two
// people and no passwords, and signs in whoever presses a button.
type idp struct {
	issuer, client, secret string
	key                    jose.JSONWebKey

	mu       sync.Mutex
	callback string // the only one that answers go to
	codes    map[string]grant
}

// grant is a sign-in that waits for its code to be redeemed.
type grant struct {
	who              person
	nonce, challenge string
	until            time.Time
}

type person struct{ Subject, Name, Email string }

// people are those whom Demo ID knows.
var people = []person{
	{"1", "Ada Lovelace", "ada@demo-id.example"},
	{"2", "Grace Hopper", "grace@demo-id.example"},
}

const (
	// idpAddress is where Demo ID listens, so that its issuer stays the same from one demo to the next. If it is in
	// use, any free port is taken.
	idpAddress = "localhost:9181"
	codeFor    = time.Minute
	codesMost  = 1000
)

// serveIDP starts Demo ID. stop ends it.
func serveIDP() (p *idp, stop func(), err error) {
	l, err := net.Listen("tcp", config.Resolvable(idpAddress))
	if err != nil {
		if l, err = net.Listen("tcp", config.Resolvable("localhost:0")); err != nil {
			return nil, nil, fmt.Errorf("start Demo ID: %w", config.Cause(err))
		}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("start Demo ID: %w", err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p = &idp{issuer: "http://localhost:" + port, client: "gatepost-demo", secret: rand.Text(),
		codes: map[string]grant{},
		key:   jose.JSONWebKey{Key: private, KeyID: rand.Text(), Algorithm: string(jose.ES256), Use: "sig"}}
	s := &http.Server{Handler: p.handler(), ReadHeaderTimeout: server.ReadHeaderTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: server.MaxHeaderBytes}
	// Ends with Close.
	go upkeep.Watch{}.Run(context.Background(), "Demo ID", func(context.Context) { _ = s.Serve(l) })
	return p, func() { _ = s.Close() }, nil
}

// settings are those with which the gate signs people in with Demo ID.
func (p *idp) settings() []string {
	const of = "GATEPOST_OIDC_DEMO_"
	return []string{of + "ISSUER=" + p.issuer, of + "CLIENT_ID=" + p.client, of + "CLIENT_SECRET=" + p.secret,
		of + "LABEL=Demo ID", of + "TRUST_EMAIL=true"}
}

// answerTo sets where answers go to.
func (p *idp) answerTo(callback string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.callback = callback
}

func (p *idp) answersTo() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.callback
}

func (p *idp) handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	m.HandleFunc("GET /keys", p.keys)
	m.HandleFunc("GET /authorize", p.ask)
	m.HandleFunc("POST /authorize", p.answer)
	m.HandleFunc("POST /token", p.token)
	return m
}

func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize",
		"token_endpoint": p.issuer + "/token", "jwks_uri": p.issuer + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []jose.SignatureAlgorithm{jose.ES256},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true})
}

func (p *idp) keys(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{p.key.Public()}})
}

// ask shows the people. Their buttons lead back to the gate, as another origin: form-action would need its name.
func (p *idp) ask(w http.ResponseWriter, r *http.Request) {
	if !p.knows(r.URL.Query()) {
		notOurs(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	_ = idpTemplate.Execute(w, struct {
		People []person
		Action template.URL // on this origin, whatever the query is
	}{people, template.URL("/authorize?" + r.URL.RawQuery)}) // the visitor may have left
}

// knows reports whether a request for a code is the demo gate's.
func (p *idp) knows(q url.Values) bool {
	return q.Get("client_id") == p.client && q.Get("redirect_uri") == p.answersTo() && q.Get("response_type") == "code" &&
		q.Get("code_challenge_method") == "S256" && q.Get("code_challenge") != ""
}

// answer signs in the chosen person, and sends the browser back with a code.
func (p *idp) answer(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if http.NewCrossOriginProtection().Check(r) != nil || !p.knows(q) {
		notOurs(w)
		return
	}
	back := url.Values{"state": {q.Get("state")}, "iss": {p.issuer}}
	i := slices.IndexFunc(people, func(who person) bool { return who.Subject == r.PostFormValue("who") })
	if i < 0 {
		back.Set("error", "access_denied")
	} else {
		back.Set("code", p.newCode(grant{people[i], q.Get("nonce"), q.Get("code_challenge"), time.Now().Add(codeFor)}))
	}
	w.Header().Set("Location", p.answersTo()+"?"+back.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

func (p *idp) newCode(g grant) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.codes) >= codesMost {
		clear(p.codes)
	}
	code := rand.Text()
	p.codes[code] = g
	return code
}

// token redeems a code, once.
func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != p.client || secret != p.secret {
		reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	code := r.PostFormValue("code")
	p.mu.Lock()
	g, ok := p.codes[code]
	delete(p.codes, code)
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || time.Now().After(g.until) || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	signed, err := p.idToken(g)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 300,
		"id_token": signed})
}

func (p *idp) idToken(g grant) (string, error) {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{"iss": p.issuer, "aud": p.client, "sub": g.who.Subject,
		"nonce": g.nonce, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "auth_time": now.Unix(),
		"name": g.who.Name, "email": g.who.Email, "email_verified": true})
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, nil)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// notOurs refuses a request that the demo's gate did not cause.
func notOurs(w http.ResponseWriter) {
	reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the gate may have left
}
