package e2e

import (
	"errors"
	"fmt"
	"html"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

var previewed = regexp.MustCompile(`Every page and every mail: (http://localhost:\d+)/\n`)

// startPreview runs gatepost preview, which shows every page in every state without a database.
func startPreview(t *testing.T, settings ...string) *gateway {
	t.Helper()
	needBrowser(t) // without a browser nothing has been built
	command := exec.Command(site.cmd.Path, "preview", "--listen", "localhost:0")
	g, err := startGateway(command, t.TempDir(), previewed, settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(g.stop(), g.failures()); err != nil {
			t.Error(err)
		}
	})
	return g
}

var shown = regexp.MustCompile(`<iframe src="([^"?]+)`)

// pages lists the paths of all pages and mails that a preview shows.
func (g *gateway) pages(t *testing.T) (paths []string) {
	t.Helper()
	for _, frame := range shown.FindAllStringSubmatch(newReaderOf(t, g).read(200, "/", nil), -1) {
		paths = append(paths, html.UnescapeString(frame[1]))
	}
	if len(paths) < 150 {
		t.Fatalf("the preview shows %d pages", len(paths))
	}
	return paths
}

// everythingOpen opens the menu of languages, which is longer than any other.
const everythingOpen = `document.querySelectorAll("details").forEach(d => { d.open = true })`

// findFaults lists what is wrong with the look of a page: the language it says it is in, and what does not fit.
const findFaults = `(() => {
	` + endMotion + `; ` + everythingOpen + `
	const root = document.documentElement
	return [root.lang + " " + root.dir].concat(` + findOverflow + `, ` + findOverlap + `)
})()`

// resize changes the window of an open page. At a scale of 2 it is a window of twice the width at 200 %.
func (v *visitor) resize(width int64, scale float64) {
	v.t.Helper()
	call(v, "resize", emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: 480, DeviceScaleFactor: scale})
}

// mustLookRight checks the open page in the window as it is.
func (v *visitor) mustLookRight(page string, in tongue) {
	v.t.Helper()
	found := ask(v, "look for faults", chromedp.Evaluate[[]string](findFaults))
	if found[0] != in.lang+" "+in.dir {
		v.t.Errorf("%s is in %q, want %q from %s", page, found[0], in.lang, in.dir)
	}
	for _, fault := range found[1:] {
		v.t.Errorf("%s: %s", page, fault)
	}
}

// window is a narrow window, and one of 1280 px at 200 %.
type window struct {
	width int64
	scale float64
}

var windows = []window{{320, 1}, {640, 2}}

// Translators write longer words than ours, and operators languages that we never saw.
func TestEveryPageAndMailFitsWithLongerWordsAndFromRightToLeft(t *testing.T) {
	g := startPreview(t, "GATEPOST_OVERRIDES="+writePseudo(t))
	paths, v := g.pages(t), newVisitorOf(t, g)
	for _, p := range pseudo {
		for _, path := range paths {
			for i, w := range windows {
				v.resize(w.width, w.scale)
				if i == 0 {
					v.open(path + "?lang=" + p.lang)
				}
				v.mustLookRight(fmt.Sprintf("%s in %s at %d px", path, p.lang, w.width), p.tongue)
			}
		}
	}
}

// longest are the pages with the most, or the longest, in one place.
var longest = []string{"/page/login-after-a-wrong-password", "/page/login-everything-at-once",
	"/page/sign-up-with-faults", "/page/sign-up-with-the-challenge-of-a-service",
	"/page/account-with-everything-and-a-notice",
	"/page/account-without-a-password-and-a-username-to-choose", "/page/links-from-mail-a-new-password-with-a-fault",
	"/page/links-from-mail-connect-a-provider-by-password-or-mail", "/page/forms-of-the-account-password-with-a-fault",
	"/page/log-out-and-go-on-everything-at-once", "/page/errors-bad-gateway",
	"/page/errors-closed-for-maintenance-with-words-of-the-operator-s-for-a-form", "/mail/sign-in", "/mail/changed"}

func TestTheLongestPagesFitInEveryLanguage(t *testing.T) {
	g := startPreview(t)
	v := newVisitorOf(t, g)
	all := languagesOf(t, g)
	mustBeAmong(t, longest, g.pages(t))
	v.resize(320, 1)
	for _, lang := range all {
		dir := "ltr"
		if lang == "ar" || lang == "he" {
			dir = "rtl"
		}
		for _, path := range longest {
			v.open(path + "?lang=" + lang)
			v.mustLookRight(path+" in "+lang, tongue{lang: lang, dir: dir})
		}
	}
}

var offered = regexp.MustCompile(`<option value="([^"]+)" lang=`)

func languagesOf(t *testing.T, g *gateway) (tags []string) {
	t.Helper()
	for _, option := range offered.FindAllStringSubmatch(newReaderOf(t, g).read(200, "/", nil), -1) {
		tags = append(tags, option[1])
	}
	if len(tags) < 20 {
		t.Fatalf("the preview offers %d languages: %v", len(tags), tags)
	}
	return tags
}

// mustBeAmong fails if a page of the list has another name by now.
func mustBeAmong(t *testing.T, list, paths []string) {
	t.Helper()
	for _, path := range list {
		if !slices.Contains(paths, path) {
			t.Errorf("the preview has no %s; it has\n%s", path, strings.Join(paths, "\n"))
		}
	}
}

// untoured are pages to which no tour of TestEveryStateIsAccessibleFitsAndLoadsQuietly leads.
var untoured = []string{"/page/login-everything-at-once", "/page/login-after-a-new-password",
	"/page/sign-up-with-the-challenge-of-a-service", "/page/account-with-everything-and-a-notice",
	"/page/account-without-a-password-and-a-username-to-choose", "/page/account-where-there-are-no-passwords",
	"/page/log-out-and-go-on-everything-at-once", "/page/log-out-and-go-on-log-out-at-a-provider-too",
	"/page/errors-bad-gateway", "/page/errors-over-http-behind-a-proxy-that-speaks-https",
	"/page/errors-closed-for-maintenance-with-words-of-the-operator-s-for-a-form", "/page/errors-by-invitation-only"}

func TestPagesThatNoTourReachesAreAccessible(t *testing.T) {
	g := startPreview(t)
	v := newVisitorOf(t, g)
	mustBeAmong(t, untoured, g.pages(t))
	for _, path := range untoured {
		v.as(look{width: 320, height: 480, scale: 1, scheme: "light"})
		v.open(path + "?lang=en")
		v.mustBeAccessible(path + " in the light")
		v.as(look{width: 1280, height: 720, scale: 1, scheme: "dark"})
		v.mustBeAccessible(path + " in the dark")
		v.as(look{width: 1280, height: 720, scale: 1, scheme: "dark", forcedColors: true})
		v.mustBeAccessible(path + " with forced colours")
		v.mustFit(path + " with forced colours")
	}
}
