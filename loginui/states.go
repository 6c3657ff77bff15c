package loginui

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
	"github.com/gatepost/gatepost/internal/share"
)

// state is a page in one situation. The start tries all states, and gatepost preview shows them: a new page, or a new
// thing that a page can say, belongs into the list.
type state struct {
	group, name string
	status      int
	page        string // its template
	data        any
	// answer writes the page, where code decides what it says; nil: page and data do.
	answer func(http.ResponseWriter, *http.Request)
}

// samplePerson is who uses the pages, and sampleBrowser with what.
var samplePerson = session.User{ID: "1", Name: "Ada Lovelace", Email: "ada@example.com", Username: "ada",
	EmailVerified: true, Roles: []string{"user"}}

const sampleBrowser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// samples makes the list of states for a request, in whose language they are.
type samples struct {
	*UI
	r       *http.Request
	group   string
	list    []state
	session session.Session
	form    form // as it was filled in
	all     ownWays
}

// states returns every page in every state.
func (ui *UI) states(r *http.Request) []state {
	quiet := *ui // what is shown is no fault that the log has to tell
	quiet.c.Log = slog.New(slog.DiscardHandler)
	quiet.c.Captcha.Label = cmp.Or(quiet.c.Captcha.Label, "Example Challenge") // of a service that does not answer
	now := time.Now()
	s := &samples{UI: &quiet, r: r, session: session.Session{User: samplePerson},
		form: form{Email: samplePerson.Email, Name: samplePerson.Name, Username: samplePerson.Username, Remember: true},
		all: ownWays{password: true, list: []auth.WayIn{{ID: "1", Since: now}, {ID: "2", Provider: "example",
			Label: "Example ID", Login: "ada", Since: now}, {ID: "3", Provider: "former", Login: "ada", Since: now}}}}
	s.logins()
	s.codes()
	s.passkeys()
	s.stepUps()
	s.signups()
	s.links()
	s.accounts()
	s.accountForms()
	s.factors()
	s.tokens()
	s.departures()
	s.refusals()
	s.strays()
	return s.list
}

func (s *samples) add(name string, status int, page string, data any) {
	s.list = append(s.list, state{group: s.group, name: name, status: status, page: page, data: data})
}

// told adds a page that code answers with.
func (s *samples) told(name string, answer func(http.ResponseWriter, *http.Request)) {
	s.list = append(s.list, state{group: s.group, name: name, page: "message", answer: answer})
}

// troubled returns the messages of an error after which a form is shown again.
func (s *samples) troubled(err error) trouble { return s.trouble(nowhere{}, s.r, err) }

// nowhere takes an answer that nobody gets.
type nowhere struct{}

func (nowhere) Header() http.Header               { return http.Header{} }
func (nowhere) WriteHeader(int)                   {}
func (nowhere) Write(content []byte) (int, error) { return len(content), nil }

// failures are the errors after which a form without faults of its fields is shown again.
var failures = []struct {
	name string
	err  error
}{
	{"after a wrong password", auth.ErrBadCredentials},
	{"throttled", &throttle.Error{RetryAfter: 5 * time.Minute}},
	{"the database does not answer", database.ErrUnavailable},
	{"the challenge is missing", captcha.ErrMissing},
	{"the challenge is wrong", captcha.ErrWrong},
	{"the service of the challenge does not answer", captcha.ErrUnavailable},
	{"a rule of the database refuses", &database.RefusedError{Rule: true}},
	{"the database is broken", &database.RefusedError{}},
	{"many people at once", share.ErrBusy},
	{"much from one network", share.ErrCrowded},
}

func (s *samples) logins() {
	s.group = "Login"
	plain := s.loginPage(s.r, form{Remember: true}, trouble{})
	s.add("plain", 200, "login", plain)
	next := s.loginPage(s.r, form{Remember: true, Next: "/dashboard"}, trouble{})
	s.add("something was asked for", 200, "login", next)
	missing := s.troubled(auth.InputError{{Field: "email", Problem: auth.Missing}, {Field: "password",
		Problem: auth.Missing}})
	s.add("with faults", missing.status, "login", s.loginPage(s.r, form{}, missing))
	for _, f := range failures {
		t := s.troubled(f.err)
		s.add(f.name, t.status, "login", s.loginPage(s.r, s.form, t))
	}
	first := *s.UI
	first.c.ConfirmFirst = true
	t := first.trouble(nowhere{}, s.r, auth.ErrBadCredentials)
	s.add("after a wrong password, where addresses have to be confirmed", t.status, "login", s.loginPage(s.r, s.form, t))
	for _, notice := range []struct{ name, key string }{{"after a new password", "login.done.reset"},
		{"after an account was taken back", "login.done.undo"},
		{"after an account without a password was taken back", "login.done.undone"},
		{"a form of the app's is kept", "login.kept"}, {"cookies are blocked", "login.cookie.blocked"}} {
		f, good := form{Remember: true}, strings.HasPrefix(notice.key, "login.done.")
		if good { // by a link, whose address is filled in
			f.Email = samplePerson.Email
		}
		p := s.loginPage(s.r, f, trouble{})
		p.Notice, p.Good = p.say(notice.key), good
		s.add(notice.name, 200, "login", p)
	}
	left := plain
	left.Notice, left.Good = left.say("login.done."+doneOut), true
	left.Forget = forgetPath
	s.add("after a log-out", 200, "login", left)
	s.add("with a challenge for bots", 401, "login", s.guarded(plain, captcha.SignIn))
	ways := plain
	ways.Buttons, ways.Passkey = s.someWays(plain.Buttons), besideProviders(plain.Passkey)
	s.add("with providers", 200, "login", ways)
	ways.Submit, ways.Fields = "", nil
	s.add("with providers only", 200, "login", ways)
	down := ways
	down.Buttons = append([]button{}, ways.Buttons...)
	down.Buttons[0].Note = down.say("with.down")
	s.add("a provider does not answer", 200, "login", down)
	everything := s.guarded(s.loginPage(s.r, s.form, missing), captcha.SignIn)
	everything.Notice, everything.Kept, everything.Next, everything.Forget = everything.say("login.kept"), "kept",
		"/dashboard", forgetPath
	everything.OtherPage, everything.Forgot, everything.Buttons = "/signup", forgotPath, ways.Buttons
	everything.Passkey = ways.Passkey
	everything.Fields[1].Aside = &aside{forgotPath, everything.say("login.forgot"), everything.say("login.forgot.long")}
	s.add("everything at once", 401, "login", everything)
}

// besideProviders is a form for a passkey as it stands below the buttons to providers; nil if it is.
func besideProviders(p *passkeyForm) *passkeyForm {
	if p == nil {
		return nil
	}
	below := *p
	below.Or, below.Marked = false, true
	return &below
}

// guarded is a form with a challenge: the one that is set, or a proof of work.
func (s *samples) guarded(p formPage, purpose captcha.Purpose) formPage {
	if s.guard(&p, purpose); p.Captcha == nil {
		p.Captcha = &widget{Kind: captcha.Kind{Field: "altcha"}, Purpose: purpose, Puzzle: puzzlePath,
			Own: "/.gatepost/captcha.js"}
	}
	return p
}

// someWays are buttons to providers: those that are set, or samples.
func (s *samples) someWays(own []button) []button {
	if len(own) > 0 {
		return own
	}
	w := s.words(s.r)
	return []button{{Action: "/login/with/example", Label: w.say("with.continue", "provider", "Example ID"),
		Provider: "example", Mark: `<svg aria-hidden="true" viewBox="0 0 24 24" width="20" height="20">` +
			`<circle cx="12" cy="12" r="10" fill="currentColor"/></svg>`},
		{Action: "/login/with/other", Label: w.say("with.continue", "provider", "Other ID"), Provider: "other",
			Logo: s.site.Icon}}
}

func (s *samples) signups() {
	s.group = "Sign-up"
	named := samples{UI: s.named(), r: s.r}
	s.add("plain", 200, "signup", s.signupPage(s.r, form{Remember: true}, trouble{}))
	s.add("with a username", 200, "signup", named.signupPage(s.r, form{Remember: true}, trouble{}))
	several := s.troubled(auth.InputError{{Field: "email", Problem: auth.Malformed}, {Field: "name",
		Problem: auth.TooLong, Limit: 200}, {Field: "username", Problem: auth.Malformed}, {Field: "password",
		Problem: auth.TooShort, Limit: s.c.PasswordMin}})
	s.add("with faults", several.status, "signup", named.signupPage(s.r, form{Email: "ada", Username: "a b"}, several))
	for _, f := range []auth.FieldError{{Field: "email", Problem: auth.Missing}, {Field: "email", Problem: auth.Taken},
		{Field: "email", Problem: auth.Foreign}, {Field: "name", Problem: auth.Malformed},
		{Field: "username", Problem: auth.Taken}, {Field: "username", Problem: auth.Reserved},
		{Field: "password", Problem: auth.Missing}, {Field: "password", Problem: auth.Malformed},
		{Field: "password", Problem: auth.TooCommon}, {Field: "password", Problem: auth.TooSimple},
		{Field: "password", Problem: auth.TooPersonal}, {Field: "password", Problem: auth.Breached}} {
		t := s.troubled(auth.InputError{f})
		s.add(f.Field+" "+strings.ReplaceAll(string(f.Problem), "_", " "), t.status, "signup",
			named.signupPage(s.r, s.form, t))
	}
	s.add("with a challenge for bots", 200, "signup", s.guarded(s.signupPage(s.r, form{}, trouble{}), captcha.SignUp))
	serviced := named.signupPage(s.r, s.form, several)
	serviced.Captcha = &widget{Kind: captcha.Kind{Class: "challenge", Script: "https://captcha.example/"}, SiteKey: "key"}
	if s.c.Captcha.IsService() {
		serviced = s.guarded(serviced, captcha.SignUp)
	}
	if s.c.Captcha.Name == "" || s.c.Captcha.IsService() {
		s.add("with the challenge of a service", several.status, "signup", serviced)
	}
	s.mailed("a link is on its way", "verify.sent", "email", samplePerson.Email)
}

// named is the UI where users choose usernames.
func (s *samples) named() *UI {
	ui := *s.UI
	ui.c.UsernamesChosen = true
	return &ui
}

// mailed adds the page that tells people to read their mail.
func (s *samples) mailed(name, key string, args ...any) {
	s.told(name, func(w http.ResponseWriter, r *http.Request) { _ = s.sentTo(w, r, 200, key, args...) })
}
