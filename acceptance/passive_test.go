package acceptance_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/authtest"
)

// idler is somebody whose session was last used a while ago.
type idler struct {
	*visitor
	db         *pgxpool.Pool
	email, ago string // an interval
}

func newIdlers(t *testing.T, ago string, env []string, emails ...string) (list []*idler) {
	t.Helper()
	database := authtest.NewDatabase(t)
	g := startGate(t, append([]string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newTalker(t).url}, env...)...)
	for _, email := range emails {
		one := &idler{g.visitor(t), authtest.Pool(t, database), email, ago}
		one.signUp(email)
		list = append(list, one)
	}
	for _, one := range list {
		one.idle()
	}
	return list
}

func (i *idler) idle() {
	i.t.Helper()
	_, err := i.db.Exec(i.t.Context(), `UPDATE gatepost.session SET last_used_at = now() - $2::text::interval
	    WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = $1)`, i.email, i.ago)
	if err != nil {
		i.t.Fatal(err)
	}
}

// used reports whether the session was used since.
func (i *idler) used() (yes bool) {
	i.t.Helper()
	err := i.db.QueryRow(i.t.Context(), `SELECT last_used_at > now() - $2::text::interval / 2 FROM gatepost.session
	    WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = $1)`, i.email, i.ago).Scan(&yes)
	if err != nil {
		i.t.Fatal(err)
	}
	return yes
}

// What a page asks for by itself does not keep a session; what its user does keeps it, even where an answer to the page
// is kept in memory.
func TestPassiveRequestsAreNoUse(t *testing.T) {
	t.Parallel()
	list := newIdlers(t, "10 min", []string{"GATEPOST_PASSIVE_PATHS=/dashboard/poll, /other"}, "path@example.com",
		"header@example.com", "both@example.com", "active@example.com", "odd@example.com")
	byPath, byHeader, both, active, odd := list[0], list[1], list[2], list[3], list[4]
	byPath.fetch("/dashboard/poll/short")
	byHeader.do("GET", "/dashboard/short", nil, "X-Gatepost-Passive: 1")
	both.do("POST", "/dashboard/poll/short", nil, "X-Gatepost-Passive: 1")
	odd.do("GET", "/dashboard/%70oll/short", nil, "X-Gatepost-Passive: yes")
	active.fetch("/dashboard/short") // the last: uses are written down together
	eventually(t, "a use is written down", active.used)
	if !odd.used() {
		t.Error("an odd path and an odd header are taken for passive")
	}
	for what, one := range map[string]*idler{"a path": byPath, "a header": byHeader, "both": both} {
		if one.used() {
			t.Errorf("a request that is passive by %s is a use", what)
		}
		if r := one.fetch("/dashboard/short"); r.status != 200 {
			t.Errorf("%s: %d", what, r.status)
		}
		eventually(t, "what was done afterwards is written down", one.used)
	}
}
