package auth_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
)

// Whatever is done in a browser between a sign-up and the click on its link: after what may have brought another
// person there, or some minutes, the click alone confirms nothing. In the first browser signed up minePlus, whose
// mail is read there.
var sharings = []struct {
	name  string
	deeds []deed
	alone bool // the link alone confirms
}{
	{"nothing", nil, true},
	{"nine minutes", []deed{pass(9 * time.Minute)}, true},
	{"eleven minutes", []deed{pass(11 * time.Minute)}, false},
	{"a log-in that fails", []deed{logIn(0, mine, wrong, 1)}, true},
	{"too early a log-in", []deed{logIn(0, minePlus, myPassword, 1)}, true},
	{"a forgotten password", []deed{send(0, "/login/forgot", "email", mine)}, true},
	{"a log-out", []deed{send(0, "/logout")}, false},
	{"another's log-in", []deed{logIn(0, mine, myPassword, 1)}, false},
	{"another's visit", []deed{logIn(0, mine, myPassword, 1), send(0, "/logout")}, false},
	{"another's visit elsewhere", []deed{logIn(1, mine, myPassword, 1), send(1, "/logout")}, true},
	{"another's sign-up", []deed{enter(0, victim, myPassword)}, false},
	{"another's sign-up in vain", []deed{enter(0, mine, myPassword)}, false},
	{"another's new password", []deed{send(0, "/login/forgot", "email", mine),
		follow(0, mine, mail.Reset, "password", "yet another river")}, false},
	{"another's invitation", []deed{inviteMe, follow(0, myGuest, mail.Invite, "password", myPassword)}, false},
}

func TestASharedBrowserConfirmsForNobodyButWhoSignedUpAMomentAgo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clockedPool(t))
	for _, c := range sharings {
		play(t, w, nobody, append([]deed{enter(0, minePlus, myPassword)}, c.deeds...))
		w.opensAlone(t, c.name, c.alone)
	}
	w = newWorld(t, clockedPool(t), optional)
	for _, c := range []struct {
		name  string
		deeds []deed
		alone bool
	}{
		{"still signed in", []deed{pass(20 * time.Hour)}, true},
		{"signed out", []deed{send(0, "/logout")}, false},
		{"the browser was closed", []deed{closeBrowser}, false},
	} {
		play(t, w, nobody, append([]deed{enter(0, minePlus, myPassword)}, c.deeds...))
		w.opensAlone(t, c.name, c.alone)
	}
}

// closeBrowser ends a session that is not remembered.
var closeBrowser = deed{"close browser 0", func(_ context.Context, w *world) string {
	delete(w.browsers[0].cookies, "gatepost_8080")
	return ""
}}

// opensAlone opens the link that confirms minePlus in the first browser, and wants it to take the password, or not
// to. Either way the page has to offer another one.
func (w *world) opensAlone(t *testing.T, after string, alone bool) {
	t.Helper()
	seen := follow(0, minePlus, mail.Verify).do(t.Context(), w)
	if !strings.Contains(seen, `<a href="/login/reset" referrerpolicy="no-referrer">I did not choose this password`) {
		t.Errorf("after %s the page offers no other password:\n%s", after, seen)
	}
	if confirmed := w.confirmed(t, minePlus); confirmed != alone || alone == strings.Contains(seen, `name="password"`) {
		t.Errorf("after %s the click alone confirms: %t\n%s", after, confirmed, seen)
	}
	if alone {
		return
	}
	seen = follow(0, minePlus, mail.Verify, "password", myPassword).do(t.Context(), w)
	if !w.confirmed(t, minePlus) {
		t.Errorf("after %s the password does not confirm: %s", after, seen)
	}
}

func (w *world) confirmed(t *testing.T, email string) (yes bool) {
	t.Helper()
	err := w.db.QueryRow(t.Context(), `SELECT email_verified FROM gatepost."user" WHERE email = $1`, email).Scan(&yes)
	if err != nil {
		t.Fatal(err)
	}
	return yes
}

// Who did not choose the password puts out whoever did, in the browser where it was chosen too.
func TestWhoeverReadsTheMailTakesTheAccountInASharedBrowserToo(t *testing.T) {
	t.Parallel()
	for _, verify := range []auth.Verify{auth.VerifyRequired, auth.VerifyOptional} {
		w := newWorld(t, clockedPool(t), func(o *auth.Options) { o.Verify = verify })
		play(t, w, nobody, []deed{enter(0, minePlus, myPassword)})
		token := string(w.links[minePlus+" verify"])
		w.ask(t.Context(), 0, "GET", "/signup/verify?token="+token)
		w.ask(t.Context(), 0, "GET", "/login/reset")
		const own = "yet another river"
		w.ask(t.Context(), 0, "POST", "/login/reset", "id", w.browsers[0].form, "password", own)
		old := logIn(0, minePlus, myPassword, 1).do(t.Context(), w)
		chosen := logIn(0, minePlus, own, 1).do(t.Context(), w)
		if !strings.Contains(old, "/login: 401") || !strings.Contains(chosen, "/login: 303") ||
			!w.confirmed(t, minePlus) {
			t.Errorf("the old password:\n%s\nthe new one:\n%s", old, chosen)
		}
	}
}

// A link that was opened is not there for whoever comes next. That to a new address is of use to its user alone, who
// may have to sign in first.
func TestALinkThatWasOpenedIsClosedWhenSomebodyElseComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clockedPool(t), optional)
	links := map[string]struct {
		deeds []deed
		to    string
		kind  mail.Kind
	}{
		"/login/reset":           {[]deed{send(1, "/login/forgot", "email", mine)}, mine, mail.Reset},
		"/signup/verify":         {[]deed{enter(1, minePlus, myPassword)}, minePlus, mail.Verify},
		"/signup/invitation":     {[]deed{inviteMe}, myGuest, mail.Invite},
		"/account/email/undo":    {moved, mine, mail.Changed},
		"/account/email/confirm": {moving, minePlus, mail.Change},
	}
	for path, l := range links {
		for name, comes := range map[string][]deed{
			"logs out":  {send(0, "/logout")},
			"logs in":   {logIn(0, bystander, goodPassword, 1)},
			"signs up":  {enter(0, victim, goodPassword)},
			"comes not": nil,
		} {
			play(t, w, func(t *testing.T, w *world) { w.create(t, bystander, goodPassword, true) }, l.deeds)
			w.ask(t.Context(), 0, "GET", path+"?token="+string(w.links[l.to+" "+string(l.kind)]))
			for _, d := range comes {
				d.do(t.Context(), w)
			}
			_, open := w.browsers[0].cookies["gatepost_8080_link"]
			if open != (comes == nil || l.kind == mail.Change) {
				t.Errorf("somebody %s, and %s is open: %t", name, path, open)
			}
			seen := w.ask(t.Context(), 0, "GET", path)
			if comes != nil && !open && !strings.Contains(seen, "Open it again from the mail.") {
				t.Errorf("somebody %s, and %s says %s", name, path, seen)
			}
		}
	}
	play(t, w, nobody, moving)
	w.ask(t.Context(), 0, "GET", "/account/email/confirm?token="+string(w.links[minePlus+" change"]))
	w.ask(t.Context(), 0, "POST", "/login", "email", mine, "password", myPassword, "next", "/account/email/confirm")
	if seen := w.ask(t.Context(), 0, "GET", "/account/email/confirm"); !strings.Contains(seen, ": 200,") {
		t.Errorf("whoever has to sign in first finds the link closed: %s", seen)
	}
}

// moving asks for another address, and moved has it.
var (
	moving = []deed{logIn(1, mine, myPassword, 1), send(1, "/account/email", "email", minePlus, "password", myPassword)}
	moved  = append(slices.Clip(moving), follow(1, minePlus, mail.Change))
)
