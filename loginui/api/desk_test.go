package api_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/loginui"
)

func TestMain(m *testing.M) { authtest.Main(m) }

const (
	password = "correct horse battery"
	another  = "another horse battery"
)

// setting is what a test changes about a desk.
type setting struct {
	loginui.Config
	auth.Options
	provider bool // there is one, "demo"
}

// desk serves the pages, and so the protocol, on a database of its own.
type desk struct {
	ui      *loginui.UI
	handler http.Handler
	store   *auth.Store
	db      *pgxpool.Pool
	id      *providertest.Server
	log     lockedLog
	letters chan mail.Mail
}

type lockedLog struct {
	sync.Mutex
	strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Builder.Write(b)
}

func (l *lockedLog) text() string {
	l.Lock()
	defer l.Unlock()
	return l.String()
}

func withMail(s *setting) {
	s.Mail, s.Confirm, s.Verify = true, true, auth.VerifyOptional
}

func required(s *setting) {
	withMail(s)
	s.ConfirmFirst, s.Verify = true, auth.VerifyRequired
}

func withProvider(s *setting) { s.provider = true }

func newDesk(t *testing.T, change ...func(*setting)) *desk {
	t.Helper()
	d := &desk{letters: make(chan mail.Mail, 100)}
	s := setting{Config: loginui.Config{PublicURL: &url.URL{Scheme: "http", Host: "localhost:8080"}, Home: "/home",
		AppName: "Test", PasswordMin: 8, Cookie: session.Cookie{Name: "gatepost_8080", MaxAge: 720 * 3600e9}}}
	for _, f := range change {
		f(&s)
	}
	s.Config.Log = slog.New(slog.NewTextHandler(&d.log, nil))
	if s.provider {
		d.addProvider(t, &s)
	}
	d.store, d.db = authtest.NewStore(t, func(o *auth.Options) {
		s.Options.AnswerStep, s.Options.Log = o.AnswerStep, s.Config.Log
		*o = s.Options
		o.PasswordsOff, o.SignUpClosed = s.Config.PasswordsOff, s.Config.SignUpClosed
		if s.Mail {
			o.Send = func(_ context.Context, m mail.Mail) error { d.letters <- m; return nil }
		}
	})
	if s.Mail {
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan struct{})
		go func() { defer close(ran); d.store.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-ran })
	}
	var err error
	if d.ui, err = loginui.New(s.Config, d.store); err != nil {
		t.Fatal(err)
	}
	d.handler = d.ui.Handler()
	return d
}

func (d *desk) addProvider(t *testing.T, s *setting) {
	t.Helper()
	d.id = providertest.New(t)
	p, err := provider.New(provider.Spec{Name: "demo", Label: "Demo", Issuer: d.id.URL(), ClientID: d.id.ClientID,
		ClientSecret: secret.Text(d.id.ClientSecret), TrustEmail: true},
		provider.Options{Callback: "http://localhost:8080/api/auth/callback/demo", Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Options.Providers = []*provider.Provider{p}
}

// letter waits for a mail of a kind.
func (d *desk) letter(t *testing.T, kind mail.Kind) mail.Mail {
	t.Helper()
	for {
		select {
		case m := <-d.letters:
			if m.Kind == kind {
				return m
			}
		case <-t.Context().Done():
			t.Fatalf("there is no mail %q", kind)
		}
	}
}

// link returns the address in a mail, without the origin.
func (d *desk) link(t *testing.T, m mail.Mail) string {
	t.Helper()
	l, err := d.ui.Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.Index(l.Text, "http://localhost:8080/")
	address, _, _ := strings.Cut(l.Text[i:], "\n")
	return strings.TrimPrefix(strings.TrimSpace(address), "http://localhost:8080")
}

// settle makes every session so old that what needs a fresh one is refused.
func (d *desk) settle(t *testing.T) {
	t.Helper()
	_, err := d.db.Exec(t.Context(), `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes'`)
	if err != nil {
		t.Fatal(err)
	}
}

// answer is a response and its body.
type answer struct {
	*http.Response
	body string
	json any
}

// field returns a field of the answer, by names with dots between; nil: there is none.
func (a answer) field(path string) any {
	v := a.json
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// do sends any request. Header is a list like "Origin: x"; one with an empty value is removed.
func (d *desk) do(t *testing.T, method, target, body string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host, r.RemoteAddr = "localhost:8080", "192.0.2.1:0"
	r.Header.Set("User-Agent", "test/1")
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://localhost:8080")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	a := answer{Response: w.Result()}
	b, _ := io.ReadAll(a.Body)
	a.body = string(b)
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(b, &a.json); err != nil {
			t.Fatalf("%s %s: %v in %s", method, target, err, b)
		}
	}
	if a.StatusCode >= 500 && a.StatusCode != 503 {
		t.Errorf("%s %s %.200s: %d %s", method, target, body, a.StatusCode, a.body)
	}
	return a
}

// browser keeps cookies.
type browser struct {
	t       *testing.T
	d       *desk
	cookies map[string]string
}

func (d *desk) browser(t *testing.T) *browser { return &browser{t, d, map[string]string{}} }

func (b *browser) do(method, target, body string, headers ...string) answer {
	b.t.Helper()
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	if slices.Sort(pairs); len(pairs) > 0 {
		headers = append(headers, "Cookie: "+strings.Join(pairs, "; "))
	}
	a := b.d.do(b.t, method, target, body, headers...)
	for _, c := range a.Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
	return a
}

// post sends pairs of names and values to an endpoint as JSON.
func (b *browser) post(path string, pairs ...any) answer {
	b.t.Helper()
	return b.do("POST", "/api/auth"+path, object(pairs...))
}

func (b *browser) get(path string, headers ...string) answer {
	b.t.Helper()
	return b.do("GET", "/api/auth"+path, "", headers...)
}

func object(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, _ := json.Marshal(m) // texts and the like
	return string(b)
}

// must fails unless an answer has a status and, where it is not empty, a code.
func (a answer) must(t *testing.T, what string, status int, code string) {
	t.Helper()
	got, _ := a.field("code").(string)
	if a.StatusCode != status || got != code {
		t.Errorf("%s: got %d %s, want %d %s", what, a.StatusCode, a.body, status, code)
	}
	if status >= 400 && a.json != nil && a.field("message") == nil {
		t.Errorf("%s: no message in %s", what, a.body)
	}
}

// signUp returns the browser of a new user.
func (d *desk) signUp(t *testing.T, email string) *browser {
	t.Helper()
	b := d.browser(t)
	b.post("/sign-up/email", "name", "Ada", "email", email, "password", password).must(t, "sign up", 200, "")
	return b
}

// signIn returns one more browser of a user.
func (d *desk) signIn(t *testing.T, email, password string) *browser {
	t.Helper()
	b := d.browser(t)
	b.post("/sign-in/email", "email", email, "password", password).must(t, "sign in", 200, "")
	return b
}

// session returns the id of the session of a browser, or "".
func (b *browser) session() string {
	b.t.Helper()
	id, _ := b.get("/get-session").field("session.id").(string)
	return id
}

func refusePostgres(t *testing.T, d *desk) {
	t.Helper()
	authtest.Refuse(t, d.db)
}
