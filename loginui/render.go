package loginui

import (
	"bytes"
	"compress/gzip"
	"context"
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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gatepost/gatepost/internal/share"
)

//go:embed templates/* static/*
var files embed.FS

// pageNames are the pages. Each is a template that defines "content". The layout surrounds it, and parts holds
// what the pages share.
var pageNames = []string{"login", "signup", "logout", "account", "form", "message", "onward",
	"again", "once"}

// sharedNames are the templates that every page has: the layout, and what pages share.
var sharedNames = []string{"layout.html", "parts.html", "ways.html", "icons.html", "factors.html", "passkey.html",
	"tokens.html"}

// templateFiles returns the templates that can be overridden: the pages, the layout, the parts, and the mails.
func templateFiles() []string {
	list := slices.Clone(sharedNames)
	for _, name := range pageNames {
		list = append(list, name+".html")
	}
	return append(list, "mail.html", "mail.txt")
}

// templates are those of pages, each with its layout, and those of mail.
type templates struct {
	pages   map[string]*template.Template
	letters letterTemplates
}

// ourTemplates are the gate's own, which are parsed once. Of those with overrides there is one set for each reload.
var ourTemplates = sync.OnceValues(func() (templates, error) { return parseTemplates(nil) })

// parsePages returns the templates. Files in overrides replace the gate's files of the same name.
func parsePages(overrides fs.FS) (templates, error) {
	if overrides == nil {
		return ourTemplates()
	}
	return parseTemplates(overrides)
}

func parseTemplates(overrides fs.FS) (templates, error) {
	sources, err := pageSources(overrides)
	if err != nil {
		return templates{}, err
	}
	pages := map[string]*template.Template{}
	letters, err := parseLetters(sources)
	errs := []error{err} // each error names the file and the line
	shared := template.New("")
	for _, name := range sharedNames {
		_, err := shared.New(name).Parse(sources[name])
		errs = append(errs, err)
	}
	for _, page := range pageNames {
		t := template.Must(shared.Clone()) // Clone fails only after the first Execute
		_, err := t.New(page + ".html").Parse(sources[page+".html"])
		errs = append(errs, err)
		pages[page] = t.Lookup("layout.html")
		if t.Lookup("content") == nil && errors.Join(errs...) == nil {
			errs = append(errs, fmt.Errorf(`templates/%s.html: it has to {{define "content"}}`, page))
		}
	}
	return templates{pages, letters}, errors.Join(errs...)
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
			return nil, fmt.Errorf("%s: there is no template of this name; there are %s", file,
				strings.Join(templateFiles(), ", "))
		}
		content, err := fs.ReadFile(overrides, file)
		if err != nil {
			return nil, err
		}
		sources[name] = string(content)
	}
	return sources, nil
}

// show renders a page into a buffer first, so that it is sent whole or not at all. It renders in a turn (computing).
func (ui *UI) show(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	r = ui.computing(r)
	err := share.Work(r.Context()) // whoever stays gets the page also when too many wait: it may say so
	if status == statusClientGone || errors.Is(err, context.Canceled) {
		w.WriteHeader(statusClientGone)
		return nil
	}
	var buf bytes.Buffer
	err = ui.pages[name].Execute(&buf, data)
	share.Pause(r.Context()) // who is slow to take the page has it without a turn
	if err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p, ok := data.(formPage); ok && p.Captcha != nil {
		w.Header().Set(policy, ui.guarded())
	}
	if p, ok := data.(formPage); ok && p.Passkey != nil {
		ui.allowPasskeys(w.Header())
	}
	if p, ok := data.(interface{ script() string }); ok {
		ui.replaceScript(w.Header(), p.script())
	}
	// With its length the page is whole at once, even if the connection stays open (linger).
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // the visitor may have left
	return nil
}

// allowScript adds a script that the page's own loads to the policy, which may let the site frame the page.
func (ui *UI) allowScript(h http.Header, path string) {
	if script, more := ui.source(ui.site.Script), ui.source(path); script != more { // else 'self'
		h.Set(policy, strings.Replace(h.Get(policy), script, script+" "+more, 1))
	}
}

// replaceScript has the policy allow a page's script in place of the one that most pages have.
func (ui *UI) replaceScript(h http.Header, path string) {
	h.Set(policy, strings.Replace(h.Get(policy), ui.source(ui.site.Script), ui.source(path), 1))
}

const policy = "Content-Security-Policy"

// asset is a file that pages refer to. Its path changes with its content, so browsers may keep it for ever.
type asset struct {
	path, contentType string
	content           []byte
	zipped            func() []byte // nil: not worth compressing
	worker            bool          // a script that is run as a worker, too, whose policy is that of its own answer
}

func assetPath(name, extension string, content []byte) string {
	sum := sha256.Sum256(content)
	return "/.gatepost/" + name + "-" + hex.EncodeToString(sum[:6]) + extension
}

// newAsset makes an asset of text, which is compressed once. Pages are not compressed: they hold text from
// strangers, taken from addresses, beside the visitor's secrets.
func newAsset(name, extension, contentType string, content []byte) asset {
	a := asset{path: assetPath(name, extension, content), contentType: contentType, content: content}
	a.zipped = sync.OnceValue(func() []byte {
		var zipped bytes.Buffer
		z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level exists
		_, _ = z.Write(content)                                    // a buffer takes any write
		_ = z.Close()
		return zipped.Bytes()
	})
	return a
}

// remarks are lines of comment, and blanks at the beginning of lines: they are for readers of the source alone.
var remarks = regexp.MustCompile(`(?m)^[ \t]*//.*\n|^/\*.*\*/\n|^[ \t]+`)

// read holds what readAsset has read, by name.
var read sync.Map

// readAsset reads a script or a stylesheet of the gate's without its remarks. None has a text over several lines.
func readAsset(name string) ([]byte, error) {
	if content, ok := read.Load(name); ok {
		return content.([]byte), nil
	}
	source, err := files.ReadFile("static/" + name)
	content := remarks.ReplaceAll(source, nil)
	if err == nil {
		read.Store(name, content)
	}
	return content, err
}

func newStyle(name string, parts ...[]byte) asset {
	return newAsset(name, ".css", "text/css; charset=utf-8", slices.Concat(parts...))
}

func newScript(name string, parts ...[]byte) asset {
	return newAsset(name, ".js", "text/javascript; charset=utf-8", slices.Concat(parts...))
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	content := a.content
	if a.zipped != nil {
		if !a.worker { // a stylesheet or a script is no page by itself, and these headers are for pages
			h.Del(policy)
			h.Del("Cross-Origin-Opener-Policy")
		}
		h.Set("Vary", "Accept-Encoding")
		if accepted := r.Header.Get("Accept-Encoding"); strings.Contains(accepted, "gzip") &&
			!strings.Contains(accepted, "gzip;q=0") {
			h.Set("Content-Encoding", "gzip")
			content = a.zipped()
		}
	}
	_, err := w.Write(content)
	return err
}

// dataURL embeds a small picture, so that it needs no request.
func dataURL(kind string, content []byte) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(content))
}
