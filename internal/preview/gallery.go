package preview

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

//go:embed gallery.html gallery.css gallery.js
var files embed.FS

var gallery = template.Must(template.ParseFS(files, "gallery.html"))

// handler serves the gallery. What links and forms of the pages lead to is answered with nothing.
func (s *studio) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showGallery)
	mux.HandleFunc("GET /gallery.css", static("text/css; charset=utf-8"))
	mux.HandleFunc("GET /gallery.js", static("text/javascript; charset=utf-8"))
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /page/{id}", s.showPage)
	mux.HandleFunc("GET /mail/{kind}", s.showMail)
	mux.HandleFunc("GET /.gatepost/", s.showAsset)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
			host = host[:i]
		}
		if !proxy.IsLoopback(host) { // a page of another site that had its name lead here
			http.Error(w, "The preview is at localhost only.", http.StatusForbidden)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

func static(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		http.ServeFileFS(w, r, files, r.URL.Path)
	}
}

// hall is the data of gallery.html.
type hall struct {
	Choice
	Version   string
	Faults    []string
	Stale     bool // the pages are from before the faults
	OfFiles   bool // a file that is watched has a fault: the page follows when it is saved
	Languages []loginui.Language
	Groups    []group
}

// Choice is how the pages are shown.
type Choice struct {
	Lang, Look, Width, Part string
	Looks, Widths, Parts    []string
}

type group struct {
	Name    string
	Entries []entry
}

// ID names the group in an address.
func (g group) ID() string { return "group-" + strings.ReplaceAll(strings.ToLower(g.Name), " ", "-") }

// entry is one page or mail of the gallery.
type entry struct{ ID, Name, Note, URL string }

// chosen reads the choices of the gallery from its address. What is not offered is the first that is.
func chosen(r *http.Request, languages []loginui.Language) Choice {
	c := Choice{Looks: []string{"system", "light", "dark"}, Widths: []string{"375", "320", "600", "900"},
		Parts: []string{"html", "text"}}
	tags := make([]string, len(languages))
	for i, l := range languages {
		tags[i] = l.Tag
	}
	one := func(name string, offered []string) string {
		if value := r.URL.Query().Get(name); len(offered) == 0 || slices.Contains(offered, value) {
			return value
		}
		return offered[0]
	}
	c.Lang, c.Look, c.Width, c.Part = one("lang", tags), one("look", c.Looks), one("width", c.Widths), one("mail", c.Parts)
	return c
}

// Query is the choice in the address of a page or a mail.
func (c Choice) Query() template.URL { // all are words of ours
	return template.URL("lang=" + c.Lang + "&look=" + c.Look + "&mail=" + c.Part)
}

func (s *studio) showGallery(w http.ResponseWriter, r *http.Request) {
	ui, faults, version, _ := s.now()
	h := hall{Version: version, Faults: faults, Stale: ui != nil, OfFiles: slices.ContainsFunc(faults, ofFile)}
	if ui != nil {
		h.Languages = ui.Languages()
		h.Choice = chosen(r, h.Languages)
		h.Groups = append(pages(s.gallery(h.Lang)), mails(ui, h.Choice))
	}
	var page bytes.Buffer
	if err := gallery.Execute(&page, h); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; "+
		"frame-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	_, _ = w.Write(page.Bytes()) // the browser may have left
}

// pages lists all pages, by group.
func pages(g *loginui.Gallery) (list []group) {
	for _, state := range g.States() {
		if len(list) == 0 || list[len(list)-1].Name != state.Group {
			list = append(list, group{Name: state.Group})
		}
		last := &list[len(list)-1]
		var answer recorder
		g.Show(&answer, state.ID)
		last.Entries = append(last.Entries, entry{state.ID, state.Name,
			fmt.Sprintf("%d, templates/%s", answer.status, state.Template), "/page/" + state.ID})
	}
	return list
}

// mails lists all mails, with their subjects.
func mails(ui *loginui.UI, c Choice) group {
	file := map[string]string{"html": "mail.html", "text": "mail.txt"}[c.Part]
	g := group{Name: "Mails"}
	for _, kind := range mail.Kinds {
		l, _, err := ui.SampleLetter(string(kind), c.Lang)
		e := entry{"mail-" + string(kind), l.Subject, string(kind) + ", templates/" + file, "/mail/" + string(kind)}
		if err != nil {
			e.Name = err.Error()
		}
		g.Entries = append(g.Entries, e)
	}
	return g
}

// events tells the gallery when it is no longer current.
func (s *studio) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	_, _ = fmt.Fprintf(w, "retry: %d\n\n", time.Second.Milliseconds())
	for {
		_, _, version, changed := s.now()
		if _, err := fmt.Fprintf(w, "data: %s\n\n", version); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
