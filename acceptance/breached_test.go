package acceptance_test

import (
	"crypto/sha1"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

const known = "tangerine bicycle 1987" // from a breach, as far as the tests go

func knownHash() string { return fmt.Sprintf("%X", sha1.Sum([]byte(known))) }

// A password that is known from a breach cannot be chosen in any way. One that somebody has already goes on to work.
func TestAPasswordKnownFromABreachIsRefused(t *testing.T) {
	t.Parallel()
	dir, database := t.TempDir(), authtest.NewDatabase(t)
	list := filepath.Join(dir, "hashes.txt")
	if err := os.WriteFile(list, []byte(knownHash()+":3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	made, code := runGate(t, []string{"breached", list, filepath.Join(dir, "filter")})
	if code != 0 || !strings.Contains(made, "1 passwords in "+dir) {
		t.Fatalf("the filter: %d %s", code, made)
	}
	env := []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newApp(t).url}
	before := startGate(t, env...).visitor(t)
	if r := before.post("/signup", "email", "old@example.com", "password", known); r.status != 303 {
		t.Fatalf("without a list: %d", r.status)
	}
	env = append(env, "GATEPOST_BREACHED_PASSWORDS="+filepath.Join(dir, "filter"))
	v := startGate(t, env...).visitor(t)
	const sentence = "This password is known from a breach of another site"
	if r := v.post("/signup", "email", "ada@example.com", "password", known); r.status != 422 ||
		!strings.Contains(r.body, sentence) {
		t.Errorf("a sign-up is %d\n%s", r.status, r.body)
	}
	if r := v.do("POST", "/api/auth/sign-up/email", strings.NewReader(`{"email":"ada@example.com","password":"`+known+
		`","name":"Ada"}`), "Content-Type: application/json"); r.status != 400 ||
		!strings.Contains(r.body, "PASSWORD_COMPROMISED") {
		t.Errorf("by the protocol: %d %s", r.status, r.body)
	}
	v.signUp("ada@example.com")
	if r := v.post("/account/password", "current", password, "password", known); r.status != 422 ||
		!strings.Contains(r.body, sentence) {
		t.Errorf("a change is %d\n%s", r.status, r.body)
	}
	said, code := runGate(t, []string{"user", "reset-link", "ada@example.com"}, append(env,
		"GATEPOST_PUBLIC_URL="+v.gate.url)...)
	_, link, found := strings.Cut(said, v.gate.url)
	if code != 0 || !found {
		t.Fatalf("a link: %d %s", code, said)
	}
	page := v.follow(strings.Fields(link)[0])
	if r := v.answer(page, "/login/reset", "password", known); r.status != 422 || !strings.Contains(r.body, sentence) {
		t.Errorf("a reset is %d\n%s", r.status, r.body)
	}
	if r := v.gate.visitor(t).post("/login", "email", "old@example.com", "password", known); r.status != 303 {
		t.Errorf("a login with such a password is %d", r.status)
	}
}

// Where the service gives no answer, passwords are taken, and the log says so.
func TestWithoutAnAnswerAPasswordIsTaken(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		} else if r.URL.Path == "/"+knownHash()[:5] {
			fmt.Fprintf(w, "%s:3\r\n", knownHash()[5:])
		}
	}))
	defer service.Close()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_BREACHED_PASSWORDS="+service.URL)
	const line = "a new password was not looked up among those that are known"
	v := g.visitor(t)
	if r := v.post("/signup", "email", "ada@example.com", "password", known); r.status != 422 {
		t.Errorf("a sign-up is %d", r.status)
	}
	if strings.Contains(g.log.String(), line) {
		t.Error("the log has the line")
	}
	down.Store(true)
	if r := v.post("/signup", "email", "ada@example.com", "password", known); r.status != 303 {
		t.Errorf("while the service is down, a sign-up is %d\n%s", r.status, r.body)
	}
	if log := g.log.String(); !strings.Contains(log, line) || !strings.Contains(log, "status 503") {
		t.Error("the log does not say so")
	}
}
