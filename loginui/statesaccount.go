package loginui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

// accounts adds the account page.
func (s *samples) accounts() {
	s.group = "Account"
	page := func() accountPage {
		p := accountPage{base: s.base(s.r, "account.title", "/account", ""), User: samplePerson, Mail: s.c.Mail,
			HasPassword: true}
		p.Wide, p.Stylesheet = true, s.accountStyle
		p.Sessions = []sessionEntry{s.entry(p.words, sampleBrowser, 0, true)}
		return p
	}
	plain := page()
	plain.User.Name, plain.User.Username = "", ""
	s.add("plain, without a name", 200, "account", plain)
	full := page()
	full.Notice, full.Mail, full.Confirm, full.Others = full.say("account.done.name"), true, true, 2
	full.User.EmailVerified, full.User.Roles = false, []string{"admin", "editor"}
	full.Ways, full.Connect = s.wayEntries(full.words, s.all), s.someWays(s.connectable(full.words, s.all))
	if len(s.providers) == 0 {
		full.Connect[0].Label, full.Connect[0].Of = full.say("ways.connect.another", "provider", "Example ID"), "Example ID"
		full.Connect[1].Label, full.Connect[1].Of = full.say("ways.connect", "provider", "Other ID"), "Other ID"
	}
	if s.provider("example") == nil {
		full.Ways[0].Label, full.Ways[0].Gone = "Example ID", false
	}
	full.Ways[0].Mark, full.Ways[1].Logo = full.Connect[0].Mark, full.Connect[1].Logo
	full.Sessions = append(full.Sessions,
		s.entry(full.words, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "+
			"Gecko) Version/18.1 Mobile/15E148 Safari/604.1", 26*time.Hour, false),
		s.entry(full.words, "", 9*24*time.Hour, false))
	full.Activity = pastEntries(full.words, samplePast)
	full.Factors = s.factorRows(full.words, sampleFactors(fewCodes), "")
	s.add("with everything, and a notice", 200, "account", full)
	for events := range slices.Chunk(eventsSaid(full.words), activityMost) {
		p := page()
		for _, event := range events {
			p.Activity = append(p.Activity, pastEntries(p.words, []auth.Past{{At: time.Now(), Event: event, Count: 1,
				Result: "ok"}})...)
		}
		s.add("what happened: "+events[0]+" and others", 200, "account", p)
	}
	bare := page()
	bare.HasPassword, bare.ChooseUsername, bare.Mail, bare.User.Username = false, true, true, ""
	bare.Ways, bare.Connect = full.Ways, full.Connect
	bare.Factors = s.factorRows(bare.words, auth.Factors{Offered: true}, "/dashboard")
	s.add("without a password, and a username to choose", 200, "account", bare)
	bare.PasswordsOff = true
	s.add("where there are no passwords", 200, "account", bare)
	for _, what := range []string{"username", "password", "session", "export", "others", "verify", "verified", "already",
		"address", "moved", "linked", "unlinked", "confirmed", "prove", "password_mail", "passkey",
		"passkey_renamed", "passkey_removed", "token_revoked", "app", "app_removed", "untrusted"} {
		p := page()
		p.Notice = p.say("account.done." + what)
		s.add("notice: "+what, 200, "account", p)
	}
}

// eventsSaid are the events that the account page has words for.
func eventsSaid(w *words) (events []string) {
	for key := range w.read() {
		if event, ok := strings.CutPrefix(key, "activity."); ok && !strings.Contains(event, ".") &&
			!slices.Contains([]string{"title", "earlier", "times", "by-operator"}, event) {
			events = append(events, event)
		}
	}
	slices.Sort(events)
	return events
}

// samplePast has each kind of entry.
var samplePast = []auth.Past{
	{At: time.Now(), Event: "sign-in", Client: "192.0.2.1", Count: 1, Result: "ok"},
	{At: time.Now(), Event: "sign-in", Client: "198.51.100.7", Count: 3, Result: "bad_credentials"},
	{At: time.Now(), Event: "sign-in", Client: "198.51.100.7", Count: 1, Result: "throttled"},
	{At: time.Now(), Event: "second-factor", Client: "198.51.100.7", Count: 2, Result: "bad_code"},
	{At: time.Now(), Event: "set-role", Count: 1, Result: "ok", ByOperator: true},
	{At: time.Now(), Event: "sign-up", Client: "192.0.2.1", Count: 1, Result: "ok"},
}

func (s *samples) entry(w *words, browser string, unused time.Duration, current bool) sessionEntry {
	return newSessionEntry(w, session.OwnSession{ID: "1", IPAddress: "192.0.2.1", UserAgent: browser, Unused: unused,
		CreatedAt: time.Now().Add(-unused), Current: current})
}

// accountForms adds the forms that the account page leads to.
func (s *samples) accountForms() {
	s.group = "Forms of the account"
	fault := func(field string, p auth.Problem) trouble {
		return s.troubled(auth.InputError{{Field: field, Problem: p, Limit: s.c.PasswordMin}})
	}
	wrong := func(field string) trouble {
		return s.wrongPassword(nowhere{}, s.r, auth.ErrBadCredentials, field)
	}
	none := ownWays{}
	unproved := s.session
	unproved.User.EmailVerified = false
	for _, f := range []struct {
		name string
		page func(trouble) formPage
		t    trouble
	}{
		{"name", func(t trouble) formPage { return s.namePage(s.r, s.form, t) }, fault("name", auth.Malformed)},
		{"username", func(t trouble) formPage { return s.usernamePage(s.r, s.form, t) }, fault("username", auth.Taken)},
		{"password", func(t trouble) formPage { return s.passwordPage(s.r, s.session, t) }, s.troubled(auth.InputError{
			{Field: "current", Problem: auth.Missing}, {Field: "password", Problem: auth.Unchanged}})},
		{"address", func(t trouble) formPage { return s.addressPage(s.r, s.session, s.all, s.form, t) },
			fault("email", auth.Unchanged)},
		{"is it you", func(t trouble) formPage {
			return s.confirmPage(s.r, s.session, s.all, "/account/export", s.form, t)
		}, wrong("password")},
		{"delete", func(t trouble) formPage { return s.deletePage(s.r, s.session, s.all, t) }, wrong("password")},
	} {
		s.add(f.name, 200, "form", f.page(trouble{}))
		s.add(f.name+", with a fault", f.t.status, "form", f.page(f.t))
	}
	s.add("address, without a password", 200, "form", s.addressPage(s.r, s.session, none, form{}, trouble{}))
	s.add("is it you, without a password", 403, "form", s.confirmPage(s.r, s.session, none, "/account/export", form{},
		trouble{}))
	byProvider := s.confirmPage(s.r, s.session, s.all, "/account/export", s.form, trouble{})
	if len(byProvider.Buttons) == 0 {
		byProvider.Buttons = s.someWays(nil)
		byProvider.Buttons[0].Label = byProvider.say("confirm.with", "provider", "Example ID")
	}
	s.add("is it you, by a provider", 403, "form", byProvider)
	confirm := *s.UI
	confirm.c.Confirm, confirm.c.Mail = true, true
	s.add("is it you, by mail", 403, "form", confirm.confirmPage(s.r, s.session, none, "/account/export", form{},
		trouble{}))
	s.add("is it you, without a confirmed address", 403, "form", confirm.confirmPage(s.r, unproved, none,
		"/account/export", form{}, trouble{}))
	s.add("delete, without a password", 200, "form", s.deletePage(s.r, s.session, none, trouble{}))
}

// departures adds what people meet on their way out, and on their way on.
func (s *samples) departures() {
	s.group = "Log out and go on"
	s.add("log out?", 200, "logout", logoutPage{s.base(s.r, "logout.title", "/logout", ""), s.session,
		s.c.Prefix + "/logout", ""})
	for _, name := range []string{"onward", "leaving"} {
		p := onwardPage{base: s.refusal(s.r, name+".title"), URL: "https://id.example/"}
		p.Title = p.say(name+".title", "provider", "Example ID")
		p.Text, p.Go = p.say(name+".say", "provider", "Example ID"), p.say(name+".go", "provider", "Example ID")
		s.add(map[string]string{"onward": "on to a provider", "leaving": "log out at a provider, too"}[name], 200,
			"onward", p)
	}
	kept := againPage{base: s.refusal(s.r, "kept.title"), Action: "/notes", Cancel: "/",
		Fields: []sentField{{"text", "Hello"}}}
	kept.Text, kept.Submit = kept.say("kept.say", "path", "/notes"), kept.say("kept.submit", "path", "/notes")
	s.add("a form of the app's is sent after the login", 200, "again", kept)
	again := againPage{base: s.refusal(s.r, "again.title"), Action: "/paid", Now: true}
	again.Text, again.Submit = again.say("again.say", "app", s.c.AppName), again.say("again.submit")
	s.add("a form of another site's is sent once more", 200, "again", again)
	s.add("the account is deleted", 200, "message", s.deletedPage(s.r, samplePerson.Email))
	taken := s.takenPage(s.r, "/")
	s.add("the account is the owner's of the address", 200, "message", taken)
	ended := s.signedOutPage(s.r, "/dashboard")
	ended.Framed, ended.Stylesheet = true, s.wholeStyle // as showMessage sets it
	s.add("the session ended, in a frame", 401, "message", ended)
	ended.Framed, ended.Leave, ended.Swapped = false, ended.LogIn, true
	s.add("the session ended, a library of scripts asks", 401, "message", ended)
	everything := messagePage{base: taken.base, Text: taken.Text, More: taken.More, RequestID: "c2a7k3m9x4q8",
		OtherAccount: true, LogIn: "/login", On: (&url.URL{Path: "/"}).String(), OnText: taken.OnText}
	s.add("everything at once", http.StatusOK, "message", everything)
}
