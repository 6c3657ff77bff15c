package loginui

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/captcha"
)

const (
	// puzzlePath is where scripts get a proof of work, for=<purpose> in the query.
	puzzlePath = "/.gatepost/challenge"
	// trapField is the field that people do not see. Browsers and password managers do not know what it would be for.
	trapField = "subject"
	// solutionHeader has the solution of whoever speaks the protocol below /api/auth, as Better Auth's clients send it.
	solutionHeader = "X-Captcha-Response"
)

// widget is what a form needs for visitors to show that they are no bots.
type widget struct {
	captcha.Kind
	SiteKey string
	Purpose captcha.Purpose
	Puzzle  string // where the puzzle is; empty for a service
	Own     string // the script; empty for a service
}

// guard asks the visitors of a form to show that they are no bots, if the operator wants that.
func (ui *UI) guard(p *formPage, purpose captcha.Purpose) {
	if ui.c.Captcha.Name == "" {
		return
	}
	p.Captcha = &widget{Kind: ui.c.Captcha, SiteKey: ui.c.CaptchaSiteKey, Purpose: purpose}
	if !ui.c.Captcha.IsService() {
		p.Captcha.Puzzle, p.Captcha.Own = puzzlePath+"?for="+string(purpose), ui.solver
	}
}

// showLogin shows the login. After failures, of the address that was typed or of the network, the visitor has to show
// that they are no bot.
func (ui *UI) showLogin(w http.ResponseWriter, r *http.Request, status int, p formPage, typed string) error {
	if p.Submit != "" && ui.store.AsksAtSignIn(r.Context(), typed, ui.client(r)) {
		ui.guard(&p, captcha.SignIn)
	}
	return ui.show(w, r, status, "login", p)
}

// guarded returns the policy of pages that have a widget: that of every page, and what the widget needs.
func (ui *UI) guarded() string {
	list := strings.Split(ui.policy, "; ")
	needs := ui.c.Captcha.Policy
	if !ui.c.Captcha.IsService() {
		solver := ui.source(ui.solver)
		needs = [][2]string{{"script-src", solver}, {"worker-src", solver}, {"connect-src", ui.source(puzzlePath)}}
	}
	for _, need := range needs {
		i := slices.IndexFunc(list, func(d string) bool { return strings.HasPrefix(d, need[0]+" ") })
		if i < 0 {
			list = append(list, strings.Join(need[:], " "))
		} else if !slices.Contains(strings.Fields(list[i]), need[1]) {
			list[i] += " " + need[1]
		}
	}
	return strings.Join(list, "; ")
}

// getPuzzle hands out a proof of work, to the pages and to front ends of the app's.
func (ui *UI) getPuzzle(w http.ResponseWriter, r *http.Request) error {
	purpose, ok := captcha.ParsePurpose(r.URL.Query().Get("for"))
	if !ok {
		return &fault{status: http.StatusBadRequest}
	}
	puzzle, err := ui.store.Puzzle(r.Context(), purpose)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, puzzle)
}

// solution is what a request has to show that it comes from no bot.
func (ui *UI) solution(r *http.Request) string {
	return cmp.Or(r.PostForm.Get(ui.c.Captcha.Field), r.Header.Get(solutionHeader))
}

// solved reports whether a solution came where one is asked for. Whether it is right is for the store to say.
func (ui *UI) solved(c secret.Client) bool { return ui.c.Captcha.Name != "" && c.Solution != "" }
