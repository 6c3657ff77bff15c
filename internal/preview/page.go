package preview

import (
	"bytes"
	"net/http"
	"regexp"
)

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header returns the header of the answer.
func (a *recorder) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

// WriteHeader sets the status, once.
func (a *recorder) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write adds to the body.
func (a *recorder) Write(content []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(content)
}

// The policies of what is shown in frames. Forms go nowhere, and links lead nowhere else: a sandbox without
// allow-forms and allow-top-navigation. The gallery has to measure how high a page is: allow-same-origin.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; " +
		"form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-same-origin"
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; " +
		"frame-ancestors 'self'; sandbox allow-same-origin"
)

var stylesheet = regexp.MustCompile(`href="(/\.gatepost/style-[0-9a-f]+\.css)"`)

// showPage shows a page. Its status is in the gallery: some browsers show pages of their own for some.
func (s *studio) showPage(w http.ResponseWriter, r *http.Request) {
	var answer recorder
	query := r.URL.Query()
	if g := s.gallery(query.Get("lang")); g == nil || !g.Show(&answer, r.PathValue("id")) {
		http.NotFound(w, r)
		return
	}
	look := query.Get("look")
	body := stylesheet.ReplaceAll(recoloured(answer.body.Bytes(), look), []byte(`href="$1?look=`+known(look)+`"`))
	if r.Header.Get("Sec-Fetch-Dest") == "iframe" { // a hundred pages would fight for the focus
		body = bytes.ReplaceAll(body, []byte(" autofocus"), nil)
	}
	w.Header().Set("Content-Type", answer.header.Get("Content-Type"))
	w.Header().Set("Content-Security-Policy", pagePolicy)
	_, _ = w.Write(body) // the browser may have left
}

func (s *studio) showMail(w http.ResponseWriter, r *http.Request) {
	ui, _, _, _ := s.now()
	if ui == nil {
		http.NotFound(w, r)
		return
	}
	query := r.URL.Query()
	l, ok, err := ui.SampleLetter(r.PathValue("kind"), query.Get("lang"))
	if !ok || err != nil {
		http.NotFound(w, r) // what is wrong is among the faults
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", mailPolicy)
	if query.Get("mail") == "text" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(l.Text)) // the browser may have left
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(recoloured([]byte(l.Standalone()), query.Get("look"))) // the same
}

// showAsset serves what pages load.
func (s *studio) showAsset(w http.ResponseWriter, r *http.Request) {
	ui, _, _, _ := s.now()
	plain := r.Clone(r.Context())
	plain.Header.Del("Accept-Encoding")
	var answer recorder
	if ui == nil || !ui.ServeAsset(&answer, plain) {
		http.NotFound(w, r)
		return
	}
	body := answer.body.Bytes()
	if look := r.URL.Query().Get("look"); look != "" {
		body = recoloured(body, look)
	}
	w.Header().Set("Content-Type", answer.header.Get("Content-Type"))
	_, _ = w.Write(body) // the browser may have left
}

var (
	prefers = regexp.MustCompile(`\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)`)
	schemes = regexp.MustCompile(`((?:color-scheme|color-schemes)(?:"\s+content=")?:?\s*)light dark`)
)

// recoloured is a page or a stylesheet as it is where the reader prefers a look, light or dark. Of any other nothing is
// changed: it is for the browser to say.
func recoloured(content []byte, look string) []byte {
	if known(look) == "" {
		return content
	}
	content = prefers.ReplaceAllFunc(content, func(query []byte) []byte {
		if string(prefers.FindSubmatch(query)[1]) == look {
			return []byte("(min-width: 0)") // always
		}
		return []byte("(max-width: 0)") // never
	})
	return schemes.ReplaceAll(content, []byte("${1}"+look))
}

// known is a look that is not the browser's; "" if it is no such.
func known(look string) string {
	if look == "light" || look == "dark" {
		return look
	}
	return ""
}
