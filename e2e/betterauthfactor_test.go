package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// second brings over who has enrolled an authenticator app at Better Auth. The app and the codes that were shown there
// open here, each code once, and the password alone opens nothing.
func (m *move) second(t *testing.T) {
	tom := m.people["tom"]
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	if n, report := m.gate.bring(t, "--source-secret-file", file("another secret of 32 characters\n")); n.Refused == 0 ||
		n.SecondFactorsBrought > 0 || !tells(report, tom.id, "none of the secrets") {
		t.Fatalf("with a wrong secret: %+v of %v", n, report)
	}
	if n, report := m.gate.bring(t, "--source-secret-file", file(oldSecret+"\n")); n.SecondFactorsBrought != 1 {
		t.Fatalf("with the secret: %+v of %v", n, report)
	}
	for _, code := range []string{codeOf(tom.key, time.Now()), tom.backup[0], strings.ToLower(tom.backup[1])} {
		want := strings.ToLower(tom.backup[1]) != code
		status, r := m.gate.tryPassword(t, tom.email, tom.password)
		if status != 303 {
			t.Fatalf("the password: status %d", status)
		}
		r.mustBeOut()
		res, err := r.client.PostForm(m.gate.url+"/login/code", url.Values{"code": {code}})
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if want {
			r.mustBeIn(tom.id)
		} else {
			r.mustBeOut()
		}
	}
}

// tells reports whether a report says something of somebody.
func tells(report []told, id, reason string) bool {
	for _, line := range report {
		if line.ID == id && strings.Contains(line.Reason, reason) {
			return true
		}
	}
	return false
}
