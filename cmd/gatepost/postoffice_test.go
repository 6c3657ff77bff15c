package main

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

// postOffice is a real mail server that keeps what it takes.
type postOffice struct {
	url        string // for GATEPOST_SMTP_URL
	address    string
	mu         sync.Mutex
	taken      []parcel
	names      []string // by which clients said hello
	user, pass string   // empty: nobody need say who he is
	refuse     map[string]*smtp.SMTPError
	waiting    chan struct{} // one value for each parcel
}

// parcel is a mail with its envelope.
type parcel struct {
	from string
	to   []string
	raw  string
}

func newPostOffice(t *testing.T, certificate *tls.Certificate, change func(*postOffice)) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &postOffice{address: l.Addr().String(), url: "smtp://" + l.Addr().String(), refuse: map[string]*smtp.SMTPError{}, waiting: make(chan struct{}, 1000)}
	if change != nil {
		change(o)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &counter{office: o, conn: c}, nil }))
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

// counter is one client at the post office.
type counter struct {
	office *postOffice
	conn   *smtp.Conn
	known  bool
	parcel parcel
}

func (c *counter) AuthMechanisms() []string {
	if c.office.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (c *counter) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != c.office.user || pass != c.office.pass {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no: " + user + " " + pass + " " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+pass))}
		}
		c.known = true
		return nil
	}), nil
}

func (c *counter) refusal(command string) error {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if err := c.office.refuse[command]; err != nil {
		return err
	}
	return nil
}

func (c *counter) Mail(from string, _ *smtp.MailOptions) error {
	c.office.mu.Lock()
	c.office.names = append(c.office.names, c.conn.Hostname())
	c.office.mu.Unlock()
	if c.office.user != "" && !c.known {
		return smtp.ErrAuthRequired
	}
	c.parcel = parcel{from: from}
	return c.refusal("MAIL")
}

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.parcel.to = append(c.parcel.to, to)
	return c.refusal("RCPT")
}

func (c *counter) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, c.refusal("DATA")); err != nil {
		var refused *smtp.SMTPError
		if errors.As(err, &refused) {
			return refused
		}
		return err
	}
	c.parcel.raw = string(raw)
	c.office.mu.Lock()
	c.office.taken = append(c.office.taken, c.parcel)
	c.office.mu.Unlock()
	c.office.waiting <- struct{}{}
	return nil
}

// Reset comes when the mail was taken, and said to be.
func (c *counter) Reset() {
	if c.parcel.raw != "" && c.refusal("hang up") != nil {
		_ = c.conn.Conn().Close()
	}
}

func (c *counter) Logout() error { return nil }

// refuses has each such command answered with a code; 0: it is taken.
func (o *postOffice) refuses(command string, code int) {
	if code == 0 {
		o.refusesWith(command, nil)
		return
	}
	o.refusesWith(command, &smtp.SMTPError{Code: code, Message: "not today"})
}

func (o *postOffice) refusesWith(command string, err *smtp.SMTPError) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse[command] = err
}

// next waits for a mail to an address and takes it out.
func (o *postOffice) next(t *testing.T, to string) letter {
	t.Helper()
	for {
		o.mu.Lock()
		for i, p := range o.taken {
			if len(p.to) == 1 && p.to[0] == to {
				o.taken = append(o.taken[:i:i], o.taken[i+1:]...)
				o.mu.Unlock()
				return p.open(t)
			}
		}
		o.mu.Unlock()
		select {
		case <-o.waiting:
		case <-time.After(30 * time.Second):
			t.Fatalf("no mail to %s came", to)
		}
	}
}

// letter is a mail as its reader has it.
type letter struct {
	parcel
	header           netmail.Header
	subject          string
	text, html, link string
}

var mailedLink = regexp.MustCompile(`https?://\S+\?token=\S+`)

// open reads a mail by the rules, not by ours.
func (p parcel) open(t *testing.T) letter {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(p.raw))
	if err != nil {
		t.Fatalf("%v in %q", err, p.raw)
	}
	l := letter{parcel: p, header: m.Header}
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("it is %q, %v", kind, err)
	}
	for parts := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || part.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
			t.Fatalf("a part in %q: %v", part.Header.Get("Content-Transfer-Encoding"), err)
		}
		switch strings.ToLower(part.Header.Get("Content-Type")) {
		case "text/plain; charset=utf-8":
			l.text = strings.ReplaceAll(string(content), "\r\n", "\n")
		case "text/html; charset=utf-8":
			l.html = string(content)
		default:
			t.Errorf("a part of type %q", part.Header.Get("Content-Type"))
		}
	}
	l.link = mailedLink.FindString(l.text)
	return l
}

// newCertificate is one for a name, and who vouches for it.
func newCertificate(t *testing.T, name string) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
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
