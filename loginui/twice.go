package loginui

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// twice gives a form that a browser has sent twice, as after a double click without scripts, one outcome. It knows a
// form by a value of its own, Once, and by what was typed into it; that of a mailed link by what the browser brings
// (see linked).
type twice struct {
	key [sha256.Size]byte // so that nothing can be guessed from what is kept
	mu  sync.Mutex
	all map[[sha256.Size]byte]*outcome
}

// task is what a form is sent for. One that signs nobody in issues nothing.
type task func(context.Context) (auth.Issued, error)

// ending is what a form led to.
type ending struct {
	auth.Finished                       // of most forms, Issued alone
	codes         []factor.RecoveryCode // that are shown once
	token         secret.APIToken       // that is shown once
}

// lastTask is the task of a form that leads to more than a session.
type lastTask func(context.Context) (ending, error)

// outcome is that of a form. It is kept for onceFor if there was one that a visitor can see again.
type outcome struct {
	began time.Time
	done  chan struct{} // closed when the rest is known
	ending
	err error
}

const (
	onceFor = time.Minute
	// onceMost is how many forms are known at once. Beyond it a second one is a form like any other.
	onceMost = 10_000
)

func newTwice() *twice {
	t := &twice{all: map[[sha256.Size]byte]*outcome{}}
	_, _ = rand.Read(t.key[:]) // never fails
	return t
}

// do does the task of a form of a page, or waits for the outcome of the same form sent before. A browser gives up the
// first form where it sends a second one: what ended with that is tried again for the second. A solution counts once,
// so what has one goes on when the browser has given it up; nobody gets the work of it for nothing.
func (t *twice) do(r *http.Request, f form, solved bool, do task) (auth.Issued, error) {
	doing := r.Context()
	if solved && f.Once != "" {
		doing = context.WithoutCancel(doing)
	}
	done, err := t.finish(r, f, func(context.Context) (done ending, err error) {
		done.Issued, err = do(doing)
		return done, err
	})
	return done.Issued, err
}

// finish is do for a task that leads to more than a session.
func (t *twice) finish(r *http.Request, f form, do lastTask) (ending, error) {
	ctx := r.Context()
	if f.Once == "" {
		return do(ctx)
	}
	id := t.of(r.URL.Path, f)
	for {
		o, first := t.begin(id)
		if first {
			return t.run(id, o, func() (ending, error) { return do(ctx) })
		}
		share.Pause(ctx)
		select {
		case <-o.done:
			if !errors.Is(o.err, context.Canceled) {
				return o.ending, o.err
			}
		case <-ctx.Done():
			return ending{}, ctx.Err()
		}
	}
}

// run does the task of the first of some forms.
func (t *twice) run(id [sha256.Size]byte, o *outcome, do func() (ending, error)) (ending, error) {
	o.err = errAbandoned
	defer func() {
		if o.err != nil && !errors.Is(o.err, auth.ErrUnverified) {
			t.forget(id) // the next try may go well
		}
		close(o.done)
	}()
	o.ending, o.err = do()
	return o.ending, o.err
}

// errAbandoned is the outcome of a form that a panic has ended.
var errAbandoned = errors.New("the same form, sent before, has failed")

// linked returns the form of a page that a mailed link has opened, as one that is known. Whoever gets its outcome once
// more has what the first one had: the link, the session, and the browser's own cookie.
func (ui *UI) linked(r *http.Request, f form) form {
	session, _ := ui.presented(r)
	f.Once = strings.Join([]string{string(ui.link(r)), string(session), string(ui.c.Cookie.ReadBrowser(r.Header))}, " ")
	return f
}

// inSession returns the form of somebody who is signed in, as one that is known. It is for forms with a proof of who
// they are in them: the outcome is their next session, for whoever has this one and knows the proof.
func (ui *UI) inSession(r *http.Request, f form) form {
	session, _ := ui.presented(r)
	f.Once = string(session)
	return f
}

// ofToken returns the form that makes an API token, as one that is known to this session with all that is in it.
func (ui *UI) ofToken(r *http.Request, f form) form {
	if session, _ := ui.presented(r); f.Once != "" {
		f.Once = strings.Join([]string{string(session), f.Once, f.Days, f.Rules, f.Roles}, "\x00")
	}
	return f
}

// of is what a form is known by.
func (t *twice) of(page string, f form) (id [sha256.Size]byte) {
	mac := hmac.New(sha256.New, t.key[:])
	for _, part := range []string{page, f.Once, f.Email, f.Name, f.Username, string(f.password), string(f.current),
		f.Code} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return [sha256.Size]byte(mac.Sum(nil))
}

func (t *twice) begin(id [sha256.Size]byte) (o *outcome, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for other, o := range t.all { // some of those that are over, so that the map does not grow
		if time.Since(o.began) < onceFor {
			break
		}
		delete(t.all, other)
	}
	if o := t.all[id]; o != nil {
		return o, false
	}
	o = &outcome{began: time.Now(), done: make(chan struct{})}
	if len(t.all) < onceMost {
		t.all[id] = o
	}
	return o, true
}

func (t *twice) forget(id [sha256.Size]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, id)
}
