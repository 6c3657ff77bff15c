package loginui

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Paths of the pages about API tokens, below Prefix.
const (
	tokensPath      = "/account/tokens" // begins to make one
	makeTokenPath   = "/account/tokens/make"
	revokeTokenPath = "/account/tokens/revoke"
)

// day is what the lifetime of a token is counted in.
const day = 24 * time.Hour

// tokenRows are the API tokens on the account page.
type tokenRows struct {
	List    []tokenEntry
	Offered bool // one more can be made
}

// tokenEntry is the text about one API token.
type tokenEntry struct {
	ID, Name, Hint, Rules string
	Roles                 []string
	NoRole                bool          // it has none of the user's, whatever they are
	Until                 template.HTML // when it ends
	Ended                 bool
	Used, Place           string // Used is how long ago; empty: never
}

// tokenRows describes the API tokens of a user. Nil: they have none, and can make none.
func (ui *UI) tokenRows(w *words, list []auth.APIToken) *tokenRows {
	if len(list) == 0 && !ui.c.Tokens {
		return nil
	}
	rows := &tokenRows{Offered: ui.c.Tokens && len(list) < auth.APITokensMost}
	for _, t := range list {
		e := tokenEntry{ID: t.ID, Name: t.Name, Hint: t.Hint, Rules: t.Rules, Roles: t.Roles,
			NoRole: !t.AllRoles && len(t.Roles) == 0, Ended: t.Ended}
		if e.Until = template.HTML(template.HTMLEscapeString(w.say("token.forever"))); !t.ExpiresAt.IsZero() {
			e.Until = w.sayDate("token.until", t.ExpiresAt)
		}
		if !t.UsedAt.IsZero() {
			e.Used, e.Place = w.Ago(max(0, time.Since(t.UsedAt))), w.Place(t.UsedFrom)
		}
		rows.List = append(rows.List, e)
	}
	return rows
}

func (ui *UI) addTokenRoutes(account func(string, methods)) {
	account(revokeTokenPath, methods{"GET": ui.getBack, "POST": ui.postRevokeToken})
	if !ui.c.Tokens {
		return
	}
	account(tokensPath, methods{"GET": ui.getBack, "POST": ui.confirmed(tokensPath, ui.postTokens)})
	account(makeTokenPath, methods{"GET": ui.getMakeToken, "POST": ui.postMakeToken})
}

// tokensRefused answers a deed about API tokens that needs something else first. It reports false, and has answered
// nothing, for other errors.
func (ui *UI) tokensRefused(w http.ResponseWriter, err error) (bool, error) {
	switch {
	case errors.Is(err, auth.ErrStaleFactor):
		ui.staleFactor(w, makeTokenPath)
		return true, nil
	case errors.Is(err, session.ErrNoSession), errors.Is(err, session.ErrStale):
		return true, err
	case errors.Is(err, auth.ErrManyTokens):
		return true, &astray{&fault{status: http.StatusConflict, key: "token.many"}, err, ui.c.Prefix + "/account",
			"with.account"}
	}
	return false, err
}

// postTokens leads to the page on which an API token is made, for whoever may make one.
func (ui *UI) postTokens(w http.ResponseWriter, r *http.Request, _ form, token secret.Token) error {
	err := ui.store.MayMakeAPIToken(r.Context(), token)
	if done, err := ui.tokensRefused(w, err); done || err != nil {
		return err
	}
	seeOther(w, ui.c.Prefix+makeTokenPath)
	return nil
}

// getMakeToken shows the form to whoever may make one. Who has proved themselves too long ago begins again.
func (ui *UI) getMakeToken(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	err = ui.store.MayMakeAPIToken(r.Context(), token)
	if errors.Is(err, session.ErrStale) {
		return ui.getBack(w, r)
	}
	if done, err := ui.tokensRefused(w, err); done || err != nil {
		return err
	}
	f := form{Days: strconv.Itoa(int(auth.APITokenLifetime / day)), Roles: strings.Join(s.User.Roles, ", ")}
	return ui.show(w, r, http.StatusOK, "form", ui.tokenPage(r, f, trouble{}))
}

func (ui *UI) postMakeToken(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	made, err := ui.twice.finish(r, ui.ofToken(r, f), func(ctx context.Context) (done ending, err error) {
		m, err := ui.store.MakeAPIToken(ctx, token, newToken(f, s.User.Roles), ui.client(r))
		done.token = m.Secret
		return done, err
	})
	if errors.Is(err, session.ErrStale) {
		return ui.askAgain(w, r, tokensPath, form{}, trouble{})
	}
	if done, err := ui.tokensRefused(w, err); done {
		return err
	}
	if err != nil {
		t := ui.trouble(w, r, err)
		return ui.show(w, r, t.status, "form", ui.tokenPage(r, f, t))
	}
	return ui.show(w, r, http.StatusOK, "once", ui.tokenMadePage(r, made.token))
}

// newToken reads the form. Who leaves all roles in it gets those that the user has later, too.
func newToken(f form, has []string) auth.NewAPIToken {
	n := auth.NewAPIToken{Name: f.Name, Rules: f.Rules, Roles: session.SplitList(f.Roles), Lifetime: -1}
	if days, err := strconv.Atoi(strings.TrimSpace(f.Days)); err == nil && days >= 0 && days <= longestDays() {
		n.Lifetime = time.Duration(days) * day
	}
	n.Narrowed = slices.ContainsFunc(has, func(role string) bool { return !slices.Contains(n.Roles, role) })
	return n
}

func longestDays() int { return int(auth.APITokenLongest / day) }

func (ui *UI) tokenPage(r *http.Request, f form, t trouble) formPage {
	p := ui.form(r, "token.make", makeTokenPath, form{})
	p.failed(t)
	p.Intro = []string{p.say("token.make.say")}
	text := func(id, label, value, hint string) field {
		return field{words: p.words, ID: id, Type: "text", Autocomplete: "off", Label: label, Hint: hint, Value: value,
			Plain: true}
	}
	days := text("days", p.say("token.days"), f.Days, p.say("token.days.hint", "n", longestDays()))
	if days.InputMode = "numeric"; ui.c.TokensForever {
		days.Hint = p.say("token.days.never", "n", longestDays())
	}
	name := text("name", p.say("token.name"), f.Name, p.say("token.name.hint"))
	name.Plain = false
	rules := text("rules", p.say("token.rules"), f.Rules, p.say("token.rules.hint"))
	rules.Optional = true
	p.with(t.faults, name, days, rules, text("roles", p.say("token.roles"), f.Roles, p.say("token.roles.hint")))
	p.Cancel, p.Once = ui.c.Prefix+"/account", secret.NewID()
	return p
}

// postRevokeToken ends an API token at once, however old the sign-in is.
func (ui *UI) postRevokeToken(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	if f.ID == "" {
		return errForm
	}
	token, _ := ui.presented(r)
	if err := ui.store.RevokeAPIToken(r.Context(), token, f.ID, ui.client(r)); err != nil {
		return err
	}
	return ui.done(w, "token_revoked")
}

// sampleTokens are API tokens of somebody.
func sampleTokens() []auth.APIToken {
	made := time.Now().Add(-40 * day)
	return []auth.APIToken{{ID: "1", Name: "Backup", Hint: "gpt_3xAm", AllRoles: true, CreatedAt: made,
		UsedAt: made.Add(day), UsedFrom: "192.0.2.1", ExpiresAt: made.Add(auth.APITokenLifetime)},
		{ID: "2", Name: "Git", Hint: "gpt_P1e0", Rules: "GET /api, /git", Roles: []string{"user"}, CreatedAt: made},
		{ID: "3", Name: "Former", Hint: "gpt_0ld0", CreatedAt: made, ExpiresAt: made.Add(day), Ended: true}}
}

// tokens adds the pages about API tokens.
func (s *samples) tokens() {
	s.group = "API tokens"
	on := *s.UI
	on.c.Tokens = true
	f := form{Days: "90", Roles: "admin, user"}
	s.add("make one", 200, "form", on.tokenPage(s.r, f, trouble{}))
	wrong := s.troubled(auth.InputError{{Field: "name", Problem: auth.Missing}, {Field: "rules", Problem: auth.Malformed},
		{Field: "roles", Problem: auth.Malformed}, {Field: "days", Problem: auth.Malformed}})
	s.add("make one, with faults", wrong.status, "form", on.tokenPage(s.r, f, wrong))
	on.c.TokensForever = true
	s.add("make one that may never end", 200, "form", on.tokenPage(s.r, f, trouble{}))
	s.add("it is made", 200, "once", s.tokenMadePage(s.r, "gpt_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE0"))
	s.told("there are as many as fit", func(w http.ResponseWriter, r *http.Request) {
		_, err := s.tokensRefused(w, auth.ErrManyTokens)
		s.answer(w, r, err)
	})
	account := accountPage{base: s.base(s.r, "account.title", "/account", ""), User: samplePerson, HasPassword: true}
	account.Wide, account.Stylesheet, account.Others = true, s.accountStyle, 1
	account.Sessions = []sessionEntry{s.entry(account.words, sampleBrowser, 0, true)}
	account.Tokens = on.tokenRows(account.words, sampleTokens())
	s.add("account, with API tokens", http.StatusOK, "account", account)
	account.Tokens = on.tokenRows(account.words, nil)
	s.add("account, without one", http.StatusOK, "account", account)
}
