package acceptance_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/seal"
	"github.com/gatepost/gatepost/internal/smtp/postoffice"
)

// sent are the forms that every endpoint gets: nothing, what no form has, and what passes the first look at a field.
var sent = map[string][]string{
	"nothing": nil,
	"junk": {"email", "x", "password", "x", "current", "x", "name", "\x00", "username", "\x00", "id", "x", "token", "x",
		"next", "//x", "once", "x", "kept", "x", "claim", "x", "answer", "{}", "for", "x", "code", "x", "trust", "x",
		"days", "x", "rules", "=(", "roles", "\x00", "tokens", "x"},
	"codes": {"password", password, "code", "123456", "id", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "for", "add", "trust", "on",
		"answer", `{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}`},
	"recovery": {"current", password, "password", newPassword, "code", "AAAA-BBBB-CCCC-DDDD", "for", "confirm",
		"token", strings.Repeat("0", 43), "email", "ada2@example.com", "name", "x", "days", "90", "rules", "GET /api",
		"roles", "user", "tokens", "on"},
}

// No form makes an endpoint fail, whoever sends it: somebody unknown, a user whose sign-in is recent or old, or one who
// is adding an authenticator app.
func TestNoFormBreaksAnEndpoint(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_SMTP_URL="+postoffice.New(t, nil, nil).URL, "GATEPOST_MAIL_FROM=gate@example.com",
		"GATEPOST_TOKENS=/api", "GATEPOST_ENCRYPTION_KEY="+seal.NewKey())
	db := authtest.Pool(t, l.database)
	for who, become := range map[string]func(*visitor){
		"unknown": func(*visitor) {},
		"recent":  (*visitor).staysIn,
		"old": func(v *visitor) {
			v.staysIn()
			if _, err := db.Exec(t.Context(), `UPDATE gatepost.session SET created_at = now() - interval '1 day',
				proved_at = now() - interval '1 day'`); err != nil {
				t.Fatal(err)
			}
		},
		"adding": func(v *visitor) { v.staysIn(); v.post("/account/app") },
	} {
		for what, pairs := range sent {
			v, form := l.visitor(t), formOf(pairs...)
			for n, e := range endpoints(t) {
				if e.method != http.MethodPost {
					continue
				}
				become(v)
				r := v.do(e.method, e.path, strings.NewReader(form), navigate,
					fmt.Sprintf("X-Forwarded-For: 10.%d.%d.1", len(who)*len(what), n))
				if r.status >= http.StatusInternalServerError {
					t.Errorf("%s, %s to %s: %d\n%.1000s", who, what, e.path, r.status, r.body)
				}
			}
		}
	}
}

// staysIn signs up whoever has no session any more.
func (v *visitor) staysIn() {
	v.t.Helper()
	if v.fetch("/api/auth/get-session").body == "null" {
		v.signUp(rand.Text() + "@example.com")
	}
}
