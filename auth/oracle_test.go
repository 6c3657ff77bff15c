package auth_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// takings are the ways in which the gate may know an address that somebody else types.
var takings = map[string]func(*testing.T, *world){
	"confirmed":   func(t *testing.T, w *world) { w.create(t, victim, goodPassword, true) },
	"unconfirmed": func(t *testing.T, w *world) { w.create(t, victim, goodPassword, false) },
	"disabled": func(t *testing.T, w *world) {
		w.create(t, victim, goodPassword, true)
		exec(t, w.db, `UPDATE gatepost."user" SET disabled_at = now() WHERE email = $1`, victim)
	},
	"disabled before it was confirmed": func(t *testing.T, w *world) {
		w.create(t, victim, goodPassword, false)
		exec(t, w.db, `UPDATE gatepost."user" SET disabled_at = now() WHERE email = $1`, victim)
	},
	"locked": func(t *testing.T, w *world) {
		id := w.create(t, victim, goodPassword, true)
		exec(t, w.db, `UPDATE gatepost.account SET failed_attempts = 100 WHERE user_id = $1`, id)
	},
	"hashed long ago": func(t *testing.T, w *world) {
		id := w.create(t, victim, goodPassword, true)
		exec(t, w.db, `UPDATE gatepost.account SET password = $2 WHERE user_id = $1`, id, auth.OldHash(goodPassword))
	},
	"without a password": func(t *testing.T, w *world) {
		exec(t, w.db, `DELETE FROM gatepost.account WHERE user_id = $1`, w.create(t, victim, goodPassword, true))
	},
	"with an app": func(t *testing.T, w *world) {
		exec(t, w.db, `INSERT INTO gatepost.totp (user_id, secret, last_step) VALUES ($1, '', 0)`,
			w.create(t, victim, goodPassword, true))
	},
	"with a passkey and nothing else": func(t *testing.T, w *world) {
		id := w.create(t, victim, goodPassword, true)
		exec(t, w.db, `DELETE FROM gatepost.account WHERE user_id = $1`, id)
		exec(t, w.db, `INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, public_key, verified)
			VALUES ('x', $1, 'localhost', 'x', '', true)`, id)
		exec(t, w.db, `INSERT INTO gatepost.recovery_code (user_id, hash) VALUES ($1, $2)`, id, auth.OldHash(goodPassword))
	},
	"invited": func(t *testing.T, w *world) {
		if err := w.store.Invite(t.Context(), auth.Invitation{Email: victim}); err != nil {
			t.Fatal(err)
		}
	},
	"asked for by another": func(t *testing.T, w *world) { move(t, w, bystander, victim, false) },
	"left by another":      func(t *testing.T, w *world) { move(t, w, victim, bystander, true) },
	"taken by another":     func(t *testing.T, w *world) { move(t, w, bystander, victim, true) },
}

// move has the user of an address ask for another one and, if they arrive, take it. They are where the stranger is not.
func move(t *testing.T, w *world, from, to string, arrive bool) {
	t.Helper()
	w.create(t, from, goodPassword, true)
	issued, err := w.store.SignIn(t.Context(), auth.Credentials{Email: from, Password: goodPassword, Client: farAway})
	if err == nil {
		issued, err = w.store.RequestEmailChange(t.Context(), issued.Session, goodPassword, to, farAway)
	}
	if err != nil {
		t.Fatal(err)
	}
	if sent := w.office.collect(t, w.store); arrive {
		i := slices.IndexFunc(sent, func(m mail.Mail) bool { return m.Kind == mail.Change })
		if err := w.store.ConfirmEmail(t.Context(), sent[i].Link, issued.Session, farAway); err != nil {
			t.Fatal(err)
		}
	}
}

var farAway = secret.Client{Addr: netip.MustParseAddr("203.0.113.66"), UserAgent: "far/1"}

// deed is one thing that the stranger does, and all that they see of it.
type deed struct {
	name string
	do   func(context.Context, *world) string
}

// logIn tries a password a number of times.
func logIn(at int, email string, p secret.Password, times int) deed {
	name := fmt.Sprintf("browser %d: log in as %s with %q, %d times", at, email, p, times)
	return deed{name, func(ctx context.Context, w *world) (seen string) {
		for range times {
			seen += w.ask(ctx, at, "POST", "/login", "email", email, "password", string(p), "remember", "on")
		}
		return seen
	}}
}

// send posts a form.
func send(at int, path string, pairs ...string) deed {
	return deed{fmt.Sprintf("browser %d: %s %q", at, path, pairs), func(ctx context.Context, w *world) string {
		return w.ask(ctx, at, "POST", path, pairs...)
	}}
}

func enter(at int, email string, p secret.Password) deed {
	return send(at, "/signup", "email", email, "password", string(p), "name", "Eve", "remember", "on")
}

// enterAs is enter with a username.
func enterAs(at int, email, username string, p secret.Password) deed {
	return send(at, "/signup", "email", email, "username", username, "password", string(p), "remember", "on")
}

// look opens a page.
func look(at int, path string) deed {
	return deed{fmt.Sprintf("browser %d: look at %s", at, path), func(ctx context.Context, w *world) string {
		return w.ask(ctx, at, "GET", path)
	}}
}

// follow opens the link last sent to one of the stranger's own addresses, and sends the form that it leads to.
func follow(at int, email string, kind mail.Kind, pairs ...string) deed {
	path := map[mail.Kind]string{mail.Verify: "/signup/verify", mail.Reset: "/login/reset",
		mail.Invite: "/signup/invitation", mail.Change: "/account/email/confirm",
		mail.Changed: "/account/email/undo"}[kind]
	name := fmt.Sprintf("browser %d: the link of %s to %s %q", at, kind, email, pairs)
	return deed{name, func(ctx context.Context, w *world) string {
		token := w.links[email+" "+string(kind)]
		if token == "" {
			return "no such mail"
		}
		seen := strings.ReplaceAll(w.ask(ctx, at, "GET", path+"?token="+string(token)), string(token), "…")
		seen += w.ask(ctx, at, "GET", path)
		return seen + w.ask(ctx, at, "POST", path, append(pairs, "id", w.browsers[at].form)...)
	}}
}

// pass lets time pass.
func pass(d time.Duration) deed {
	return deed{"wait " + d.String(), func(ctx context.Context, w *world) string {
		return fmt.Sprint(w.tick(ctx, d))
	}}
}

// invite has the operator invite the stranger.
var inviteMe = deed{"an invitation", func(ctx context.Context, w *world) string {
	return fmt.Sprint(w.store.Invite(ctx, auth.Invitation{Email: myGuest}), w.letters(ctx))
}}

// mySignUp is the victim's address with a password of the stranger's own.
var mySignUp = enter(0, victim, myPassword)

// scripts are attacks with a plan.
var scripts = map[string][]deed{
	"a password of one's own": {mySignUp, logIn(0, victim, myPassword, 8), logIn(1, victim, myPassword, 2),
		logIn(2, victim, myPassword, 2)},
	"a familiar browser": {mySignUp, logIn(2, victim, wrong, 8), logIn(0, victim, wrong, 8),
		logIn(1, victim, wrong, 8)},
	"a familiar network": {mySignUp, logIn(2, victim, wrong, 8), logIn(1, victim, wrong, 8)},
	"patience": {mySignUp, logIn(0, victim, myPassword, 6), pass(30 * time.Second), logIn(0, victim, myPassword, 2),
		pass(time.Minute), logIn(2, victim, myPassword, 2), pass(24 * time.Hour), logIn(0, victim, myPassword, 6)},
	"guesses before": {logIn(0, victim, myPassword, 3), mySignUp, logIn(0, victim, myPassword, 4),
		logIn(0, mine, myPassword, 1)},
	"a whole network": {mySignUp, logIn(0, victim, myPassword, 5), pass(time.Hour), logIn(1, victim, myPassword, 1),
		pass(2 * time.Hour), enter(1, victim, wrong), logIn(0, victim, wrong, 8), logIn(0, victim, myPassword, 1),
		logIn(0, minePlus, wrong, 8), logIn(1, mine, wrong, 8)},
	"a sign-up of one's own before": {enter(0, minePlus, myPassword), mySignUp, follow(0, minePlus, mail.Verify)},
	"a sign-up of one's own after":  {mySignUp, enter(0, minePlus, myPassword), follow(0, minePlus, mail.Verify)},
	"signed in": {logIn(0, mine, myPassword, 1), mySignUp, look(0, "/api/auth/get-session"),
		send(0, "/account/email", "email", victim, "password", myPassword), logIn(0, victim, myPassword, 6),
		look(0, "/account"),
		send(0, "/account/email", "email", minePlus, "password", myPassword), follow(0, minePlus, mail.Change),
		send(0, "/account/export"), send(0, "/logout"),
		logIn(0, mine, myPassword, 1), logIn(0, minePlus, myPassword, 1)},
	"a name that two want": {enterAs(0, victim, "ada", myPassword), enterAs(1, minePlus, "ada", myPassword),
		enterAs(1, minePlus, "eve", myPassword), follow(1, minePlus, mail.Verify)},
	"a name, twice": {enterAs(0, victim, "ada", myPassword), enterAs(0, victim, "ada", myPassword),
		enterAs(2, victim, "lovelace", myPassword), enterAs(1, minePlus, "lovelace", myPassword)},
	"a name that is taken": {enterAs(0, minePlus, "ada", myPassword), enterAs(1, victim, "ada", myPassword),
		logIn(0, mine, myPassword, 1), send(0, "/account/username", "username", "ada"), look(0, "/account"),
		enterAs(1, victim, "eve", myPassword), send(0, "/account/username", "username", "eve")},
	"forgotten": {send(0, "/login/forgot", "email", victim), mySignUp, send(0, "/login/forgot", "email", victim),
		logIn(0, victim, myPassword, 1), send(2, "/login/forgot", "email", mine),
		follow(2, mine, mail.Reset, "password", "yet another river"),
		logIn(2, victim, myPassword, 5), logIn(2, mine, "yet another river", 1)},
	"invited": {mySignUp, inviteMe, follow(0, myGuest, mail.Invite, "password", myPassword),
		logIn(0, victim, myPassword, 6), send(0, "/logout")},
}

// anyDeed is one of all.
func anyDeed(t *rapid.T) deed {
	at := rapid.IntRange(0, 2).Draw(t, "browser")
	email := rapid.SampledFrom([]string{victim, victim, victim, "ADA@example.com", mine, minePlus}).Draw(t, "address")
	p := rapid.SampledFrom([]secret.Password{myPassword, myPassword, wrong, "short"}).Draw(t, "password")
	switch rapid.IntRange(0, 12).Draw(t, "deed") {
	case 0, 1, 2:
		return logIn(at, email, p, rapid.SampledFrom([]int{1, 1, 3, 6}).Draw(t, "times"))
	case 3:
		return enter(at, email, p)
	case 4:
		return enterAs(at, email, rapid.SampledFrom([]string{"ada", "eve", "admin"}).Draw(t, "username"), p)
	case 5:
		return send(at, "/login/forgot", "email", email)
	case 6:
		return send(at, "/account/email", "email", email, "password", string(p))
	case 7:
		return send(at, rapid.SampledFrom([]string{"/logout", "/account/export", "/account/sessions/end-others",
			"/account/verify"}).Draw(t, "form"))
	case 8:
		return look(at, rapid.SampledFrom([]string{"/login", "/signup", "/logout", "/account/email",
			"/api/auth/get-session"}).Draw(t, "page"))
	case 9:
		return inviteMe
	case 10, 11:
		kind := rapid.SampledFrom([]mail.Kind{mail.Verify, mail.Verify, mail.Reset, mail.Invite,
			mail.Change, mail.Changed}).Draw(t, "mail")
		return follow(at, rapid.SampledFrom([]string{mine, minePlus, myGuest}).Draw(t, "mailbox"), kind,
			"password", string(p))
	}
	return pass(rapid.SampledFrom([]time.Duration{30 * time.Second, time.Minute, 12 * time.Minute, time.Hour,
		25 * time.Hour}).Draw(t, "wait"))
}

// play does one thing after the other in a world where the victim's address is as prepare leaves it.
func play(t *testing.T, w *world, prepare func(*testing.T, *world), deeds []deed) (seen []string) {
	t.Helper()
	w.begin(t, prepare)
	for _, d := range deeds {
		seen = append(seen, d.do(t.Context(), w))
	}
	return seen
}

func nobody(*testing.T, *world) {}

// same says where what was seen of an address that is taken first differs from what was seen of a free one.
func same(taking string, deeds []deed, free, taken []string) error {
	var before []string
	for i, d := range deeds {
		if free[i] != taken[i] {
			free, taken := firstDifference(free[i], taken[i])
			return fmt.Errorf("%s\n  differs after %s\n  free: %s\n  %s: %s", d.name,
				strings.Join(before, "\n      and "), free, taking, taken)
		}
		before = append(before, d.name)
	}
	return nil
}

// firstDifference is the first line of each that the other has not.
func firstDifference(a, b string) (string, string) {
	one, other := strings.Split(a, "\n"), strings.Split(b, "\n")
	asked := ""
	for i := range min(len(one), len(other)) {
		if strings.HasPrefix(one[i], "POST ") || strings.HasPrefix(one[i], "GET ") {
			asked = one[i]
		}
		if one[i] != other[i] {
			return asked + " … " + one[i], asked + " … " + other[i]
		}
	}
	return fmt.Sprint(len(one), " lines"), fmt.Sprint(len(other), " lines")
}

// Where addresses are confirmed first, nobody learns from the pages whether an address has an account, whatever they
// do: but for its mail, which is the owner's.
func TestThePagesTellNothingOfWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clockedPool(t))
	for name, script := range scripts {
		free := play(t, w, nobody, script)
		for taking, prepare := range takings {
			if err := same(taking, script, free, play(t, w, prepare, script)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// The same without a plan, and where people sign up by invitation only too.
func TestWhateverAStrangerDoesTellsNothingOfWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	db := clockedPool(t)
	worlds := []*world{newWorld(t, db), newWorld(t, db, func(o *auth.Options) { o.SignUpClosed = true })}
	rapid.Check(t, func(r *rapid.T) {
		w := worlds[rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(r, "by invitation")]
		taking := rapid.SampledFrom(slices.Sorted(maps.Keys(takings))).Draw(r, "taken")
		deeds := rapid.SliceOfN(rapid.Custom(anyDeed), 2, 8).Draw(r, "deeds")
		if err := same(taking, deeds, play(t, w, nobody, deeds), play(t, w, takings[taking], deeds)); err != nil {
			r.Fatal(err)
		}
	})
}
