package loginui

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth/mail"
)

// Gallery has every page in every situation, in one language, with sample people on them. It asks no store. It is safe
// for concurrent use.
type Gallery struct {
	ui   *UI
	r    *http.Request
	list []state
}

// Gallery returns the pages in a language; in the first one, if there is no such.
func (ui *UI) Gallery(lang string) *Gallery {
	r := ui.asker(lang)
	return &Gallery{ui, r, ui.states(r)}
}

// State describes a page in one situation.
type State struct {
	ID, Group, Name string // ID is unique, and made of the others
	Template        string // the file of the page
}

// States lists the pages, in the order in which people may meet them.
func (g *Gallery) States() (list []State) {
	for _, s := range g.list {
		list = append(list, State{ID: s.id(), Group: s.group, Name: s.name, Template: s.page + ".html"})
	}
	return list
}

// id is the name of a state in an address.
func (s state) id() string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s.group+" "+s.name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
}

// Show writes the page of a state. It reports false, and has written nothing, if there is no such state.
func (g *Gallery) Show(w http.ResponseWriter, id string) bool {
	i := slices.IndexFunc(g.list, func(s state) bool { return s.id() == id })
	if i < 0 {
		return false
	}
	g.ui.protect(w.Header())
	if s := g.list[i]; s.answer != nil {
		s.answer(w, g.r)
	} else if err := g.ui.show(w, g.r, s.status, s.page, s.data); err != nil {
		lastResort(w, g.ui.words(g.r))
	}
	return true
}

// SampleLetter composes a mail of a kind in a language, to a sample person. It reports false if there is no such kind.
func (ui *UI) SampleLetter(kind, lang string) (l Letter, ok bool, err error) {
	if !slices.Contains(mail.Kinds, mail.Kind(kind)) {
		return Letter{}, false, nil
	}
	l, err = ui.Compose(sampleMail(mail.Kind(kind), lang))
	return l, true, err
}

// ServeAsset serves a file that pages refer to, as the stylesheet. It reports false, and has written nothing, if the
// path is none.
func (ui *UI) ServeAsset(w http.ResponseWriter, r *http.Request) bool {
	if path := r.URL.EscapedPath(); ui.free[path] && ui.routes[path]["GET"] != nil {
		ui.protect(w.Header())
		_ = ui.routes[path]["GET"](w, r) // the browser may have left
		return true
	}
	return false
}

// Language is a language of the pages: as HTML names it, and what it calls itself.
type Language struct{ Tag, Name string }

// Languages lists the languages of the pages, in the order in which they are offered.
func (ui *UI) Languages() (list []Language) {
	for _, w := range ui.languages.list {
		list = append(list, Language{w.Lang, w.name})
	}
	return list
}
