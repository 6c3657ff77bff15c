package demo

import (
	"embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/net/websocket"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{"linked": linked}).ParseFS(files, "pages/*.html"))

// protect are the rules of the demo.
const protect = "/dashboard, /live, /api, /admin=admin+aal2"

// app is a sample app. It has no passwords or sessions, and reads the identity headers.
type app struct {
	box   *mailbox
	place atomic.Pointer[place] // known when the gate is up
}

// place is where the site is, and its users are.
type place struct{ url, database string }

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.page("home", "Start"))
	mux.HandleFunc("GET /dashboard", a.page("dashboard", "Dashboard"))
	mux.HandleFunc("GET /admin", a.page("admin", "Admin"))
	mux.HandleFunc("GET /try", a.page("try", "Things to try"))
	mux.HandleFunc("GET /mailbox", a.page("mailbox", "Mailbox"))
	mux.HandleFunc("GET /mailbox/{id}", a.box.show)
	mux.HandleFunc("GET /api/me", me)
	mux.Handle("GET /live", websocket.Handler(tellTime))
	mux.HandleFunc("GET /style.css", asset("style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /script.js", asset("script.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("/", a.page("lost", "There is no such page"))
	return mux
}

// menuEntry is a link of every page.
type menuEntry struct{ Path, Name string }

var menu = []menuEntry{{"/dashboard", "Dashboard"}, {"/admin", "Admin"}, {"/mailbox", "Mailbox"}, {"/try", "Try this"}}

// view is what the sample app knows of a request, its headers, and of the demo.
type view struct {
	Title, Path, Name      string
	Menu                   []menuEntry
	SignedIn               bool
	Headers                []header
	Protect, URL, Database string
	Letters                []letter
}

// header is an identity header, and what it says.
type header struct{ Name, Value, Decoded, Meaning string }

var meanings = map[string]string{
	"X-Auth-User":           "The id: use it as the key in your own tables. It never changes.",
	"X-Auth-Email":          "The address. It may change.",
	"X-Auth-Email-Verified": "Whether they have opened a link that was mailed there. Until then the address is a claim.",
	"X-Auth-Name":           "What they call themselves.",
	"X-Auth-Roles":          "Roles, with commas between them.",
}

func (a *app) page(name, title string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		at := a.place.Load()
		if at == nil {
			at = &place{}
		}
		v := view{Title: title, Path: r.URL.Path, Menu: menu, Protect: protect, URL: at.url, Database: at.database,
			SignedIn: r.Header.Get("X-Auth-User") != "", Name: decoded(r.Header.Get("X-Auth-Name")), Headers: told(r)}
		if v.Name == "" {
			v.Name = decoded(r.Header.Get("X-Auth-Email"))
		}
		if name == "mailbox" {
			v.Letters = a.box.all()
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if name == "lost" {
			w.WriteHeader(http.StatusNotFound)
		}
		_ = pages.ExecuteTemplate(w, name+".html", v) // the visitor may have left
	}
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
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if !strings.HasPrefix(name, "X-Auth-") {
			continue
		}
		h := header{Name: name, Value: r.Header.Get(name), Meaning: meanings[name]}
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
