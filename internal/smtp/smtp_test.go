package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	netmail "net/mail"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/internal/smtp/postoffice"
	"github.com/gatepost/gatepost/loginui"
)

var aLetter = loginui.Letter{ID: "ID1", To: "ada@example.com", Subject: "اختر كلمة مرور جديدة – Ünïcode", Lang: "ar",
	Text: "نص\n.\nlink: https://app.example.com/login/reset?token=" + strings.Repeat("x", 43) + "\n",
	HTML: "<p dir=\"rtl\">نص</p>"}

// server is a Server for a post office.
func server(t *testing.T, o *postoffice.Office, url string, roots *x509.CertPool) *Server {
	t.Helper()
	m, err := Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	m.From = &netmail.Address{Name: "Éxample, Inc.", Address: "login@example.org"}
	m.roots = roots
	m.connect = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, o.Address)
	}
	return m
}

func TestMailIsHandedIn(t *testing.T) {
	t.Parallel()
	certificate, roots := postoffice.NewCertificate(t, "mail.example.com")
	for name, c := range map[string]struct {
		url         string
		certificate *tls.Certificate
		user        string
	}{
		"in clear, on this machine":         {"smtp://127.0.0.1", nil, ""},
		"with a password, on this machine":  {"smtp://me:p%40ss@localhost", nil, "me"},
		"by STARTTLS":                       {"smtp://mail.example.com", certificate, ""},
		"by STARTTLS and with a password":   {"smtp://me:p%40ss@mail.example.com:2525", certificate, "me"},
		"over TLS, with and for a password": {"smtps://me:p%40ss@mail.example.com", certificate, "me"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := postoffice.New(t, c.certificate, func(o *postoffice.Office) { o.User, o.Pass = c.user, "p@ss" })
			m := server(t, o, c.url, roots)
			if m.tls {
				m.connect = wrapped(t, o, *c.certificate)
			}
			if err := m.Check(t.Context()); err != nil {
				t.Error(err)
			}
			if err := m.Deliver(t.Context(), aLetter); err != nil {
				t.Fatal(err)
			}
			l := o.Next(t, "ada@example.com")
			if l.From != "login@example.org" || l.Subject != aLetter.Subject || l.Text != aLetter.Text ||
				l.HTML != aLetter.HTML {
				t.Errorf("got %+v", l)
			}
			for header, want := range map[string]string{
				"To": "<ada@example.com>", "Message-Id": "<ID1@example.org>", "Auto-Submitted": "auto-generated",
				"Content-Language": "ar",
				"Mime-Version":     "1.0", "User-Agent": "", "X-Mailer": "", "Bcc": "", "Cc": "",
			} {
				if got := l.Header.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
			if from, err := l.Header.AddressList("From"); err != nil || len(from) != 1 || *from[0] != *m.From {
				t.Errorf("from %v, %v", from, err)
			}
			if _, err := l.Header.Date(); err != nil {
				t.Error(err)
			}
			if host, err := os.Hostname(); err == nil && len(host) > 3 && strings.Contains(l.Raw, host) ||
				o.Names[0] != "example.org" {
				t.Errorf("it tells of this machine: hello from %q\n%s", o.Names[0], l.Raw)
			}
		})
	}
}

// A picture is part of the mail, beside the HTML that shows it.
func TestAPictureGoesWithTheMail(t *testing.T) {
	t.Parallel()
	o := postoffice.New(t, nil, nil)
	l := aLetter
	l.Pictures = []loginui.Picture{{ID: "logo@gatepost", Kind: "image/png", Content: []byte("\x89PNG and more")}}
	if err := server(t, o, "smtp://127.0.0.1", nil).Deliver(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	got := o.Next(t, l.To)
	if want := []string{"<logo@gatepost> \x89PNG and more"}; got.Text != l.Text || got.HTML != l.HTML ||
		!slices.Equal(got.Pictures, want) {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(got.Raw, `Content-Disposition: inline; filename="logo.png"`) {
		t.Errorf("mail programs would list it as a file: %s", got.Raw)
	}
}

// wrapped connects to a post office through TLS from the first byte.
func wrapped(t *testing.T, o *postoffice.Office, certificate tls.Certificate) func(context.Context, string,
	string) (net.Conn, error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go pipe(conn, o.Address)
		}
	}()
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
	}
}

// Neither mail nor password goes to another server, or over a connection that others can read.
func TestNothingIsSaidToAStranger(t *testing.T) {
	t.Parallel()
	certificate, roots := postoffice.NewCertificate(t, "mail.example.com")
	for name, c := range map[string]struct {
		url         string
		certificate *tls.Certificate
		roots       *x509.CertPool
	}{
		"no STARTTLS":                {"smtp://me:pass@mail.example.com", nil, nil},
		"another name":               {"smtp://me:pass@mail2.example.com", certificate, roots},
		"a certificate of its own":   {"smtp://me:pass@mail.example.com", certificate, nil},
		"TLS that is none":           {"smtps://me:pass@mail.example.com", nil, nil},
		"a password nobody asks for": {"smtp://me:pass@localhost", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := postoffice.New(t, c.certificate, nil)
			m := server(t, o, c.url, c.roots)
			err := m.Deliver(t.Context(), aLetter)
			if err == nil || errors.Is(err, mail.ErrRefused) ||
				strings.Contains(err.Error(), "pass") && !strings.Contains(err.Error(), "AUTH") {
				t.Errorf("got %v", err)
			}
			if err := m.Check(t.Context()); err == nil ||
				!strings.Contains(err.Error(), "no mail can be handed in at smtp") {
				t.Errorf("check says %v", err)
			}
			if len(o.Names) != 0 || len(o.Taken) != 0 {
				t.Error("it went on")
			}
		})
	}
}

func TestWhatAMailServerSaysDecides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		command  string
		code     int
		enhanced smtp.EnhancedCode
		good     bool // it was delivered
		refused  bool // permanently
	}{
		"no such reader":               {"RCPT", 550, smtp.EnhancedCode{5, 1, 1}, false, true},
		"no such reader, in few words": {"RCPT", 550, smtp.EnhancedCode{}, false, true},
		"no relaying":                  {"RCPT", 554, smtp.EnhancedCode{5, 7, 1}, false, false},
		"a sender it does not like":    {"RCPT", 553, smtp.EnhancedCode{5, 7, 1}, false, false},
		"enough for today":             {"RCPT", 550, smtp.EnhancedCode{5, 4, 5}, false, false},
		"a mailbox that is full":       {"RCPT", 452, smtp.EnhancedCode{}, false, false},
		"grey-listed":                  {"RCPT", 451, smtp.EnhancedCode{}, false, false},
		"content it does not like":     {"DATA", 554, smtp.EnhancedCode{5, 7, 1}, false, false},
		"trouble with it":              {"DATA", 451, smtp.EnhancedCode{}, false, false},
		"a sender it does not know":    {"MAIL", 550, smtp.EnhancedCode{5, 1, 8}, false, false},
		"a connection lost, too late":  {"hang up", 500, smtp.EnhancedCode{}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := postoffice.New(t, nil, nil)
			o.RefusesWith(c.command, &smtp.SMTPError{Code: c.code, EnhancedCode: c.enhanced, Message: "not today"})
			err := server(t, o, o.URL, nil).Deliver(t.Context(), aLetter)
			if (err == nil) != c.good || errors.Is(err, mail.ErrRefused) != c.refused {
				t.Errorf("got %v", err)
			}
		})
	}
	o := postoffice.New(t, nil, func(o *postoffice.Office) { o.User, o.Pass = "me", "right" })
	m := server(t, o, "smtp://me:wrong@127.0.0.1", nil)
	for what, err := range map[string]error{"a wrong password": m.Deliver(t.Context(), aLetter),
		"check": m.Check(t.Context())} {
		if err == nil || errors.Is(err, mail.ErrRefused) || strings.Contains(err.Error(), "wrong") ||
			strings.Contains(err.Error(), "AG1lAHdyb25n") {
			t.Errorf("%s: %v", what, err)
		}
	}
	o.Refuses("MAIL", 553)
	if err := server(t, o, "smtp://me:right@127.0.0.1", nil).Check(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "not today") {
		t.Errorf("a sender it does not take: %v", err)
	}
	for _, to := range []string{"a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com", ""} {
		l := aLetter
		l.To = to
		if err := m.Deliver(t.Context(), l); !errors.Is(err, mail.ErrRefused) {
			t.Errorf("%q: %v", to, err)
		}
	}
}

// A server that stops answering is waited for no longer than the context lasts.
func TestASilentMailServerIsLeft(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{"from the start": "",
		"after its greeting": "220 mail.example.com\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Write([]byte(greeting))
				cancel()
				_, _ = conn.Read(make([]byte, 1<<10))
			}()
			o := &postoffice.Office{Address: l.Addr().String()}
			if err := server(t, o, "smtp://127.0.0.1", nil).Deliver(ctx, aLetter); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestMailServersAreNamedByURL(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"smtp://mail.example.com":       "smtp://mail.example.com:587",
		"smtps://u:p@mail.example.com/": "smtps://mail.example.com:465", "smtp://[::1]:25": "smtp://[::1]:25",
		"mail.example.com:25": "", "smtp://": "", "smtp://h:99999": "", "smtp://h:0": "", "smtp:mail.example.com": "",
		"smtp://h/x": "", "smtp://h?x=y": "", "smtp://u:p%s@h": "", "http://h": "",
	} {
		m, err := Parse(s)
		if want == "" && err == nil || want != "" && (err != nil || m.String() != want) {
			t.Errorf("%s: %v, %v", s, m, err)
		}
	}
}

// pipe connects both ends until one is closed.
func pipe(conn net.Conn, address string) {
	defer conn.Close()
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	go func() { _, _ = io.Copy(to, conn) }()
	_, _ = io.Copy(conn, to)
}
