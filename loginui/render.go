package loginui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed templates/* static/*
var files embed.FS

// pageNames are the pages, each a template that defines its content; around them is the layout, and parts are what they share.
var pageNames = []string{"login", "signup", "logout", "account", "form", "message"}

// templateFiles are all that can be overridden: the pages, what is around them, and mail.
func templateFiles() []string {
	list := []string{"layout.html", "parts.html"}
	for _, name := range pageNames {
		list = append(list, name+".html")
	}
	return append(list, "mail.html", "mail.txt")
}

// parsePages parses each page together with the layout around it, and the templates of mail. Files of the same name in
// overrides, if any, take the place of ours.
func parsePages(overrides fs.FS) (map[string]*template.Template, letterTemplates, error) {
	sources, err := pageSources(overrides)
	if err != nil {
		return nil, letterTemplates{}, err
	}
	pages := map[string]*template.Template{}
	letters, err := parseLetters(sources)
	errs := []error{err} // each names the file and the line
	shared := template.New("")
	for _, name := range []string{"layout.html", "parts.html"} {
		_, err := shared.New(name).Parse(sources[name])
		errs = append(errs, err)
	}
	for _, page := range pageNames {
		t := template.Must(shared.Clone()) // which fails only after the first Execute
		_, err := t.New(page + ".html").Parse(sources[page+".html"])
		errs = append(errs, err)
		pages[page] = t.Lookup("layout.html")
		if t.Lookup("content") == nil && errors.Join(errs...) == nil {
			errs = append(errs, fmt.Errorf(`templates/%s.html: it has to {{define "content"}}`, page))
		}
	}
	return pages, letters, errors.Join(errs...)
}

func pageSources(overrides fs.FS) (map[string]string, error) {
	sources := map[string]string{}
	for _, name := range templateFiles() {
		content, err := files.ReadFile("templates/" + name)
		if err != nil {
			return nil, err
		}
		sources[name] = string(content)
	}
	if overrides == nil {
		return sources, nil
	}
	own, err := list(overrides, "templates")
	if err != nil {
		return nil, err
	}
	for _, file := range own {
		name := path.Base(file)
		if _, ok := sources[name]; !ok {
			return nil, fmt.Errorf("%s: there is no template of this name; there are %s", file, strings.Join(templateFiles(), ", "))
		}
		content, err := fs.ReadFile(overrides, file)
		if err != nil {
			return nil, err
		}
		sources[name] = string(content)
	}
	return sources, nil
}

// show renders into a buffer first, so that a page is sent whole or not at all.
func (ui *UI) show(w http.ResponseWriter, status int, name string, data any) error {
	if status == statusClientGone {
		w.WriteHeader(status)
		return nil
	}
	var buf bytes.Buffer
	if err := ui.pages[name].Execute(&buf, data); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len())) // it is whole at once, though the connection may go on (linger)
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // the visitor may have left
	return nil
}

// asset is a file that pages refer to. Its path changes with its content, so browsers may keep it for ever.
type asset struct {
	path, contentType string
	content           []byte
	zipped            func() []byte // nil: it gains nothing
}

func assetPath(name, extension string, content []byte) string {
	sum := sha256.Sum256(content)
	return "/.gatepost/" + name + "-" + hex.EncodeToString(sum[:6]) + extension
}

// newAsset makes an asset of text. It is compressed once; pages are not, as they repeat what strangers put into addresses
// beside what is only for the visitor.
func newAsset(name, extension, contentType string, content []byte) asset {
	return asset{assetPath(name, extension, content), contentType, content, sync.OnceValue(func() []byte {
		var zipped bytes.Buffer
		z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level exists
		_, _ = z.Write(content)                                    // into memory
		_ = z.Close()
		return zipped.Bytes()
	})}
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	content := a.content
	if a.zipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if accepted := r.Header.Get("Accept-Encoding"); strings.Contains(accepted, "gzip") && !strings.Contains(accepted, "gzip;q=0") {
			h.Set("Content-Encoding", "gzip")
			content = a.zipped()
		}
	}
	_, err := w.Write(content)
	return err
}

// dataURL is a small picture that needs no request of its own.
func dataURL(kind string, content []byte) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(content))
}
