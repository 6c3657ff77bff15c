package loginui_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
)

// logIn opens one more session and returns its Cookie header.
func (d *desk) logIn(t *testing.T, email, password string, headers ...string) string {
	t.Helper()
	a := d.do(t, "POST", "/login", form("email", email, "password", password, "remember", "on"), headers...)
	if a.StatusCode != 303 {
		t.Fatalf("log in: %d %s", a.StatusCode, a.body)
	}
	return a.session()
}

// session returns the Cookie header for the session that an answer sets.
func (a answer) session() string {
	for _, line := range a.Header.Values("Set-Cookie") {
		if pair, _, _ := strings.Cut(line, ";"); strings.HasPrefix(pair, "gatepost_8080=") {
			return "Cookie: " + pair
		}
	}
	return ""
}

// settle makes every session so old that the gate asks for the password again.
func (d *desk) settle(t *testing.T) {
	t.Helper()
	_, err := d.db.Exec(t.Context(), `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes'`)
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := d.db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.`+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheAccountPageListsSessionsInWords(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.cookie(t, "ada@example.com")
	cookie := d.logIn(t, "ada@example.com", password, "RemoteAddr: 10.1.2.3:4",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	d.logIn(t, "ada@example.com", password, "RemoteAddr: 127.0.0.1:4", "User-Agent: <script>alert(1)</script>/1.0")
	a := d.do(t, "GET", "/account", "", cookie)
	for _, words := range []string{
		"Firefox on Linux", "This device", "10.1.2.3, a private network", "this computer", "192.0.2.1",
		"last used just now", `<time datetime="`, "Log out everywhere else",
	} {
		if !strings.Contains(a.body, words) {
			t.Errorf("the page does not say %q:\n%s", words, a.body)
		}
	}
	if strings.Contains(a.body, "<script>") || strings.Count(a.body, `name="id"`) != 2 {
		t.Errorf("markup, or not two sessions to end:\n%s", a.body)
	}
}

func TestANameIsChangedAndShownAsText(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.cookie(t, "ada@example.com")
	for name, want := range map[string]string{
		"Grace":      "<bdi>Grace</bdi>",
		"<b>&":       "<bdi>&lt;b&gt;&amp;</bdi>",
		"\u202eevil": "<bdi>\u202eevil</bdi>",
		"👩‍👩‍👧 Ada":  "<bdi>👩‍👩‍👧 Ada</bdi>",
		"":           "No name given",
	} {
		a := d.do(t, "POST", "/account/name", form("name", name), cookie)
		if a.StatusCode != 303 || a.Header.Get("Location") != "/account" {
			t.Fatalf("%q: got %d %s", name, a.StatusCode, a.body)
		}
		note, _, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
		page := d.do(t, "GET", "/account", "", cookie+"; "+note)
		if !strings.Contains(page.body, want) || !strings.Contains(page.body, "Your name is changed.") ||
			!strings.Contains(page.Header.Get("Set-Cookie"), "_done=;") {
			t.Errorf("%q: want %s and a word about it, once, in\n%v %s", name, want, page.Header, page.body)
		}
	}
	for name, say := range map[string]string{
		strings.Repeat("a", 10_000): "at most 100 characters",
		"a\x00b":                    "cannot be shown",
		"\xff":                      "cannot be shown",
	} {
		a := d.do(t, "POST", "/account/name", form("name", name), cookie)
		if a.StatusCode != 422 || !strings.Contains(a.body, say) ||
			!strings.Contains(a.body, `aria-invalid="true"`) || strings.Contains(a.body, `<a href="#name">`) {
			t.Errorf("%.20q: got %d %s", name, a.StatusCode, a.body)
		}
	}
	for _, c := range []string{"X: y", "Cookie: gatepost_8080=nonsense"} {
		a := d.do(t, "POST", "/account/name", form("name", "Eve"), c, "Referer: http://localhost:8080/account/name")
		if a.StatusCode != 303 || a.Header.Get("Location") != "/login?next=%2Faccount%2Fname" {
			t.Errorf("%s: got %d %v", c, a.StatusCode, a.Header)
		}
	}
}

func TestANewPasswordNeedsTheOldOneAndEndsOtherSessions(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	other := d.cookie(t, "ada@example.com")
	cookie := d.logIn(t, "ada@example.com", password)
	const chosen = "another horse battery"
	for _, c := range []struct {
		current, chosen, say string
		status               int
	}{
		{"wrong password", chosen, "That is not your current password.", 401},
		{"", chosen, "Enter your current password.", 422},
		{password, "short", "at least 8 characters", 422},
		{password, "", "Enter a password.", 422},
		{password, password, "the password you have already", 422},
		{password, "ada@example.com", "the first thing somebody would try", 422},
	} {
		a := d.do(t, "POST", "/account/password", form("current", c.current, "password", c.chosen), cookie)
		if a.StatusCode != c.status || !strings.Contains(a.body, c.say) || a.session() != "" {
			t.Errorf("%q, %q: got %d, want %d and %q in\n%s",
				c.current, c.chosen, a.StatusCode, c.status, c.say, a.body)
		}
		if strings.Contains(a.body, "value=\""+c.current) && c.current != "" {
			t.Error("a password is in the page")
		}
	}
	a := d.do(t, "POST", "/account/password", form("current", password, "password", chosen), cookie)
	renewed := a.session()
	if a.StatusCode != 303 || renewed == "" ||
		!strings.Contains(strings.Join(a.Header.Values("Set-Cookie"), "\n"), "Max-Age=2592000") {
		t.Fatalf("got %d %v", a.StatusCode, a.Header)
	}
	for c, want := range map[string]int{other: 303, cookie: 303, renewed: 200} {
		if a := d.do(t, "GET", "/account", "", c); a.StatusCode != want {
			t.Errorf("%s: got %d, want %d", c, a.StatusCode, want)
		}
	}
	d.logIn(t, "ada@example.com", chosen)
}

func TestWhatIsSensitiveAsksForThePasswordWhenTheLoginIsOld(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.cookie(t, "ada@example.com")
	id := func() (id string) {
		err := d.db.QueryRow(t.Context(), `SELECT id FROM gatepost.session ORDER BY created_at LIMIT 1`).Scan(&id)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}()
	for _, path := range []string{"/account/sessions/end", "/account/sessions/end-others", "/account/export"} {
		cookie := d.logIn(t, "ada@example.com", password)
		d.settle(t)
		before := d.count(t, "session")
		a := d.do(t, "POST", path, form("id", id), cookie)
		if a.StatusCode != 403 || !strings.Contains(a.body, "enter your password once more") ||
			!strings.Contains(a.body, `action="`+path+`"`) {
			t.Fatalf("%s: got %d %s", path, a.StatusCode, a.body)
		}
		if path == "/account/sessions/end" && !strings.Contains(a.body, `name="id" value="`+id+`"`) {
			t.Errorf("which session is forgotten:\n%s", a.body)
		}
		a = d.do(t, "POST", path, form("id", id), cookie, "Sec-Fetch-Mode: cors")
		if a.StatusCode != 403 || !strings.Contains(a.body, `"code":"FORBIDDEN"`) {
			t.Errorf("%s by a script: got %d %s", path, a.StatusCode, a.body)
		}
		for _, wrong := range []string{"wrong password", ""} {
			a := d.do(t, "POST", path, form("id", id, "password", wrong), cookie)
			if a.StatusCode != 401 && a.StatusCode != 422 || !strings.Contains(a.body, `aria-invalid="true"`) {
				t.Errorf("%s with %q: got %d %s", path, wrong, a.StatusCode, a.body)
			}
		}
		if d.count(t, "session") != before {
			t.Errorf("%s: something was done without the password", path)
		}
		a = d.do(t, "POST", path, form("id", id, "password", password), cookie)
		if a.StatusCode != 303 || a.session() == "" || a.session() == cookie {
			t.Errorf("%s with the password: got %d %v", path, a.StatusCode, a.Header)
		}
		if b := d.do(t, "POST", path, form("id", id), cookie); b.Header.Get("Location") != "/login" {
			t.Errorf("%s: the token from before does deeds: %d to %q", path, b.StatusCode, b.Header.Get("Location"))
		}
		if a := d.do(t, "GET", "/account", "", a.session()); a.StatusCode != 200 {
			t.Errorf("%s: the new token is refused", path)
		}
	}
}

func TestASessionIsEndedByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	eve := d.cookie(t, "eve@example.com")
	ada := d.cookie(t, "ada@example.com")
	second := d.logIn(t, "ada@example.com", password)
	var id string
	err := d.db.QueryRow(t.Context(), `
		SELECT s.id FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
		WHERE u.email = 'ada@example.com' ORDER BY s.created_at LIMIT 1`).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{id, "nonsense"} {
		if a := d.do(t, "POST", "/account/sessions/end", form("id", wrong), eve); a.StatusCode != 303 {
			t.Errorf("%q: got %d %s", wrong, a.StatusCode, a.body)
		}
	}
	if a := d.do(t, "GET", "/account", "", ada); a.StatusCode != 200 {
		t.Fatal("somebody else ended it")
	}
	for _, body := range []string{form("id", id, "id", "x"), form("id", ""), ""} {
		if a := d.do(t, "POST", "/account/sessions/end", body, second); a.StatusCode != 400 {
			t.Errorf("%q: got %d", body, a.StatusCode)
		}
	}
	if a := d.do(t, "POST", "/account/sessions/end", form("id", id), second); a.StatusCode != 303 {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	if a := d.do(t, "GET", "/account", "", ada); a.StatusCode != 303 {
		t.Error("it lives on")
	}
	third := d.logIn(t, "ada@example.com", password)
	if a := d.do(t, "POST", "/account/sessions/end-others", "", second); a.StatusCode != 303 {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	for c, want := range map[string]int{second: 200, third: 303, eve: 200} {
		if a := d.do(t, "GET", "/account", "", c); a.StatusCode != want {
			t.Errorf("after ending all others: got %d, want %d", a.StatusCode, want)
		}
	}
}

func TestExportIsAFileWithoutSecrets(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.cookie(t, "ada@example.com")
	a := d.do(t, "POST", "/account/export", "", cookie)
	var export struct {
		User     struct{ Email string }
		Sessions []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(a.body), &export); err != nil || a.StatusCode != 200 ||
		export.User.Email != "ada@example.com" || len(export.Sessions) != 1 {
		t.Errorf("got %d, %v, %s", a.StatusCode, err, a.body)
	}
	if a.Header.Get("Content-Disposition") != `attachment; filename="account.json"` ||
		a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the header is %v", a.Header)
	}
	if _, token, _ := strings.Cut(cookie, "="); strings.Contains(a.body, "argon2") || strings.Contains(a.body, token) {
		t.Error("there is a secret in it")
	}
}

func TestAnAccountIsDeletedWithThePassword(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.cookie(t, "ada@example.com")
	a := d.do(t, "GET", "/account/delete", "", cookie)
	if a.StatusCode != 200 || !strings.Contains(a.body, "There is no way back.") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	for _, wrong := range []string{"", "wrong password"} {
		a := d.do(t, "POST", "/account/delete", form("password", wrong), cookie)
		if a.StatusCode != 401 && a.StatusCode != 422 || d.count(t, `"user"`) != 1 {
			t.Errorf("%q: got %d %s", wrong, a.StatusCode, a.body)
		}
	}
	a = d.do(t, "POST", "/account/delete", form("password", password), cookie)
	if a.StatusCode != 200 || !strings.Contains(a.body, "Your account is deleted") ||
		a.Header.Get("Clear-Site-Data") != `"cache"` || !strings.Contains(a.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("got %d %v %s", a.StatusCode, a.Header, a.body)
	}
	if d.count(t, `"user"`)+d.count(t, "session")+d.count(t, "account") != 0 {
		t.Error("something is left")
	}
	if a := d.do(t, "GET", "/account", "", cookie); a.StatusCode != 303 {
		t.Errorf("got %d", a.StatusCode)
	}
}

func TestALanguageIsChosenAndKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.do(t, "GET", "/login?lang=ar&next=/x", "", "Accept-Language: es")
	kept := "gatepost_language=ar; Path=/; Max-Age=31536000; SameSite=Lax"
	if !strings.Contains(a.body, `<html lang="ar" dir="rtl">`) ||
		!strings.Contains(a.Header.Get("Set-Cookie"), kept) ||
		!strings.Contains(a.body, `<button type="submit" name="lang" value="es" lang="es">Español</button>`) ||
		strings.Count(a.body, `<input type="hidden" name="next" value="/x">`) != 2 { // of the login, and of the menu
		t.Errorf("got %v %s", a.Header, a.body)
	}
	for _, c := range []struct{ target, body, cookie, want string }{
		{"/login", "email=x", "X: y", "Escribe un correo electrónico"},
		{"/login", "email=x", "Cookie: gatepost_language=zh-Hans", "请输入类似"},
		{"/login", "email=x", "Cookie: gatepost_language=<script>", "Escribe un correo electrónico"},
		{"/nothing", "", "Cookie: gatepost_language=ar", "الصفحة غير موجودة"},
	} {
		a := d.do(t, "POST", c.target, c.body, "Accept-Language: es", c.cookie)
		if !strings.Contains(a.body, c.want) || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%+v: got %s", c, a.body)
		}
	}
	a = d.do(t, "GET", "/nothing", "", "Accept-Language: es", "Sec-Fetch-Mode: cors")
	if !strings.Contains(a.body, "There is no page at this address.") {
		t.Errorf("a program gets %s", a.body)
	}
}

// Each password that the script calls common is refused by the server.
func TestTheScriptKnowsOnlyPasswordsThatAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	script, err := os.ReadFile("static/script.js")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(script), "new Set((")
	list, _, _ = strings.Cut(list, ").split")
	common := strings.Fields(strings.NewReplacer("'", " ", "+", " ").Replace(list))
	if len(common) < 100 {
		t.Fatalf("there are %d", len(common))
	}
	for _, p := range common {
		u := auth.NewUser{Email: "ada@example.com", Password: secret.Password(p)}
		_, err := d.store.SignUp(t.Context(), u, false, "", secret.Client{})
		if input, ok := err.(auth.InputError); !ok || input[0].Problem != auth.TooCommon {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func TestAssetsAreSmall(t *testing.T) {
	t.Parallel()
	for name, most := range map[string]int64{"static/style.css": 8 << 10, "static/more.css": 8 << 10,
		"static/account.css": 8 << 10,
		"static/script.js":   8 << 10, "static/error.js": 4 << 10} {
		if info, err := os.Stat(name); err != nil || info.Size() > most {
			t.Errorf("%s has more than %d bytes, %v", name, most, err)
		}
	}
	d := newDesk(t)
	page := d.do(t, "GET", "/login", "")
	_, path, _ := strings.Cut(page.body, `<link rel="stylesheet" href="`)
	path, _, _ = strings.Cut(path, `"`)
	plain, zipped := d.do(t, "GET", path, ""), d.do(t, "GET", path, "", "Accept-Encoding: gzip, br")
	if plain.StatusCode != http.StatusOK || zipped.Header.Get("Content-Encoding") != "gzip" ||
		len(zipped.body)*2 > len(plain.body) || zipped.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("%d and %d bytes, %v", len(plain.body), len(zipped.body), zipped.Header)
	}
}
