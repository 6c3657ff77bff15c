package loginui

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

const (
	// maxForm is the most bytes of one of the gate's forms. The app's bodies have no limit.
	maxForm = 64 << 10
	// formsMost is the most bytes of all forms that are being read.
	formsMost = 16 << 20
	// lingerIdle and lingerMost bound how long the gate goes on reading after it refused a body as too large:
	// until the client pauses for lingerIdle, and at most lingerMost in all.
	lingerIdle = 2 * time.Second
	lingerMost = 10 * time.Second
)

// formTimeout is how long a form may take to arrive. It is a variable for the test alone.
var formTimeout = 15 * time.Second

// receive reads the form of a post into r.PostForm. A body of another type stays unread and r.PostForm nil, for
// pages that need no form. A body whose Content-Length is too large is refused unread.
func (ui *UI) receive(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength > maxForm {
		return tooMuch(w, r)
	}
	if r.ContentLength == 0 && r.Header.Get("Content-Type") == "" {
		r.PostForm = url.Values{} // an empty form needs no type
		return nil
	}
	if !isForm(r) {
		return nil
	}
	body, err := ui.readAll(w, r, maxForm)
	if err != nil {
		return err
	}
	names := fields
	if own := ui.foreign[r.URL.EscapedPath()]; own != nil {
		names = own
	}
	r.PostForm, err = parseForm(string(body), names)
	return err
}

// isForm reports whether the body is a form of the kind that holds no files.
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// readAll reads a body of at most so many bytes, and ends the connection of one that it does not read to its end.
func (ui *UI) readAll(w http.ResponseWriter, r *http.Request, most int) ([]byte, error) {
	body, err := ui.read(w, r, most)
	switch {
	case err == errFormSize:
		return nil, tooMuch(w, r)
	case err != nil:
		endConnection(w, r)
	}
	return body, err
}

func (ui *UI) read(w http.ResponseWriter, r *http.Request, most int) ([]byte, error) {
	rd := ui.newReading(w, r)
	rd.until(time.Now().Add(formTimeout))
	body, err := rd.all(r.Body, most)
	var timeout interface{ Timeout() bool }
	switch {
	case rd.gaveWay():
		err = share.ErrCrowded
		if share.Inner(clientAddr(r)) {
			err = share.ErrBusy // behind a proxy all visitors share this network
		}
	case errors.As(err, &timeout) && timeout.Timeout():
		err = errFormTimeout
	case err != nil && err != errFormSize:
		err = errForm
	}
	rd.end(err == nil)
	return body, err
}

// FormBytes returns how many bytes the forms that are being read have taken.
func (ui *UI) FormBytes() int64 { return ui.forms.Used() }

// tooMuch refuses a body that is not read to its end. The connection ends, so that the rest of the body is not
// taken for a request.
func tooMuch(w http.ResponseWriter, r *http.Request) error {
	endConnection(w, r)
	return errFormSize
}

// endConnection makes the server answer at once, without reading the rest of the body. HTTP/2 ends the stream
// by itself.
func endConnection(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

// linger goes on reading for a while after an answer. A browser whose connection is closed while it sends shows
// an error of its own instead of the answer (RFC 9112, section 9.6). A client that sent Expect waits before it
// sends the body, so it needs no lingering.
func (ui *UI) linger(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || r.Header.Get("Expect") != "" {
		return
	}
	_ = http.NewResponseController(w).Flush() // the visitor may have left
	rd := ui.newReading(w, r)
	defer rd.end(false)
	b := make([]byte, firstRead)
	for began := time.Now(); time.Since(began) < lingerMost && !rd.gaveWay(); {
		rd.until(time.Now().Add(lingerIdle))
		if _, err := r.Body.Read(b); err != nil {
			return
		}
	}
}

// parseForm keeps the fields of these names only, each in memory of its own. 64 KiB of arbitrary names would take
// far more.
func parseForm(body string, names []string) (url.Values, error) {
	values := url.Values{}
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || strings.Contains(pair, ";") {
			return nil, errForm
		}
		if slices.Contains(names, name) && len(values[name]) < 2 {
			values.Add(name, strings.Clone(value))
		}
	}
	return values, nil
}
