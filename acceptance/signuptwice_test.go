package acceptance_test

import (
	"regexp"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// onceIn is what the form of a page is known by.
func onceIn(t *testing.T, page reply) string {
	t.Helper()
	once := regexp.MustCompile(`name="once" value="([^"]+)"`).FindStringSubmatch(page.body)
	if once == nil {
		t.Fatal("the form has nothing to be known by")
	}
	return once[1]
}

// A sign-up that a browser sends twice, as after a double click without scripts, has one outcome: an account, and one
// session. Any other form with an address that is taken learns so.
func TestASignUpThatIsSentTwice(t *testing.T) {
	t.Parallel()
	database := authtest.NewDatabase(t)
	g := startGate(t, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+newApp(t).url)
	v := g.visitor(t)
	once := onceIn(t, v.open("/signup"))
	form := []string{"email", "ada@example.com", "password", password, "name", "Ada", "once", once}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if r := v.post("/signup", form...); r.status != 303 || r.location() != "/" {
				t.Errorf("got %d to %q\n%s", r.status, r.location(), r.body)
			}
		})
	}
	both.Wait()
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("the browser is not signed in: %d", r.status)
	}
	var rows string
	err := authtest.Pool(t, database).QueryRow(t.Context(), `SELECT (SELECT count(*) FROM gatepost."user") || ' ' ||
	    (SELECT count(*) FROM gatepost.session)`).Scan(&rows)
	if err != nil || rows != "1 1" {
		t.Errorf("users and sessions: %s, %v", rows, err)
	}
	for what, other := range map[string][]string{
		"another password": {"email", "ada@example.com", "password", "another long password", "name", "Ada",
			"once", once},
		"another name":      {"email", "ada@example.com", "password", password, "name", "Bob", "once", once},
		"another form":      {"email", "ada@example.com", "password", password, "name", "Ada", "once", "x"},
		"no form of a page": {"email", "ada@example.com", "password", password, "name", "Ada"},
	} {
		if r := g.visitor(t).post("/signup", other...); r.status != 409 {
			t.Errorf("%s: %d", what, r.status)
		}
	}
}
