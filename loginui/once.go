package loginui

import (
	"net/http"

	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/secret"
)

// oncePage is the data of once.html: secrets that are shown once, for the visitor to keep.
type oncePage struct {
	base
	Intro   []string // the paragraphs before the secrets
	Account string   // the address of the user, for a print of the page; empty: it is not shown
	Secrets []string
	Print   bool   // they are to be had on paper, too
	On      string // where the visitor goes on to
	Done    string // the words that lead there
}

func (ui *UI) oncePage(r *http.Request, title, say, done, on string) oncePage {
	p := oncePage{base: ui.refusal(r, title), On: on}
	p.Intro, p.Done = []string{p.say(say)}, p.say(done)
	p.Stylesheet, p.Script = ui.wholeStyle, ui.codesScript
	return p
}

// codesPage shows recovery codes.
func (ui *UI) codesPage(r *http.Request, account string, codes []factor.RecoveryCode, on string) oncePage {
	p := ui.oncePage(r, "recovery.title", "recovery.say", "recovery.done", on)
	p.Account, p.Print = account, true
	for _, c := range codes {
		p.Secrets = append(p.Secrets, c.Groups())
	}
	return p
}

// tokenMadePage shows an API token.
func (ui *UI) tokenMadePage(r *http.Request, made secret.APIToken) oncePage {
	p := ui.oncePage(r, "token.made", "token.once", "token.kept", ui.c.Prefix+"/account")
	p.Secrets = []string{string(made)}
	return p
}
