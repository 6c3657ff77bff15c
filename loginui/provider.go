package loginui

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/provider"
)

// Paths of what has to do with providers, below Prefix. A provider's name follows those that end with a slash.
const (
	withPath       = "/login/with/"
	attachPath     = "/account/connect/"
	confirmByPath  = "/account/confirm/"
	disconnectPath = "/account/disconnect"
)

// button sends the form of a page to another address.
type button struct {
	Action, Label string
	Primary       bool          // the one way on of its page, and looks like it
	Note          string        // said beside the label; empty: nothing
	Of            string        // what the provider is called, for the row of the button; empty: it stands in none
	Provider      string        // its name; empty: the button leads to none
	Mark          template.HTML // empty: none
	Logo          template.URL  // address of a picture, in place of Mark; empty: none
}

// addProviderRoutes adds the pages of each provider. The callback is where the provider itself was told to answer.
func (ui *UI) addProviderRoutes() error {
	ui.foreign = map[string][]string{}
	for _, p := range ui.providers {
		name := p.Spec().Name
		callback, err := url.Parse(p.Callback())
		if err != nil {
			return fmt.Errorf("the callback of %s: %w", name, err)
		}
		path := callback.EscapedPath()
		ui.routes[path] = methods{"GET": ui.getCallback(p), "HEAD": nil} // which must not use up the answer
		if p.FormPost() {
			ui.routes[path]["POST"], ui.foreign[path] = ui.postCallback(p, path), answerFields
		}
		backchannel := "/.gatepost/backchannel/" + name
		ui.routes[backchannel] = methods{"POST": ui.postBackchannel(name)}
		ui.foreign[backchannel] = []string{logoutField}
		ui.routes[ui.c.Prefix+withPath+name] = methods{"GET": ui.getBackToLogin, "POST": ui.postWith(name)}
		ui.routes[ui.c.Prefix+attachPath+name] = methods{"GET": ui.getBack,
			"POST": ui.confirmed(attachPath+name, ui.postAttach(name))}
		if p.AsksAge() {
			ui.routes[ui.c.Prefix+confirmByPath+name] = methods{"GET": ui.getBack, "POST": ui.postConfirmBy(name)}
		}
	}
	return nil
}

// provider returns a provider by its name, or nil.
func (ui *UI) provider(name string) *provider.Provider {
	for _, p := range ui.providers {
		if p.Spec().Name == name {
			return p
		}
	}
	return nil
}

// ways returns the buttons to log in with each provider.
func (ui *UI) ways(w *words) (list []button) {
	for _, p := range ui.providers {
		b := ui.button(w, p, withPath, "with.continue")
		if p.Down() {
			b.Note = w.say("with.down")
		}
		list = append(list, b)
	}
	return list
}

// button makes the button that sends a form to a provider's path. The message names the provider.
func (ui *UI) button(w *words, p *provider.Provider, path, message string) button {
	name := p.Spec().Name
	b := button{Action: ui.c.Prefix + path + name, Label: w.say(message, "provider", p.Label()), Provider: name,
		Mark: template.HTML(p.Mark())} // written by us
	if logoOrigin(p) != "" {
		b.Logo = template.URL(p.Spec().Logo) // https, as logoOrigin has seen
	}
	return b
}

// logoOrigin returns the site that serves the logo of a provider. It is empty without one, or if a content security
// policy cannot name the site.
func logoOrigin(p *provider.Provider) string {
	u, err := url.Parse(p.Spec().Logo)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(u.Host, ";,*' []") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// logoOrigins lists the sites of all logos, for the content security policy.
func (ui *UI) logoOrigins() (list string) {
	for _, p := range ui.providers {
		if origin := logoOrigin(p); origin != "" {
			list += " " + origin
		}
	}
	return list
}

// offer adds the buttons of the providers to a form, which is without the fields if passwords are off.
func (ui *UI) offer(p *formPage) {
	p.Buttons = ui.ways(p.words)
	if ui.c.PasswordsOff {
		p.Submit, p.Fields, p.Username = "", nil, ""
	}
}

// withPasswords refuses a page that takes a password when passwords are off.
func (ui *UI) withPasswords(show page) page {
	if !ui.c.PasswordsOff {
		return show
	}
	return func(http.ResponseWriter, *http.Request) error { return ui.passwordsOff() }
}

// passwordsOff is the refusal of what needs a password when passwords are off.
func (ui *UI) passwordsOff() error {
	return &astray{&fault{status: http.StatusForbidden, key: "fault.passwords_off"}, auth.ErrPasswordsOff,
		ui.loginURL(""), "with.choose"}
}
