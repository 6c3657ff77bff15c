// Package smtp delivers mail to the mail server of GATEPOST_SMTP_URL. It speaks without TLS on this machine only,
// and its errors show no piece of a password.
//
// It composes nothing, stores nothing and retries nothing: package mail has the outbox.
package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"

	"github.com/gatepost/gatepost/internal/upkeep"
)

// Deliver delivers a letter to the mail server. A permanent failure wraps mail.ErrRefused.
type Deliver func(context.Context, loginui.Letter) error

const (
	// timeout limits the conversation with a mail server, from its greeting to its answer to the letter, which may
	// take long (RFC 5321, section 4.5.3.2).
	timeout = 2 * time.Minute
	// checkTimeout is the limit for Check, whose result an operator waits for.
	checkTimeout = 20 * time.Second
)

// Server is the mail server that mail is delivered to.
type Server struct {
	host           string
	port           int
	tls            bool // TLS from the first byte (smtps); otherwise STARTTLS, or on this machine no TLS
	user, password string
	From           *netmail.Address
	roots          *x509.CertPool                                                       // nil for the system's
	connect        func(ctx context.Context, network, address string) (net.Conn, error) // nil for the network
}

// Parse reads GATEPOST_SMTP_URL. Its errors quote nothing, as the URL holds a password.
func Parse(s string) (*Server, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || !portOf(u) || u.Opaque != "" {
		return nil, errors.New("is not a URL like smtp://user:password@mail.example.com:587 or " +
			"smtps://mail.example.com; write / @ : # ? % in a password as %2F %40 %3A %23 %3F %25")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("has something behind the host: name only scheme, user, password, host and port")
	}
	m := &Server{host: u.Hostname(), port: 587, tls: u.Scheme == "smtps", user: u.User.Username()}
	m.password, _ = u.User.Password()
	if m.tls {
		m.port = 465
	}
	if u.Port() != "" {
		m.port, _ = strconv.Atoi(u.Port()) // checked above
	}
	return m, nil
}

// portOf reports whether a URL has no port, or a valid one.
func portOf(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n != 0
}

// String is the address without user and password.
func (m *Server) String() string {
	if m == nil {
		return "(unreadable)"
	}
	scheme := "smtp"
	if m.tls {
		scheme = "smtps"
	}
	return scheme + "://" + net.JoinHostPort(m.host, strconv.Itoa(m.port))
}

// HasPassword reports whether the URL has a password.
func (m *Server) HasPassword() bool { return m != nil && m.password != "" }

// Deliver implements the type Deliver.
func (m *Server) Deliver(ctx context.Context, l loginui.Letter) error {
	msg, err := m.message(l)
	if err != nil {
		return fmt.Errorf("%w: %w", mail.ErrRefused, err)
	}
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	switch {
	case msg.IsDelivered(): // whatever the server answered afterwards
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case noSuchReader(err):
		return fmt.Errorf("%w: %w", mail.ErrRefused, m.told(err, true))
	}
	var failure *gomail.SendError // errors after the login have this type
	return m.told(err, errors.As(err, &failure))
}

// noSuchReader reports whether the server refused the recipient's address, which no setting and no retry can solve.
// Other refusals at the same step are about relaying, sender or quota. RFC 3463 has such codes in X.1; servers
// without them answer 550, 551 or 553.
func noSuchReader(err error) bool {
	var failure *gomail.SendError
	if !errors.As(err, &failure) || failure.Reason != gomail.ErrSMTPRcptTo {
		return false
	}
	if code := failure.EnhancedStatusCode(); code != "" && !strings.HasPrefix(code, "5.0.") {
		return strings.HasPrefix(code, "5.1.")
	}
	return slices.Contains([]int{550, 551, 553}, failure.ErrorCode())
}

// message is a letter in the form that is sent. It names neither this machine nor any host of a request.
func (m *Server) message(l loginui.Letter) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.To(l.To); err != nil {
		return nil, err
	}
	msg.FromMailAddress(m.From)
	msg.Subject(l.Subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(l.ID + "@" + m.domain())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no automatic reply
	msg.SetGenHeader("Content-Language", l.Lang)
	msg.SetBodyString(gomail.TypeTextPlain, l.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	for _, p := range l.Pictures {
		name := "logo." + strings.TrimPrefix(p.Kind, "image/")
		err := msg.EmbedReader(name, bytes.NewReader(p.Content), gomail.WithFileContentID("<"+p.ID+">"),
			gomail.WithFileContentType(gomail.ContentType(p.Kind)))
		if err != nil {
			return nil, err
		}
	}
	return msg, nil
}

func (m *Server) domain() string {
	_, domain, _ := strings.Cut(m.From.Address, "@")
	return domain
}

// client is an SMTP client that ends with ctx. It speaks without TLS on this machine only.
func (m *Server) client(ctx context.Context) (*gomail.Client, error) {
	options := []gomail.Option{gomail.WithPort(m.port), gomail.WithHELO(m.domain()), gomail.WithTimeout(timeout),
		gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(m.tlsConfig()), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(m.dial(ctx))}
	mechanisms := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256PLUS, gomail.SMTPAuthSCRAMSHA256,
		gomail.SMTPAuthPlain, gomail.SMTPAuthLogin}
	if m.tls {
		options = append(options, gomail.WithSSL())
	} else if proxy.IsLoopback(m.host) {
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
		mechanisms = []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlainNoEnc,
			gomail.SMTPAuthLoginNoEnc}
	}
	if m.user != "" {
		options = append(options, gomail.WithUsername(m.user), gomail.WithPassword(m.password),
			gomail.WithOpportunisticSMTPAuth(mechanisms...))
	}
	host := m.host
	if strings.Contains(host, ":") { // an IPv6 address
		host = "[" + host + "]"
	}
	return gomail.NewClient(host, options...)
}

// dial connects, and closes the connection when ctx ends, so that a server that stops answering is not waited for.
func (m *Server) dial(ctx context.Context) gomail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		connect := m.connect
		if connect == nil {
			connect = (&net.Dialer{}).DialContext
		}
		conn, err := connect(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, upkeep.Watch{}.Guard("end a conversation with a mail server",
			func() { _ = conn.Close() }))
		if !m.tls {
			return conn, nil
		}
		secure := tls.Client(conn, m.tlsConfig())
		if err := secure.HandshakeContext(dialing); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secure, nil
	}
}

func (m *Server) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: m.host, RootCAs: m.roots, MinVersion: tls.VersionTLS12}
}

// Check greets the server, signs in, and tests whether it accepts the sender.
func (m *Server) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	in := err == nil
	if in {
		defer conn.Close()
		err = errors.Join(conn.Mail(m.From.Address), conn.Reset())
	}
	if err != nil {
		return fmt.Errorf("GATEPOST_SMTP_URL: no mail can be handed in at %s: %w; correct the address, user or "+
			"password, or ask whoever runs it", m, m.told(withoutAddress(err), in))
	}
	return nil
}

// withoutAddress removes the address from an error, as the message has it already.
func withoutAddress(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
