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

// told is what may be told of a failure. Servers repeat what they were told now and then, so their words are left out
// as a whole where they could be about a password: while it is given to them, and when they hold a piece of it. Nothing
// is put in place of single words, which would tell a password that is one of them.
func (m *Server) told(err error, loggedIn bool) error {
	if err == nil || m.password == "" || ofTheNetwork(err) {
		return err
	}
	code, status := replyOf(err)
	switch {
	case code != 0 && !loggedIn:
		return fmt.Errorf("it answers %s, and refuses the login, the user or the password (its words may repeat them, and are not shown)", strings.TrimSpace(fmt.Sprint(code, " ", status)))
	case !m.repeats(err.Error()):
		return err
	case code != 0:
		return fmt.Errorf("it answers %s (its words are not shown, as they may repeat a password)", strings.TrimSpace(fmt.Sprint(code, " ", status)))
	}
	return errors.New("the conversation with it failed (how is not shown, as it may repeat a password)")
}

// ofTheNetwork is for errors that come from this machine, before anything was said.
func ofTheNetwork(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) || errors.As(err, &dns)
}

// replyOf is the code of a server's answer, with the status of RFC 3463 where it has one; 0: there was none.
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

// repeats looks for a piece of the password, as it is or as it goes over the wire. A password of fewer characters than
// leastPiece is looked for as a whole.
func (m *Server) repeats(said string) bool {
	said = strings.ToLower(said)
	for _, form := range []string{m.password, url.QueryEscape(m.password), base64.StdEncoding.EncodeToString([]byte(m.password)),
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
