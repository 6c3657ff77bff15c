package e2e

import (
	"bytes"
	"image"
	"image/gif"
	"image/png"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestRecording makes the moving picture of the demo in the README: the first minute of somebody who tries it. It
// checks nothing.
func TestRecording(t *testing.T) {
	file := os.Getenv("E2E_RECORDING")
	if file == "" {
		t.Skip("E2E_RECORDING does not name a file")
	}
	v, p := newVisitor(t), person{"Ada Lovelace", "ada.records@example.com", "a quiet river at noon"}
	ask(v, "resize", chromedp.EmulateViewport(960, 640))
	f := &film{v: v}
	v.open("/")
	f.take(2)
	v.open("/dashboard")
	f.take(1.5)
	v.follow("Sign up")
	f.take(1)
	v.fillIn(p)
	f.take(1.5)
	v.press("Sign up")
	v.mustComeToSee("Open for")
	f.take(3)
	v.tap("Send request")
	v.mustComeToSee("200 {")
	f.take(2)
	v.open("/account")
	f.take(2.5)
	v.open("/mailbox")
	f.take(1.5)
	v.open("/try")
	f.take(2)
	v.tap("Log out")
	v.mustLandAt("/login")
	f.take(1.5)
	v.open("/dashboard")
	f.take(1.5)
	if err := os.WriteFile(file, f.develop(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// film is a moving picture of what a visitor sees.
type film struct {
	v *visitor
	gif.GIF
}

// take adds what the window shows, for some seconds.
func (f *film) take(seconds float64) {
	f.v.t.Helper()
	ask(f.v, "hide the cursor",
		chromedp.Evaluate[chromedp.Void](`document.activeElement.style.caretColor = "transparent"`))
	f.v.rest()
	small, err := shrink(ask(f.v, "take a picture", chromedp.CaptureScreenshot()))
	if err != nil {
		f.v.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		f.v.t.Fatal(err)
	}
	f.Image, f.Delay = append(f.Image, picture.(*image.Paletted)), append(f.Delay, int(seconds*100))
}

// develop returns the film as a file.
func (f *film) develop() []byte {
	f.v.t.Helper()
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, &f.GIF); err != nil {
		f.v.t.Fatal(err)
	}
	return out.Bytes()
}
