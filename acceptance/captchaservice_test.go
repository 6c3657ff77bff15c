package acceptance_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// captchaServices are the services of challenges for bots, as they document themselves. A gate reaches them by the
// proxy that it is told to use, under their own names.
type captchaServices struct {
	mu    sync.Mutex
	asked []string       // what was asked lately: address, key in the header, and form
	down  map[string]int // the status that a service answers with; 0: it is up
	env   []string
}

func newCaptchaServices(t *testing.T) *captchaServices {
	t.Helper()
	s, ca := &captchaServices{down: map[string]int{}}, newPrivateCA(t, "the services' authority")
	cert := ca.leaf(t, func(c *x509.Certificate) {
		c.DNSNames = []string{"challenges.cloudflare.com", "api.hcaptcha.com", "global.frcapi.com"}
	})
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, []byte(pemOf(ca.cert)), 0o644); err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil || r.Method != http.MethodConnect {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		s.serve(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}}))
	}))
	t.Cleanup(proxy.Close)
	s.env = []string{"HTTPS_PROXY=" + proxy.URL, "SSL_CERT_FILE=" + roots}
	return s
}

// serve answers one question.
func (s *captchaServices) serve(conn net.Conn) {
	defer conn.Close()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil || r.ParseForm() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	form := r.PostForm.Encode()
	s.asked = append(s.asked, fmt.Sprintf("%s %s%s %s %s", r.Method, r.Host, r.URL.Path, r.Header.Get("X-API-Key"), form))
	status, body := http.StatusOK, s.judge(r.Host, r.PostForm)
	if down := s.down[r.Host]; down != 0 {
		status, body = down, "<html>down</html>"
	}
	if status/100 == 3 {
		fmt.Fprint(conn, "HTTP/1.1 302 Found\r\nLocation: https://api.hcaptcha.com/siteverify\r\nContent-Length: 0\r\n"+
			"Connection: close\r\n\r\n")
		return
	}
	fmt.Fprintf(conn, "HTTP/1.1 %d x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(body), body)
}

// judge takes solutions like right:localhost:sign-up, which say where and what for they were found.
func (s *captchaServices) judge(host string, form url.Values) string {
	parts := strings.Split(form.Get("response")+"::", ":")
	right := parts[0] == "right"
	if host == "global.frcapi.com" {
		if right {
			return fmt.Sprintf(`{"success":true,"data":{"event_id":"ev_1","challenge":{"timestamp":"2026-02-05T13:01:25Z",`+
				`"origin":"https://%s"}}}`, parts[1])
		}
		return `{"success":false,"error":{"error_code":"response_invalid","detail":"…"}}`
	}
	if form.Get("secret") != "its-secret" {
		return `{"success":false,"error-codes":["invalid-input-secret"]}`
	}
	if right {
		return fmt.Sprintf(`{"success":true,"challenge_ts":"2026-02-05T13:01:25Z","hostname":%q,"action":%q,`+
			`"error-codes":[]}`, parts[1], parts[2])
	}
	return `{"success":false,"error-codes":["invalid-input-response"]}`
}

func (s *captchaServices) take() (asked []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, s.asked = s.asked, nil
	return asked
}

func (s *captchaServices) set(host string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[host] = status
}

// Each service is asked as it documents, and told nothing of the visitor. While it is away nobody signs up, and logins
// go on.
func TestServicesSayWhoIsABot(t *testing.T) {
	t.Parallel()
	services := newCaptchaServices(t)
	for kind, c := range map[string]struct{ host, field, want string }{
		"turnstile": {"challenges.cloudflare.com", "cf-turnstile-response",
			"POST challenges.cloudflare.com/turnstile/v0/siteverify  response=right%3Alocalhost&secret=its-secret"},
		"hcaptcha": {"api.hcaptcha.com", "h-captcha-response",
			"POST api.hcaptcha.com/siteverify  response=right%3Alocalhost&secret=its-secret&sitekey=site-key"},
		"friendlycaptcha": {"global.frcapi.com", "frc-captcha-response",
			"POST global.frcapi.com/api/v2/captcha/siteverify its-secret response=right%3Alocalhost&sitekey=site-key"},
	} {
		database := authtest.NewDatabase(t)
		g := startGate(t, append([]string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newApp(t).url,
			"GATEPOST_CHALLENGE=" + kind, "GATEPOST_CHALLENGE_SITE_KEY=site-key", "GATEPOST_CHALLENGE_SECRET=its-secret",
			"GATEPOST_CHALLENGE_AFTER=1"}, services.env...)...)
		form := func(path, email, password, solution string) reply {
			return g.visitor(t).post(path, "email", email, "password", password, c.field, solution)
		}
		signUp := func(email, solution string, want int) {
			t.Helper()
			if r := form("/signup", email, password, solution); r.status != want {
				t.Errorf("%s, %q: %d, want %d\n%s", kind, solution, r.status, want, r.body)
			}
		}
		services.take()
		signUp("ada@example.com", "", 400)
		if asked := services.take(); len(asked) != 0 {
			t.Errorf("%s was asked about nothing: %s", kind, asked)
		}
		signUp("ada@example.com", "wrong", 403)
		signUp("ada@example.com", "right:elsewhere.example", 403)
		if kind == "turnstile" {
			signUp("ada@example.com", "right:localhost:sign-in", 403)
		}
		services.take()
		signUp("ada@example.com", "right:localhost", 303)
		if asked := services.take(); len(asked) != 1 || asked[0] != c.want {
			t.Errorf("%s was asked\n%q, want\n%q", kind, asked, c.want)
		}

		login := func(password, solution string, want int) {
			t.Helper()
			if r := form("/login", "ada@example.com", password, solution); r.status != want {
				t.Errorf("%s, a login with %q: %d, want %d", kind, solution, r.status, want)
			}
		}
		login("wrong wrong wrong", "", 401)
		login(password, "", 400)
		services.set(c.host, 502)
		signUp("bob@example.com", "right:localhost", 503)
		login(password, "", 303)
		login("wrong wrong wrong", "", 401)
		login(password, "right:localhost", 303)
		eventually(t, "the log says that "+kind+" is away", func() bool {
			return strings.Contains(g.log.String(), "a solution to the challenge for bots could not be checked")
		})
		services.set(c.host, 302)
		services.take()
		signUp("bob@example.com", "right:localhost", 503)
		if asked := services.take(); len(asked) != 1 {
			t.Errorf("%s: a redirect is followed: %q", kind, asked)
		}
		services.set(c.host, 0)
		signUp("bob@example.com", "right:localhost", 303)
	}
}

// With a key that the service does not know, nobody signs up, and the log says why.
func TestAServiceThatDoesNotKnowTheKey(t *testing.T) {
	t.Parallel()
	services := newCaptchaServices(t)
	g := startGate(t, append([]string{"DATABASE_URL=" + authtest.NewDatabase(t), "GATEPOST_UPSTREAM=" + newApp(t).url,
		"GATEPOST_CHALLENGE=turnstile", "GATEPOST_CHALLENGE_SITE_KEY=site-key", "GATEPOST_CHALLENGE_SECRET=unheard-of"},
		services.env...)...)
	r := g.visitor(t).post("/signup", "email", "ada@example.com", "password", password, "cf-turnstile-response",
		"right:localhost")
	if r.status != 503 || !strings.Contains(r.body, "Cloudflare") {
		t.Errorf("a sign-up: %d\n%s", r.status, r.body)
	}
	r = g.visitor(t).do("POST", "/api/auth/sign-up/email", strings.NewReader(`{"email":"ada@example.com","password":"`+
		password+`","name":"Ada"}`), "Content-Type: application/json", "x-captcha-response: right:localhost")
	if r.status != 503 || !strings.Contains(r.body, "SERVICE_UNAVAILABLE") {
		t.Errorf("by the protocol: %d %s", r.status, r.body)
	}
	eventually(t, "the log says why", func() bool { return strings.Contains(g.log.String(), "invalid-input-secret") })
	if strings.Contains(g.log.String(), "unheard-of") {
		t.Error("the log has the key")
	}
}
