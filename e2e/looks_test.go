package e2e

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// look is how a browser is set. Zero fields keep the browser's default.
type look struct {
	scheme        string // light or dark
	width, height int64  // in CSS pixels
	scale         float64
	language      string // as in Accept-Language
	forcedColors  bool
	reducedMotion bool
}

// zoomed returns the same window at 200 %: half the CSS pixels, each twice as wide.
func (l look) zoomed() look {
	l.width, l.height, l.scale = l.width/2, l.height/2, 2
	return l
}

func (l look) media() []*emulation.MediaFeature {
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}
	if l.forcedColors {
		features = append(features, &emulation.MediaFeature{Name: "forced-colors", Value: "active"})
	}
	if l.reducedMotion {
		features = append(features, &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"})
	}
	return features
}

// as applies the look to the browser: to the pages that follow, and to the open page as far as it reacts.
func (v *visitor) as(l look) {
	v.t.Helper()
	call(v, "set the media", emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: l.media()})
	if l.width == 0 {
		call(v, "forget the size", emulation.ClearDeviceMetricsOverride, cdp.Empty{})
	} else {
		call(v, "set the size", emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: l.width, Height: l.height, DeviceScaleFactor: l.scale,
		})
	}
	agent := emulation.SetUserAgentOverrideParams{AcceptLanguage: l.language}
	if l.language != "" { // the browser takes a language only together with a name
		agent.UserAgent = ask(v, "read the browser's name", chromedp.Evaluate[string]("navigator.userAgent"))
	}
	call(v, "set the language", emulation.SetUserAgentOverride, agent)
}

// seen is what a page and its server can tell of a look.
type seen struct {
	Dark          bool    `json:"dark"`
	Width         int64   `json:"width"`
	Height        int64   `json:"height"`
	Scale         float64 `json:"scale"`
	Language      string  `json:"language"`
	ForcedColors  bool    `json:"forcedColors"`
	ReducedMotion bool    `json:"reducedMotion"`
	Sent          string  `json:"sent"` // the value of Accept-Language
}

const lookAround = `(has => ({
	dark: has("(prefers-color-scheme: dark)"), width: innerWidth, height: innerHeight, scale: devicePixelRatio,
	language: navigator.language, forcedColors: has("(forced-colors: active)"),
	reducedMotion: has("(prefers-reduced-motion: reduce)"), sent: document.body.innerText,
}))(query => matchMedia(query).matches)`

func TestLooksReachThePageAndItsServer(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!doctype html><body>%s</body>", html.EscapeString(r.Header.Get("Accept-Language")))
	}))
	defer echo.Close()
	v := newVisitor(t)
	visit := func() seen {
		t.Helper()
		v.load("open the echo", chromedp.Navigate(echo.URL))
		return ask(v, "look around", chromedp.Evaluate[seen](lookAround))
	}
	untouched := visit()
	v.as(look{scheme: "dark", width: 640, height: 480, language: "ja", forcedColors: true,
		reducedMotion: true}.zoomed())
	want := seen{Dark: true, Width: 320, Height: 240, Scale: 2, Language: "ja", ForcedColors: true,
		ReducedMotion: true, Sent: "ja"}
	if got := visit(); got != want {
		t.Errorf("the page sees %+v, want %+v", got, want)
	}
	v.as(look{scheme: "light", width: 1280, height: 800, scale: 1})
	want = seen{Width: 1280, Height: 800, Scale: 1, Language: untouched.Language, Sent: untouched.Sent}
	if got := visit(); got != want {
		t.Errorf("the page sees %+v, want %+v", got, want)
	}
	v.as(look{})
	if got := visit(); got != untouched {
		t.Errorf("the page sees %+v, want %+v as in the beginning", got, untouched)
	}
}
