package smtp

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/gatepost/gatepost/internal/smtp/postoffice"
)

// When a server repeats what it was sent, no error shows the password. A password that is a word of a sentence
// cannot be seen from what is missing.
func TestWhatAServerRepeatsIsNotTold(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"p", "s", "hush4Tail9", "two zebras", "not", "today", "Authentication",
		"p@ss/wörd", "(password)", "refused"} {
		for _, command := range []string{"AUTH", "MAIL", "RCPT", "DATA"} {
			o := postoffice.New(t, nil, func(o *postoffice.Office) { o.User, o.Pass = "me", password })
			if command == "AUTH" {
				o.Pass = "another"
			}
			repeated := base64.StdEncoding.EncodeToString([]byte("\x00me\x00" + password))
			o.RefusesWith(command, &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1},
				Message: "Authentication is not for today: " + password + " " + repeated})
			m := server(t, o, "smtp://me:"+url.PathEscape(password)+"@127.0.0.1", nil)
			for what, err := range map[string]error{"deliver": m.Deliver(t.Context(), aLetter),
				"check": m.Check(t.Context())} {
				if err == nil {
					if what == "check" && command != "AUTH" && command != "MAIL" { // the check does not get so far
						continue
					}
					t.Fatalf("%s at %s: no error", what, command)
				}
				said := err.Error()
				if strings.Contains(said, "((") || strings.Contains(said, repeated) ||
					strings.Contains(said, "for today: "+password) {
					t.Errorf("%q at %s: %s says %s", password, command, what, said)
				}
				if len(password) > 8 && piece(said, password) != "" && password != "(password)" &&
					password != "Authentication" {
					t.Errorf("%q at %s: %s tells a piece: %s", password, command, what, said)
				}
				code := map[bool]string{true: "535", false: "554"}[command == "AUTH"]
				if !strings.Contains(said, code) {
					t.Errorf("%q at %s: %s says no code: %s", password, command, what, said)
				}
			}
		}
	}
}

// A text of the server's is shown as a whole or left out: with another password it is the same.
func TestNoSentenceIsCutByThePassword(t *testing.T) {
	t.Parallel()
	said := fmt.Errorf("454 4.7.0 temporary trouble with the mailbox, see https://example.com/help")
	for _, password := range []string{"trouble", "a", "mail", "example", "temporary trouble", "x-y-z-no-word"} {
		got := (&Server{user: "me", password: password}).told(said, true).Error()
		if got != said.Error() && strings.Contains(got, "mailbox") {
			t.Errorf("%q: %s", password, got)
		}
	}
}

// piece is a piece of a secret in a text, of four characters or more; empty for none.
func piece(text, secret string) string {
	for i := range len(secret) - 3 {
		if strings.Contains(text, secret[i:i+4]) {
			return secret[i : i+4]
		}
	}
	return ""
}
