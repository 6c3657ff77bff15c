package loginui_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/loginui"
)

// setting is what a test changes about a desk with providers.
type setting struct {
	loginui.Config
	auth.Options
	specs []provider.Spec
}

// idDesk is a desk with a provider "demo", which works.
type idDesk struct {
	*desk
	id   *providertest.Server
	post *post
	by   map[string]*provider.Provider
}

// post collects the mail of a desk.
type post struct {
	mu   sync.Mutex
	sent []mail.Mail
}

func (p *post) send(_ context.Context, m mail.Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return nil
}

// wait waits for a mail of a kind.
func (p *post) wait(t *testing.T, kind mail.Kind) mail.Mail {
	t.Helper()
	for range 200 {
		p.mu.Lock()
		i := slices.IndexFunc(p.sent, func(m mail.Mail) bool { return m.Kind == kind })
		if i >= 0 {
			defer p.mu.Unlock()
			return p.sent[i]
		}
		p.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("there is no mail %q", kind)
	return mail.Mail{}
}

func newIDDesk(t *testing.T, change ...func(*setting)) *idDesk {
	t.Helper()
	id := providertest.New(t)
	d := &idDesk{id: id, post: &post{}, by: map[string]*provider.Provider{}}
	s := setting{specs: []provider.Spec{{Name: "demo", Label: "Demo <ID>", Issuer: id.URL(), ClientID: id.ClientID,
		ClientSecret: secret.Text(id.ClientSecret), TrustEmail: true}}}
	s.Config = loginui.Config{
		PublicURL: &url.URL{Scheme: "http", Host: "localhost:8080"}, Home: "/home", AppName: "Test <App>",
		PasswordMin: 8,
		Cookie:      session.Cookie{Name: "gatepost_8080", MaxAge: 720 * 3600e9}, Log: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&s)
	}
	for _, spec := range s.specs {
		p, err := provider.New(spec, provider.Options{Callback: "http://localhost:8080/api/auth/callback/" + spec.Name,
			Insecure: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Options.Providers, d.by[spec.Name] = append(s.Options.Providers, p), p
	}
	store, db := authtest.NewStore(t, func(o *auth.Options) {
		s.Options.Log, s.Options.AnswerStep = o.Log, o.AnswerStep
		*o = s.Options
		o.PasswordsOff, o.SignUpClosed = s.Config.PasswordsOff, s.Config.SignUpClosed
		if s.Config.Mail {
			o.Send = d.post.send
		}
		if s.Config.ConfirmFirst {
			o.Verify = auth.VerifyRequired
		}
	})
	if s.Config.Mail {
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan struct{})
		go func() { defer close(ran); store.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-ran })
	}
	ui, err := loginui.New(s.Config, store)
	if err != nil {
		t.Fatal(err)
	}
	d.desk = &desk{ui, ui.Handler(), store, db}
	return d
}

// appleKey is a key as Apple hands it out.
func appleKey(t *testing.T) secret.Text {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Text(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
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
	slices.Sort(pairs)
	if len(pairs) > 0 {
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

func (b *browser) get(target string, headers ...string) answer {
	b.t.Helper()
	return b.do("GET", target, "", headers...)
}

func (b *browser) submit(target string, pairs ...string) answer {
	b.t.Helper()
	return b.do("POST", target, form(pairs...), "Sec-Fetch-Site: same-origin")
}

// leave sends a form that leads to a provider, and returns the address of its page there.
func (b *browser) leave(target string, pairs ...string) string {
	b.t.Helper()
	return b.follow(b.submit(target, pairs...))
}

// follow returns where a page leads on to another site, which it must not do by a redirect.
func (b *browser) follow(a answer) string {
	b.t.Helper()
	to, ok := strings.CutPrefix(a.Header.Get("Refresh"), "0; url=")
	if !ok || a.StatusCode != http.StatusOK || a.Header.Get("Location") != "" {
		b.t.Fatalf("got %d %v, want a page that leads on:\n%s", a.StatusCode, a.Header, a.body)
	}
	return to
}

// callback brings the answer of the provider to its callback.
func (b *browser) callback(name string, values url.Values) answer {
	b.t.Helper()
	return b.get("/api/auth/callback/"+name+"?"+values.Encode(), "Sec-Fetch-Site: cross-site",
		"Sec-Fetch-Mode: navigate")
}

// enter logs in with the provider.
func (b *browser) enter(id *providertest.Server, name string, pairs ...string) answer {
	b.t.Helper()
	return b.callback(name, id.Authorize(b.t, b.leave("/login/with/"+name, pairs...)))
}

// mustProve wants a browser to be led to where it proves an account.
func (b *browser) mustProve(what string, a answer) {
	b.t.Helper()
	page, _, _ := strings.Cut(a.Header.Get("Location"), "?claim=")
	if a.StatusCode != http.StatusSeeOther || page != "/login/connect" {
		b.t.Fatalf("%s: got %d to %q:\n%s", what, a.StatusCode, a.Header.Get("Location"), a.body)
	}
}

func (b *browser) mustLand(what string, a answer, location string) {
	b.t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != location {
		b.t.Fatalf("%s: got %d to %q, want %q:\n%s", what, a.StatusCode, a.Header.Get("Location"), location, a.body)
	}
}
