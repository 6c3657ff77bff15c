package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sheaves holds the directory with the pages of each test until the test ends.
var sheaves = map[*testing.T]string{}

// validHTML saves a page as it came over HTTP. The pages of a test are validated together when it ends, because
// html-validate takes longer to start than to read them all.
func validHTML(t *testing.T, name string, status int, body string) {
	t.Helper()
	dir, begun := sheaves[t]
	if !begun {
		dir = t.TempDir()
		sheaves[t] = dir
		t.Cleanup(func() {
			delete(sheaves, t)
			for _, fault := range validate(t, dir) {
				t.Error(fault)
			}
		})
	}
	file := filepath.Join(dir, fmt.Sprintf("%s-%d.html", strings.ReplaceAll(name, "/", "_"), status))
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

// report is the result of html-validate for one file.
type report struct {
	FilePath string
	Messages []struct {
		RuleID, Message string
		Line, Column    int
	}
}

// validate lists the faults of all pages in a directory.
func validate(t *testing.T, dir string) (faults []string) {
	t.Helper()
	program := needModule(t, "html-validate/bin/html-validate.mjs")
	cmd := exec.Command(needNode(t), program, "--config", ".htmlvalidate.json", "--formatter", "json", dir)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	// A fault in a page makes the command fail as well; out then lists the fault.
	out, failure := cmd.Output()
	var reports []report
	if err := json.Unmarshal(out, &reports); err != nil {
		t.Fatalf("html-validate: %v: %v\n%s%s", failure, err, out, complaint.Bytes())
	}
	for _, r := range reports {
		for _, m := range r.Messages {
			faults = append(faults, fmt.Sprintf("%s:%d:%d: %s: %s", filepath.Base(r.FilePath), m.Line,
				m.Column, m.RuleID, m.Message))
		}
	}
	if failure != nil && len(faults) == 0 {
		t.Fatalf("html-validate: %v\n%s%s", failure, out, complaint.Bytes())
	}
	return faults
}

func TestPagesAreValidHTML(t *testing.T) {
	for _, lang := range []string{"en", "ar"} {
		r, p := newReader(t), zhangWei()
		check := func(name string, status int, path string, sent url.Values) {
			t.Helper()
			validHTML(t, lang+"-"+name, status, r.read(status, path, sent))
		}
		wrong := url.Values{"name": {`"><i>`}, "email": {`a"b@nowhere`}, "password": {"short"},
			"next": {`/dashboard?a=1&b="2"`}}
		right := url.Values{"name": {p.name}, "email": {p.email}, "password": {p.password}}
		check("login", 200, "/login?lang="+lang, nil)
		check("login-next", 200, `/login?next=%2Fdashboard%3Fa%3D1%26b%3D%222%22`, nil)
		check("signup", 200, "/signup", nil)
		check("signup-failed", 422, "/signup", wrong)
		r.read(303, "/signup", right)
		checkAccountPages(r, p, check)
		check("nothing", 404, "/account/nothing", nil)
		check("refused", 403, "/admin", nil)
		check("logout", 200, "/logout", nil)
		r.read(303, "/logout", url.Values{})
		check("login-after-logout", 200, "/login", nil)
		check("login-failed", 401, "/login", url.Values{"email": {p.email}, "password": {"a noisy river"}})
		r.read(303, "/login", right)
		check("deleted", 200, "/account/delete", right)
	}
}

func checkAccountPages(r *reader, p person, check func(name string, status int, path string, sent url.Values)) {
	r.t.Helper()
	wrong := url.Values{"password": {"a noisy river"}, "current": {""}, "name": {"\x01"}}
	newReader(r.t).logIn(p)
	check("account", 200, "/account", nil)
	check("name", 200, "/account/name", nil)
	check("name-failed", 422, "/account/name", wrong)
	r.read(303, "/account/name", url.Values{"name": {`<i>"&'` + "\u202e"}})
	check("account-notice", 200, "/account", nil)
	check("password", 200, "/account/password", nil)
	check("password-failed", 422, "/account/password", wrong)
	check("delete", 200, "/account/delete", nil)
	check("delete-failed", 401, "/account/delete", wrong)
	p.growOld(r.t)
	check("confirm", 403, "/account/sessions/end", url.Values{"id": {`"1"`}})
	check("confirm-failed", 401, "/account/sessions/end-others", wrong)
	check("confirm-missing", 422, "/account/export", url.Values{"password": {""}})
}

func TestInvalidHTMLIsFound(t *testing.T) {
	needBrowser(t)
	dir := t.TempDir()
	bad := "<!doctype html>\n" +
		"<html lang=\"en\"><head><title>Bad</title></head>\n" +
		"<body><p><div>In</div></p><input id=\"a\"><img src=\"/a\"></body></html>"
	if err := os.WriteFile(filepath.Join(dir, "bad.html"), []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	faults := strings.Join(validate(t, dir), "\n")
	for _, fault := range []string{"bad.html:3:", "close-order", "input-missing-label", "wcag/h37"} {
		if !strings.Contains(faults, fault) {
			t.Errorf("html-validate does not say %s, only:\n%s", fault, faults)
		}
	}
}
