package demo

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/net/websocket"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{"linked": linked}).ParseFS(files, "pages/*.html"))

// appName is what the pages of the app, those of the gate and its mails call the demo.
const appName = "Gatepost demo"

// protect are the rules of the demo.
const protect = "/dashboard, /live, /api, /admin=admin+aal2"

// app is a sample app. It has no passwords or sessions, and reads the identity headers.
type app struct {
	box *mailbox
	url atomic.Pointer[string] // of the site; known when the gate is up
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.page("home", "Start"))
	mux.HandleFunc("GET /dashboard", a.page("dashboard", "Dashboard"))
	mux.HandleFunc("GET /admin", a.page("admin", "Admin"))
	mux.HandleFunc("GET /try", a.page("try", "Try this"))
	mux.HandleFunc("GET /mailbox", a.page("mailbox", "Mailbox"))
	mux.HandleFunc("GET /mailbox/{id}", a.letter)
	mux.HandleFunc("GET /mailbox/{id}/html", a.box.html)
	mux.HandleFunc("GET /api/me", me)
	mux.Handle("GET /live", websocket.Handler(tellTime))
	mux.HandleFunc("GET /style.css", asset("style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /script.js", asset("script.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("/", a.page("lost", "Page not found"))
	return mux
}

// menuEntry is a link of every page.
type menuEntry struct{ Path, Name string }

// menu is in the order in which one looks around.
var menu = []menuEntry{{"/dashboard", "Dashboard"}, {"/try", "Try this"}, {"/mailbox", "Mailbox"}, {"/admin", "Admin"}}

// view is what the sample app knows of a request, its headers, and of the demo.
type view struct {
	Title, Path, Name string
	App               string // what the app is called
	Menu              []menuEntry
	SignedIn          bool
	Headers           []header
	Protect, URL      string
	Admin             string   // the address of the demo's admin
	Letters           []letter // all, on the page that lists them
	Letter            letter   // on its own page
}

// header is an identity header, and what it says. Empty stands for a value that is.
type header struct{ Name, Value, Decoded, Meaning, Empty string }

// meanings are the identity headers in the order of README.md.
var meanings = []struct{ name, meaning, empty string }{
	{"X-Auth-User", "The id: use it as the key in your own tables. It never changes.", ""},
	{"X-Auth-Email", "The e-mail address. It may change.", ""},
	{"X-Auth-Email-Verified", "Whether they have opened a link that was mailed to that address. Until then anybody may " +
		"have typed it.", ""},
	{"X-Auth-Name", "What they call themselves.", "(no name given)"},
	{"X-Auth-Roles", "Roles, with commas between them.", "(no role)"},
}

func (a *app) page(name, title string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := a.view(r, title)
		if name == "mailbox" {
			v.Letters = a.box.all()
		}
		write(w, name, v)
	}
}

// letter shows a letter of the mailbox.
func (a *app) letter(w http.ResponseWriter, r *http.Request) {
	l, ok := a.box.open(r.PathValue("id"))
	if !ok {
		a.page("lost", "Page not found")(w, r)
		return
	}
	v := a.view(r, l.Subject)
	v.Path, v.Letter = "/mailbox", l // the entry of the menu
	write(w, "letter", v)
}

func (a *app) view(r *http.Request, title string) view {
	v := view{Title: title, Path: r.URL.Path, App: appName, Menu: menu, Protect: protect, Admin: admin, Headers: told(r),
		SignedIn: r.Header.Get("X-Auth-User") != "", Name: decoded(r.Header.Get("X-Auth-Name"))}
	if url := a.url.Load(); url != nil {
		v.URL = *url
	}
	if v.Name == "" {
		v.Name = decoded(r.Header.Get("X-Auth-Email"))
	}
	return v
}

func write(w http.ResponseWriter, name string, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if name == "lost" {
		w.WriteHeader(http.StatusNotFound)
	}
	_ = pages.ExecuteTemplate(w, name+".html", v) // the visitor may have left
}

// Initials are those of the first and the last word of the name, as on the account page.
func (v view) Initials() string {
	words := strings.Fields(v.Name)
	if len(words) > 1 {
		words = []string{words[0], words[len(words)-1]}
	}
	var initials strings.Builder
	for _, word := range words {
		first, _ := utf8.DecodeRuneInString(word)
		initials.WriteString(strings.ToUpper(string(first)))
	}
	return initials.String()
}

// told returns the identity headers of a request.
func told(r *http.Request) (list []header) {
	for _, m := range meanings {
		if len(r.Header.Values(m.name)) == 0 {
			continue
		}
		h := header{Name: m.name, Value: r.Header.Get(m.name), Meaning: m.meaning, Empty: m.empty}
		if text := decoded(h.Value); text != h.Value {
			h.Decoded = text
		}
		list = append(list, h)
	}
	return list
}

// decoded decodes a percent-encoded header value, as decodeURIComponent does.
func decoded(s string) string {
	text, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return text
}

func asset(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, files, "pages/"+name)
	}
}
