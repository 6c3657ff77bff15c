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

// TestScreenshots takes the pictures for docs/pages.md. They change only when the pages change. It checks
// nothing.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("E2E_SCREENSHOTS")
	if dir == "" {
		t.Skip("E2E_SCREENSHOTS does not name a directory")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// No other test uses this address.
	v, p := newVisitor(t), person{"Ada Lovelace", "ada@example.com", "a quiet river at noon"}
	call(v, "be an ordinary browser", emulation.SetUserAgentOverride,
		emulation.SetUserAgentOverrideParams{UserAgent: chrome, AcceptLanguage: "en"})
	v.photographForms(dir, p)
	v.photographAccount(dir, p)
}

func (v *visitor) photographForms(dir string, p person) {
	v.t.Helper()
	v.open("/login")
	v.photograph(dir, "login", "light")
	v.photograph(dir, "login-dark", "dark")
	v.open("/signup?lang=ar")
	v.photograph(dir, "signup-ar", "light")
	v.open("/signup?lang=en")
	v.signUp(person{p.name, "ada@example", "password"}) // the browser accepts both values, the gate refuses both
	v.photograph(dir, "signup-refused", "light")
}

func (v *visitor) photographAccount(dir string, p person) {
	v.t.Helper()
	v.open("/signup?next=/account")
	v.signUp(p)
	phone := newReader(v.t)
	phone.agent = safari
	phone.logIn(p)
	p.change(v.t, `UPDATE gatepost.session SET
		ip_address = CASE WHEN user_agent LIKE '%iPhone%' THEN '198.51.100.7' ELSE '203.0.113.24' END,
		last_used_at = now()
			- CASE WHEN user_agent LIKE '%iPhone%' THEN interval '190 minutes' ELSE interval '0' END`+ofPerson)
	v.open("/account")
	v.photograph(dir, "account", "light")
	v.open("/account?lang=zh-Hans")
	v.photograph(dir, "account-zh", "light")
}

// stopTime sets all times on the page to the same value, and hides the blinking cursor.
const stopTime = `(() => {
	const date = new Intl.DateTimeFormat(document.documentElement.lang,
		{dateStyle: "long", timeStyle: "short", timeZone: "UTC"})
	document.querySelectorAll("time").forEach(t => t.textContent = date.format(new Date("2026-03-07T08:05:00Z")))
	document.activeElement.style.caretColor = "transparent"
})()`

// photograph saves a picture of the whole page.
func (v *visitor) photograph(dir, name, scheme string) {
	v.t.Helper()
	media := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	call(v, "turn "+scheme, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: media})
	ask(v, "resize", chromedp.EmulateViewport(800, 500))
	ask(v, "stop the time", chromedp.Evaluate[chromedp.Void](stopTime))
	v.rest()
	picture, err := shrink(ask(v, "take a picture of "+name, chromedp.FullScreenshot(100)))
	if err != nil {
		v.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		v.t.Fatal(err)
	}
}

// shrink reduces a picture to its 256 most frequent colours, which takes less than half the bytes. It loses
// some shades at the edges of letters.
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
	small := image.NewPaletted(area, colours[:min(256, len(colours))])
	draw.Draw(small, area, full, area.Min, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&out, small)
	return out.Bytes(), err
}
