package loginui

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

const (
	// maxForm bounds each of our own forms, in bytes; the app's bodies have no limit.
	maxForm = 64 << 10
	// formsMost bounds all that are being read, in bytes.
	formsMost = 16 << 20
	// formCost is what a form counts besides its own bytes, which is about what the request takes that brings it. So at
	// most 2,000 are read at once.
	formCost = 8 << 10
	// firstRead is the room that a form gets at first, in bytes. Most fit into it.
	firstRead = 512
	// lingerIdle and lingerMost are how long a client that sends too much is listened to after the answer: until it
	// pauses for so long, and in all.
	lingerIdle = 2 * time.Second
	lingerMost = 10 * time.Second
)

// formTimeout is how long a form may take to arrive. A variable only for its test.
var formTimeout = 15 * time.Second

// receive reads the form of a post into r.PostForm. One that is of another type stays unread and nil, for pages that
// need none. What its length says is too much is refused unread.
func (ui *UI) receive(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength > maxForm {
		return tooMuch(w, r)
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.ContentLength == 0 && err != nil {
		r.PostForm = url.Values{} // an empty form needs no type
		return nil
	}
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil
	}
	body, err := ui.read(w, r)
	switch {
	case err == errFormSize:
		return tooMuch(w, r)
	case err != nil:
		endConnection(w, r)
		return err
	}
	r.PostForm, err = parseForm(string(body))
	return err
}

func (ui *UI) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	rd := ui.newReading(w, r)
	rd.until(time.Now().Add(formTimeout))
	body, err := rd.all(r.Body)
	var timeout interface{ Timeout() bool }
	switch {
	case rd.gaveWay():
		err = share.ErrCrowded
		if share.Inner(clientAddr(r)) {
			err = share.ErrBusy // a proxy's network is everybody's
		}
	case errors.As(err, &timeout) && timeout.Timeout():
		err = errFormTimeout
	case err != nil && err != errFormSize:
		err = errForm
	}
	rd.end(err == nil)
	return body, err
}

// FormBytes is how much is taken by forms that are being read.
func (ui *UI) FormBytes() int64 { return ui.forms.Used() }

// tooMuch is for a body that is not read to its end. Nothing behind it on the connection may be taken for a request.
func tooMuch(w http.ResponseWriter, r *http.Request) error {
	endConnection(w, r)
	return errFormSize
}

// endConnection has the server answer at once, instead of reading what is left first. HTTP/2 ends the stream by itself.
func endConnection(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

// linger reads on for a while after an answer: a browser that is still sending when its connection is closed shows an
// error of its own instead of the answer (RFC 9112, section 9.6). Who waits to be asked for the body is sending
// nothing.
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

// reading is a body on its way in. It has a part of what all of them may take, and may have to give way to others.
type reading struct {
	to   *http.ResponseController
	part *share.Part
	mu   sync.Mutex
	over bool // the connection is somebody else's to time
	away bool // it gave way
}

func (ui *UI) newReading(w http.ResponseWriter, r *http.Request) *reading {
	rd := &reading{to: http.NewResponseController(w)}
	rd.part = ui.forms.Join(clientAddr(r), rd.giveWay)
	if !rd.part.Take(formCost + firstRead) {
		rd.giveWay()
	}
	return rd
}

// giveWay breaks a read off that waits.
func (rd *reading) giveWay() {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	if !rd.over {
		rd.away = true
		_ = rd.to.SetReadDeadline(time.Now()) // not every ResponseWriter has deadlines; the limits hold all the same
	}
}

func (rd *reading) gaveWay() bool {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	return rd.away
}

// until times what is read from now on.
func (rd *reading) until(t time.Time) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	if !rd.away {
		_ = rd.to.SetReadDeadline(t)
	}
}

// end gives the part back. Of a body that was not read whole the deadline stays, so that what is left unread delays no
// answer.
func (rd *reading) end(whole bool) {
	rd.part.Leave()
	rd.mu.Lock()
	defer rd.mu.Unlock()
	rd.over = true
	if whole {
		_ = rd.to.SetReadDeadline(time.Time{})
	}
}

// all reads a body to its end, and takes the room for it as it comes.
func (rd *reading) all(body io.Reader) ([]byte, error) {
	b := make([]byte, 0, firstRead)
	for !rd.gaveWay() {
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > maxForm:
			return nil, errFormSize
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		}
		if len(b) == cap(b) {
			more := min(2*cap(b), maxForm+1) - cap(b)
			if !rd.part.Take(int64(more)) {
				rd.giveWay()
			}
			b = append(make([]byte, 0, cap(b)+more), b...)
		}
	}
	return nil, share.ErrCrowded
}

// parseForm keeps our fields only, and each by itself: a form is small, but what can be made of 64 KiB of names is not.
func parseForm(body string) (url.Values, error) {
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
		if slices.Contains(fields, name) && len(values[name]) < 2 {
			values.Add(name, strings.Clone(value))
		}
	}
	return values, nil
}
