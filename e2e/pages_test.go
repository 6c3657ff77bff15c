package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// watch collects the browser's complaints while it shows pages.
type watch struct {
	mu       sync.Mutex
	troubles []string
	styles   int               // number of stylesheets that arrived
	page     network.RequestID // of the page that arrived last
}

func (v *visitor) watch() *watch {
	v.t.Helper()
	w := &watch{}
	if err := chromedp.Listen(v.ctx, w.note); err != nil {
		v.t.Fatalf("listen to the browser: %v", err)
	}
	return w
}

func (w *watch) note(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded: // violations of the content security policy arrive here
		// The network also reports pages with status 403, and entries of level info are no complaints.
		if e.Entry.Source != log.EntrySourceNetwork && e.Entry.Level != log.EntryLevelInfo {
			w.troubles = append(w.troubles, fmt.Sprintf("%s: %s", e.Entry.Source, e.Entry.Text))
		}
	case *network.EventLoadingFailed:
		if !e.Canceled { // cancelled by loading the next page
			w.troubles = append(w.troubles, fmt.Sprintf("%s: %s %s", e.Type, e.ErrorText, e.BlockedReason))
		}
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument && e.Response.Status != http.StatusNoContent {
			w.page = e.RequestID
		}
		w.answer(e.Type, e.Response)
	}
}

func (w *watch) answer(kind network.ResourceType, r *network.Response) {
	switch {
	case kind == network.ResourceTypeDocument:
	case r.Status >= 400:
		w.troubles = append(w.troubles, fmt.Sprintf("%s %s: status %d", kind, r.URL, r.Status))
	case kind == network.ResourceTypeStylesheet:
		w.styles++
	}
}

// take returns the complaints and clears them, so that each page is judged by itself.
func (w *watch) take() (troubles []string, styles int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	troubles, styles = slices.Clone(w.troubles), w.styles
	w.troubles, w.styles = nil, 0
	return troubles, styles
}

// mustBeClean checks that the page just loaded has its style, and that the browser reported nothing.
func (v *visitor) mustBeClean(w *watch, page string) {
	v.t.Helper()
	troubles, styles := w.take()
	if len(troubles) > 0 {
		v.t.Errorf("%s: the browser reports:\n%s", page, strings.Join(troubles, "\n"))
	}
	if styles == 0 {
		v.t.Errorf("%s: no stylesheet arrived", page)
	}
}

func TestIconOfTheOwnPagesIsAPicture(t *testing.T) {
	v := newVisitor(t)
	v.open("/login")
	const load = `new Promise(done => {
		const picture = new Image()
		picture.onload = () => done("loads")
		picture.onerror = () => done("is broken")
		picture.src = document.querySelector("link[rel=icon]").href
	})`
	if got := ask(v, "load the icon", chromedp.Evaluate[string](load, chromedp.EvalAwaitPromise)); got != "loads" {
		t.Errorf("the icon %s", got)
	}
}

func TestAdminPageRefusesAUserAndAsksTheAdminForASecondFactor(t *testing.T) {
	user := newVisitor(t)
	user.open("/signup")
	user.signUp(zhangWei())
	if status := user.open("/admin"); status != 403 {
		t.Errorf("/admin: status %d for a user, want 403\n%s", status, user.view())
	}
	admin := newVisitor(t)
	admin.open("/admin")
	admin.logIn(person{"Admin", "admin@example.com", site.adminPassword})
	admin.mustBeAt("/account/confirm?next=%2Fadmin")
	admin.follow("Add one now")
	admin.mustLandAt("/account?next=%2Fadmin#security") // nothing is added, as other tests log in as the admin
}
