package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// spellings are twenty passwords, and others as which Better Auth takes them: it knows them by their NFKC form.
var spellings = []struct{ made, typed string }{
	{"hunter22", "hunter22"},
	{"correct horse battery staple", "correct horse battery staple"},
	{" blanks at both ends ", " blanks at both ends "},
	{"tab\tand\u00a0fixed blank", "tab\tand fixed blank"},
	{"ﬁsh-A\u030angstro\u0308m", "fish-Ångström"},
	{"Ångström-Åå", "A\u030angstro\u0308m-A\u030aa\u030a"},
	{"ＦＵＬＬwidth１２３", "FULLwidth123"},
	{"ｶﾀｶﾅのパスワード", "カタカナのパスワード"},
	{"비밀번호는여덟자", "\u1107\u1175\u1106\u1175\u11af\u1107\u1165\u11ab\u1112\u1169\u1102\u1173\u11ab여덟자"},
	{"x² + y² = z²", "x2 + y2 = z2"},
	{"Ⅷ is eight, ½ is half", "VIII is eight, 1⁄2 is half"},
	{"straße und Straſse", "straße und Strasse"},
	{"пароль и ключ", "пароль и ключ"},
	{"كلمة السر ﷺ", "كلمة السر صلى الله عليه وسلم"},
	{"パスワード🔑と鍵👩‍👩‍👧", "パスワード🔑と鍵👩‍👩‍👧"},
	{"a:b$c%20d&e=f+g", "a:b$c%20d&e=f+g"},
	{`"quoted" \ 'twice'`, `"quoted" \ 'twice'`},
	{"ﬃ ﬄ ﬆ ﬅ", "ffi ffl st st"},
	{strings.Repeat("x", 128), strings.Repeat("x", 128)},
	{strings.Repeat("é", 64), strings.Repeat("e\u0301", 64)},
}

// What the real library makes of twenty passwords, the gate verifies, typed in either way. Versions before and after
// have their own code for it.
func TestHashesOfBetterAuth(t *testing.T) {
	needBrowser(t) // without a browser there is no PostgreSQL
	needOldSystems(t)
	app := httptest.NewServer(http.HandlerFunc(tellHeaders))
	t.Cleanup(app.Close)
	for _, l := range []layout{layouts[0], layouts[2]} {
		t.Run(l.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "users")
			if err := os.WriteFile(file, l.hash(t), 0o600); err != nil {
				t.Fatal(err)
			}
			h := moveInto(t, "json", "", app.URL, freePort(t)).serve(t)
			h.must(t, "import", "json", file)
			for i, s := range spellings {
				id := fmt.Sprint("user", i)
				// What is typed first replaces the hash, so that each layout tries another spelling.
				typed := s.made
				if l.version == "better-auth" {
					typed = s.typed
				}
				h.mustKnow(t, id+"@example.com", typed, id)
				h.mustKnow(t, id+"@example.com", typed, id)
			}
			if status, _ := h.tryPassword(t, "user0@example.com", "hunter23"); status == 303 {
				t.Error("a wrong password opens")
			}
			kinds := sql(t, h.database, `SELECT DISTINCT split_part(password, '$', 2) FROM gatepost.account`)
			if len(kinds) != 1 || kinds[0] != "argon2id" {
				t.Errorf("after all have signed in there are hashes of the kinds %q", kinds)
			}
		})
	}
}

// hash has the library make all hashes.
func (l layout) hash(t *testing.T) []byte {
	t.Helper()
	var made []string
	for _, s := range spellings {
		made = append(made, s.made)
	}
	list, _ := json.Marshal(made)
	cmd := exec.Command(nodeFor(t), "hashes.mjs")
	cmd.Dir = "movein"
	cmd.Env = append(cmd.Environ(), "PACKAGE="+l.version, "PASSWORDS="+string(list))
	out, err := cmd.Output()
	if err != nil || strings.Count(string(out), "\n") != len(made) {
		t.Fatalf("make hashes: %v\n%s", err, out)
	}
	return out
}
