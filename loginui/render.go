package loginui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
)

//go:embed templates/*.html static/*
var files embed.FS

// base is what every page shows.
type base struct {
	Title, AppName, Prefix, Home string
	Stylesheet, Icon             string
}

func (ui *UI) base(title string) base {
	return base{title, ui.c.AppName, ui.c.Prefix, ui.c.Home, ui.pages.stylesheet.path, ui.pages.icon.path}
}

// pages are the parsed templates and what they refer to.
type pages struct {
	templates        map[string]*template.Template
	stylesheet, icon asset
}

var templateFuncs = template.FuncMap{"join": func(s []string) string { return strings.Join(s, ", ") }}

// parsePages parses each page together with the layout around it.
func parsePages() (pages, error) {
	p := pages{templates: map[string]*template.Template{}}
	for _, name := range []string{"login", "signup", "logout", "account", "refuse"} {
		t, err := template.New("layout.html").Funcs(templateFuncs).ParseFS(files, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return pages{}, fmt.Errorf("parse the page %s: %w", name, err)
		}
		p.templates[name] = t
	}
	var err error
	if p.stylesheet, err = newAsset("style", ".css", "text/css; charset=utf-8"); err != nil {
		return pages{}, err
	}
	p.icon, err = newAsset("icon", ".svg", "image/svg+xml")
	return p, err
}

// show renders into a buffer first, so that a page is sent whole or not at all.
func (ui *UI) show(w http.ResponseWriter, status int, name string, data any) error {
	var buf bytes.Buffer
	if err := ui.pages.templates[name].Execute(&buf, data); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // the visitor may have left
	return nil
}

// lastResort needs no template.
func (pages) lastResort(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, refusals[http.StatusInternalServerError].say) // the visitor may have left
}

// asset is a file that pages refer to. Its path changes with its content, so browsers may keep it for ever.
type asset struct {
	path, contentType string
	content           []byte
}

func newAsset(name, ext, contentType string) (asset, error) {
	content, err := files.ReadFile("static/" + name + ext)
	if err != nil {
		return asset{}, fmt.Errorf("read an asset: %w", err)
	}
	sum := sha256.Sum256(content)
	return asset{"/.gatepost/" + name + "-" + hex.EncodeToString(sum[:6]) + ext, contentType, content}, nil
}

func (a asset) serve(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, err := w.Write(a.content)
	return err
}
