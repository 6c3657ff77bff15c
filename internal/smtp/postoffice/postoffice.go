// Package postoffice is a mail server for tests. It keeps the mail that it accepts.
package postoffice

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Office is a mail server that keeps the mail that it accepts.
type Office struct {
	URL        string // URL is the value for GATEPOST_SMTP_URL.
	Address    string
	mu         sync.Mutex
	Taken      []Parcel
	Names      []string // Names are the names in the clients' greetings.
	User, Pass string   // User and Pass are required; empty for none.
	Refuse     map[string]*smtp.SMTPError
	Waiting    chan struct{} // Waiting gets one value for each parcel.
}

// Parcel is a mail with its envelope.
type Parcel struct {
	// From, To and Raw are the envelope's sender, its recipients, and the mail as received.
	From string
	To   []string
	Raw  string
}

// New opens an Office until the test ends. certificate is for STARTTLS; nil for none.
func New(t *testing.T, certificate *tls.Certificate, change func(*Office)) *Office {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &Office{Address: l.Addr().String(), URL: "smtp://" + l.Addr().String(), Refuse: map[string]*smtp.SMTPError{},
		Waiting: make(chan struct{}, 1000)}
	if change != nil {
		change(o)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &counter{office: o, conn: c},
			nil
	}))
	s.Domain, s.AllowInsecureAuth, s.ErrorLog = "mail.example.com", true, quietLog{}
	if certificate != nil {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return o
}

type quietLog struct{}

func (quietLog) Printf(string, ...any) {}
func (quietLog) Println(...any)        {}

// counter is the session of one client.
type counter struct {
	office *Office
	conn   *smtp.Conn
	known  bool
	parcel Parcel
}

// AuthMechanisms are the mechanisms that the Office offers.
func (c *counter) AuthMechanisms() []string {
	if c.office.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth checks a login.
func (c *counter) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != c.office.User || pass != c.office.Pass {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no: " + user + " " +
				pass + " " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+pass))}
		}
		c.known = true
		return nil
	}), nil
}

func (c *counter) refusal(command string) error {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if err := c.office.Refuse[command]; err != nil {
		return err
	}
	return nil
}

// Mail accepts or refuses a sender.
func (c *counter) Mail(from string, _ *smtp.MailOptions) error {
	c.office.mu.Lock()
	c.office.Names = append(c.office.Names, c.conn.Hostname())
	c.office.mu.Unlock()
	if c.office.User != "" && !c.known {
		return smtp.ErrAuthRequired
	}
	c.parcel = Parcel{From: from}
	return c.refusal("MAIL")
}

// Rcpt accepts or refuses a recipient.
func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.parcel.To = append(c.parcel.To, to)
	return c.refusal("RCPT")
}

// Data accepts or refuses a mail.
func (c *counter) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, c.refusal("DATA")); err != nil {
		var refused *smtp.SMTPError
		if errors.As(err, &refused) {
			return refused
		}
		return err
	}
	c.parcel.Raw = string(raw)
	c.office.mu.Lock()
	c.office.Taken = append(c.office.Taken, c.parcel)
	c.office.mu.Unlock()
	c.office.Waiting <- struct{}{}
	return nil
}

// Reset is called after a mail was accepted and the client was told.
func (c *counter) Reset() {
	if c.parcel.Raw != "" && c.refusal("hang up") != nil {
		_ = c.conn.Conn().Close()
	}
}

// Logout does nothing.
func (c *counter) Logout() error { return nil }

// Refuses makes the server answer each such command with a code; 0 to accept it.
func (o *Office) Refuses(command string, code int) {
	if code == 0 {
		o.RefusesWith(command, nil)
		return
	}
	o.RefusesWith(command, &smtp.SMTPError{Code: code, Message: "not today"})
}

// RefusesWith makes the server answer each such command with an error; nil to accept it.
func (o *Office) RefusesWith(command string, err *smtp.SMTPError) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Refuse[command] = err
}

// Next waits for a mail to an address, removes it from the Office and returns it.
func (o *Office) Next(t *testing.T, to string) Letter {
	t.Helper()
	for {
		o.mu.Lock()
		for i, p := range o.Taken {
			if len(p.To) == 1 && p.To[0] == to {
				o.Taken = append(o.Taken[:i:i], o.Taken[i+1:]...)
				o.mu.Unlock()
				return p.open(t)
			}
		}
		o.mu.Unlock()
		select {
		case <-o.Waiting:
		case <-time.After(30 * time.Second):
			t.Fatalf("no mail to %s came", to)
		}
	}
}

// Letter is a mail in its parts.
type Letter struct {
	Parcel
	// Header, Subject, Text, HTML and Link are the parts of the mail, and the link with a token in it.
	Header           netmail.Header
	Subject          string
	Text, HTML, Link string
	// Pictures are the pictures for HTML: of each the Content-ID, a space, and the content.
	Pictures []string
}

var mailedLink = regexp.MustCompile(`https?://\S+\?token=\S+`)

// open reads a mail with the standard library.
func (p Parcel) open(t *testing.T) Letter {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(p.Raw))
	if err != nil {
		t.Fatalf("%v in %q", err, p.Raw)
	}
	l := Letter{Parcel: p, Header: m.Header}
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	l.read(t, m.Header.Get("Content-Type"), m.Body)
	l.Link = mailedLink.FindString(l.Text)
	return l
}

// read reads the parts of a mail: its text and its HTML, alone or together with pictures.
func (l *Letter) read(t *testing.T, contentType string, body io.Reader) {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/alternative" && kind != "multipart/related" {
		t.Fatalf("it is %q, %v", kind, err)
	}
	for parts := multipart.NewReader(body, parameters["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch of := strings.ToLower(part.Header.Get("Content-Type")); {
		case of == "text/plain; charset=utf-8":
			l.Text = strings.ReplaceAll(content(t, part), "\r\n", "\n")
		case of == "text/html; charset=utf-8":
			l.HTML = content(t, part)
		case kind == "multipart/related" && strings.HasPrefix(of, "multipart/alternative"):
			l.read(t, part.Header.Get("Content-Type"), part)
		case kind == "multipart/related" && strings.HasPrefix(of, "image/"):
			l.Pictures = append(l.Pictures, part.Header.Get("Content-ID")+" "+content(t, part))
		default:
			t.Errorf("a part of type %q", of)
		}
	}
}

// content reads a part in the encoding of its kind.
func content(t *testing.T, part *multipart.Part) string {
	t.Helper()
	var r io.Reader
	switch encoding := part.Header.Get("Content-Transfer-Encoding"); encoding {
	case "quoted-printable":
		r = quotedprintable.NewReader(part)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, part)
	default:
		t.Fatalf("a part in %q", encoding)
	}
	read, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(read)
}

// NewCertificate is a certificate for a name, and a pool with its issuer.
func NewCertificate(t *testing.T, name string) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
