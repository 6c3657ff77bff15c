package smtp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// told is the error that may be shown for a failure. Servers sometimes repeat what they were sent. Their text is
// left out as a whole during login, and when it contains a piece of the password. Single words are not replaced, as
// that would reveal a password that is one of them.
func (m *Server) told(err error, loggedIn bool) error {
	if err == nil || m.password == "" || ofTheNetwork(err) {
		return err
	}
	code, status := replyOf(err)
	switch {
	case code != 0 && !loggedIn:
		return fmt.Errorf("it answers %s, and refuses the login, the user or the password (its words may repeat "+
			"them, and are not shown)", strings.TrimSpace(fmt.Sprint(code, " ", status)))
	case !m.repeats(err.Error()):
		return err
	case code != 0:
		return fmt.Errorf("it answers %s (its words are not shown, as they may repeat a password)",
			strings.TrimSpace(fmt.Sprint(code, " ", status)))
	}
	return errors.New("the conversation with it failed (how is not shown, as it may repeat a password)")
}

// ofTheNetwork reports whether an error is from this machine, before anything was sent.
func ofTheNetwork(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) || errors.As(err, &dns)
}

// replyOf is the code of a server's answer, and its status by RFC 3463 if it has one; 0 when there was no answer.
func replyOf(err error) (code int, status string) {
	var failure *gomail.SendError
	if errors.As(err, &failure) && failure.ErrorCode() != 0 {
		return failure.ErrorCode(), failure.EnhancedStatusCode()
	}
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code, enhancedStatus.FindString(reply.Msg)
	}
	return 0, ""
}

var enhancedStatus = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// repeats reports whether a text contains a piece of the password, as it is or as it is encoded. A password shorter
// than leastPiece is searched for as a whole.
func (m *Server) repeats(said string) bool {
	said = strings.ToLower(said)
	for _, form := range []string{m.password, url.QueryEscape(m.password),
		base64.StdEncoding.EncodeToString([]byte(m.password)),
		base64.StdEncoding.EncodeToString([]byte("\x00" + m.user + "\x00" + m.password))} {
		form = strings.ToLower(form)
		for i := 0; i+min(leastPiece, len(form)) <= len(form); i++ {
			if strings.Contains(said, form[i:i+min(leastPiece, len(form))]) {
				return true
			}
		}
	}
	return false
}

// leastPiece is in bytes.
const leastPiece = 4
