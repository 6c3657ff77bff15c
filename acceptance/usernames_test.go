package acceptance_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// namesHeaders are those of an app that goes by usernames.
const namesHeaders = "GATEPOST_IDENTITY_HEADERS=X-Auth-User=id, X-WEBAUTH-USER=username, X-Mail={username}@corp.example"

// newNamesApp is an app that answers with the names that it is told.
func newNamesApp(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %q %q", r.Header["X-Webauth-User"], r.Header["X-Mail"], r.Header["X_webauth_user"])
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// who is what the app answers.
func who(name string) string {
	if name == "" {
		return `[] [] []`
	}
	return fmt.Sprintf(`[%q] [%q] []`, name, name+"@corp.example")
}

// is checks whom the app takes a visitor for, in spite of what they say, at the latest a second after a change.
func (v *visitor) is(name string) {
	v.t.Helper()
	got := ""
	eventually(v.t, "the app is told "+who(name), func() bool {
		got = v.do("GET", "/dashboard", nil, "X-WEBAUTH-USER: admin", "X_WEBAUTH_USER: admin", "X-Mail: admin").body
		return got == who(name)
	})
}

// A user chooses a name, the app is told it, and never gives it to anybody else.
func TestAnAppGoesByUsernames(t *testing.T) {
	t.Parallel()
	env := []string{"DATABASE_URL=" + authtest.NewDatabase(t), "GATEPOST_UPSTREAM=" + newNamesApp(t), namesHeaders,
		"GATEPOST_TRUST_CHOSEN_USERNAMES=true", "GATEPOST_RESERVED_USERNAMES=boss"}
	g, other := startGate(t, env...), startGate(t, env...)
	v := g.visitor(t)
	if page := v.open("/signup").body; !strings.Contains(page, `name="username"`) {
		t.Errorf("the sign-up does not ask for one:\n%s", page)
	}
	signUp := func(v *visitor, email, username string) reply {
		return v.post("/signup", "email", email, "password", password, "username", username, "remember", "on")
	}
	for name, status := range map[string]int{"admin": 422, "Ro-ot": 422, "boss": 422, "a b": 422, "ädä": 422, "-a": 422} {
		if r := signUp(g.visitor(t), "eve@example.com", name); r.status != status {
			t.Errorf("%q: %d", name, r.status)
		}
	}
	if r := signUp(v, "ada@example.com", "Ada"); r.status != 303 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	v.is("ada")
	if r := v.fetch("/api/auth/get-session"); !strings.Contains(r.body, `"username":"ada"`) {
		t.Errorf("the session is %s", r.body)
	}
	if r := v.open("/account"); !strings.Contains(r.body, "<bdi>ada</bdi>") ||
		strings.Contains(r.body, "/account/username") {
		t.Errorf("the account page is\n%s", r.body)
	}
	if r := v.post("/account/username", "username", "countess"); r.status != 303 {
		t.Errorf("a second choice: %d", r.status)
	}
	v.is("ada")
	if r := signUp(g.visitor(t), "eve@example.com", "ada"); r.status != 409 ||
		!strings.Contains(r.body, "is taken, or was") {
		t.Errorf("a name that is taken: %d\n%s", r.status, r.body)
	}
	elsewhere := other.visitor(t)
	if r := elsewhere.post("/login", "email", "ada@example.com", "password", password); r.status != 303 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	elsewhere.is("ada")
	do := func(args ...string) int {
		var out bytes.Buffer
		return run(t.Context(), append([]string{"gatepost", "user"}, args...), env, strings.NewReader(password), &out, &out)
	}
	if code := do("set-username", "ada@example.com", "root"); code != 0 {
		t.Error("the operator cannot give a reserved one")
	}
	v.is("root")
	elsewhere.is("root")
	if code := do("delete", "ada@example.com"); code != 0 {
		t.Error("the operator cannot delete")
	}
	var rivals sync.WaitGroup
	statuses := make([]int, 6)
	for i := range statuses {
		rivals.Go(func() {
			at, name := []*running{g, other}[i%2], []string{"ada", "grace"}[i%3%2]
			for statuses[i] = 503; statuses[i] == 503; { // a machine with too much to hash says so
				statuses[i] = signUp(at.visitor(t), fmt.Sprintf("r%d@example.com", i), name).status
			}
		})
	}
	rivals.Wait()
	n := map[int]int{}
	for i, status := range statuses {
		if n[status]++; status == 303 && i%3%2 == 0 {
			t.Error("the name of somebody who was deleted is given again")
		}
	}
	if n[303] != 1 || n[409] != len(statuses)-1 {
		t.Errorf("rivals got %v", statuses)
	}
}

// Who has no username is nobody to the app, until they choose one on the account page. A program signs up with one.
func TestAUsernameIsChosenLater(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newNamesApp(t), namesHeaders,
		"GATEPOST_TRUST_CHOSEN_USERNAMES=true")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	v.is("")
	if r := v.open("/account"); !strings.Contains(r.body, `href="/account/username"`) {
		t.Errorf("the account page offers none:\n%s", r.body)
	}
	if r := v.post("/account/username", "username", "Admin"); r.status != 422 || !strings.Contains(r.body, "is kept for") {
		t.Errorf("a reserved one: %d\n%s", r.status, r.body)
	}
	if r := v.post("/account/username", "username", "Ada"); r.status != 303 || !strings.Contains(v.open("/account").body,
		"is saved") {
		t.Errorf("got %d", r.status)
	}
	v.is("ada")
	up := func(name string) reply {
		return g.visitor(t).do("POST", "/api/auth/sign-up/email", strings.NewReader(
			`{"name":"","email":"`+name+`@example.org","password":"`+password+`","username":"`+name+`"}`),
			"Content-Type: application/json", "Origin: "+g.url)
	}
	for name, want := range map[string]string{"Grace": `"username":"grace"`, "ada": "USERNAME_IS_ALREADY_TAKEN",
		"root": "INVALID_USERNAME", strings.Repeat("a", 33): "USERNAME_TOO_LONG"} {
		if r := up(name); !strings.Contains(r.body, want) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

// Where anybody may sign up, a name that somebody chose is sent to no app, also one that was chosen before.
func TestAChosenUsernameIsNoIdentityByItself(t *testing.T) {
	t.Parallel()
	env := []string{"DATABASE_URL=" + authtest.NewDatabase(t), "GATEPOST_UPSTREAM=" + newNamesApp(t), namesHeaders}
	var out bytes.Buffer
	code := run(t.Context(), []string{"gatepost", "check"}, env, nil, &out, &out)
	if code != 1 || !strings.Contains(out.String(), "GATEPOST_TRUST_CHOSEN_USERNAMES=true") {
		t.Errorf("check is %d:\n%s", code, &out)
	}
	before := startGate(t, append(env, "GATEPOST_TRUST_CHOSEN_USERNAMES=true")...)
	v := before.visitor(t)
	if r := v.post("/signup", "email", "eve@example.com", "password", password, "username", "bob"); r.status != 303 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	v.is("bob")
	given := startGate(t, append(env, "GATEPOST_USERNAMES=given")...)
	eve := given.visitor(t)
	if page := eve.open("/signup").body; strings.Contains(page, `name="username"`) {
		t.Errorf("the sign-up asks for a name:\n%s", page)
	}
	logIn := func(v *visitor) {
		if r := v.post("/login", "email", "eve@example.com", "password", password); r.status != 303 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	logIn(eve)
	eve.is("")
	if r := eve.post("/account/username", "username", "bob"); r.status != 404 {
		t.Errorf("they can choose one: %d", r.status)
	}
	closed := startGate(t, append(env, "GATEPOST_SIGNUP=closed")...).visitor(t)
	logIn(closed)
	closed.is("bob")
	give := []string{"gatepost", "user", "set-username", "eve@example.com", "bob"}
	code = run(t.Context(), give, env[:2], nil, &out, &out)
	if code != 0 {
		t.Fatalf("set-username: %s", &out)
	}
	eve.is("bob") // now the operator says so
}
