package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestScreenshots takes the pictures in docs/screenshots and compares them with the stored ones, so that no change of
// the pages goes unseen. With E2E_SCREENSHOTS it writes them to that directory instead.
func TestScreenshots(t *testing.T) {
	a := &album{visitor: newVisitorIn(t, startPhotographer(t), site), pictures: map[string][]byte{}}
	// No other test uses this address.
	p := person{"Ada Lovelace", "ada@example.com", "a quiet river at noon"}
	t.Cleanup(func() { p.change(t, `DELETE FROM gatepost."user" WHERE email = :'email'`) })
	call(a.visitor, "be an ordinary browser", emulation.SetUserAgentOverride,
		emulation.SetUserAgentOverrideParams{UserAgent: chrome, AcceptLanguage: "en"})
	a.photographForms(p)
	a.photographAccount(p)
	a.compose("hero", "login", "account")
	a.compose("hero-dark", "login-dark", "account-dark")
	delete(a.pictures, "account-dark")
	if dir := os.Getenv("E2E_SCREENSHOTS"); dir != "" {
		a.save(dir)
		return
	}
	a.compare("../docs/screenshots")
}

// album has the pictures, by name, that a visitor took.
type album struct {
	*visitor
	pictures map[string][]byte
}

func (a *album) photographForms(p person) {
	a.t.Helper()
	a.open("/login")
	a.photograph("login", "light")
	a.photograph("login-dark", "dark")
	a.open("/signup?lang=ar")
	a.photograph("signup-ar", "light")
	a.open("/signup?lang=en")
	a.signUp(person{p.name, "ada@example", "password"}) // the browser accepts both values, the gate refuses both
	a.photograph("signup-refused", "light")
}

func (a *album) photographAccount(p person) {
	a.t.Helper()
	a.open("/signup?next=/account")
	a.signUp(p)
	phone := newReader(a.t)
	phone.agent = safari
	phone.logIn(p)
	p.change(a.t, `UPDATE gatepost.session SET
		ip_address = CASE WHEN user_agent LIKE '%iPhone%' THEN '198.51.100.7' ELSE '203.0.113.24' END,
		last_used_at = now()
			- CASE WHEN user_agent LIKE '%iPhone%' THEN interval '190 minutes' ELSE interval '0' END`+ofPerson)
	a.open("/account")
	a.photograph("account", "light")
	a.photograph("account-dark", "dark")
	a.open("/account?lang=zh-Hans")
	a.photograph("account-zh", "light")
}

// stopTime sets all times on the page to the same value, and hides the blinking cursor.
const stopTime = `(() => {
	const date = new Intl.DateTimeFormat(document.documentElement.lang.replace(/^en$/, "en-GB"),
		{dateStyle: "long", timeStyle: "short", hourCycle: "h23", timeZone: "UTC"})
	document.querySelectorAll("time").forEach(t => t.textContent = date.format(new Date("2026-03-07T08:05:00Z")))
	document.activeElement.style.caretColor = "transparent"
})()`

// photograph takes a picture of the whole page, with two pixels for one as on most screens of today.
func (a *album) photograph(name, scheme string) {
	a.t.Helper()
	call(a.visitor, "turn "+scheme, emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: look{scheme: scheme}.media()})
	a.resize(800, 2)
	ask(a.visitor, "stop the time", chromedp.Evaluate[chromedp.Void](stopTime))
	a.take(name)
}

// take keeps a picture of the page as it is.
func (a *album) take(name string) {
	a.t.Helper()
	a.rest()
	picture, err := shrink(ask(a.visitor, "take a picture of "+name, chromedp.FullScreenshot(100)))
	if err != nil {
		a.t.Fatal(err)
	}
	a.pictures[name] = picture
}

func (a *album) save(dir string) {
	a.t.Helper()
	for name, picture := range a.pictures {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
			a.t.Fatal(err)
		}
	}
}

// shrink reduces a picture to its 256 most frequent colours, which takes less than half the bytes. Of shades that
// hardly differ one stands for all, so that a small sign in a colour of its own keeps it.
func shrink(picture []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	area, count := full.Bounds(), map[color.Color]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			count[full.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int {
		return cmp.Or(count[b]-count[a], strings.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	var kept color.Palette
	for _, c := range colours {
		if len(kept) < 256 && !slices.ContainsFunc(kept, func(k color.Color) bool { return alike(c, k) }) {
			kept = append(kept, c)
		}
	}
	small := image.NewPaletted(area, kept)
	draw.Draw(small, area, full, area.Min, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&out, small)
	return out.Bytes(), err
}

// alike reports whether two colours differ by at most 4 of 255 in each of red, green and blue.
func alike(a, b color.Color) bool {
	const most = 4 * 0x101
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	return max(ar, br)-min(ar, br) <= most && max(ag, bg)-min(ag, bg) <= most && max(ab, bb)-min(ab, bb) <= most
}
