package loginui

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // formats of logos
	_ "image/jpeg" // formats of logos
	_ "image/png"  // formats of logos
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Brand makes the pages look like the app's own. The zero value is ours.
type Brand struct {
	Logo           Logo
	Accent         Accent
	Terms, Privacy string   // addresses of pages to link to; empty: no link
	Stylesheet     []byte   // comes after ours
	Languages      []string // to offer, in order; the first is for everybody else. Empty: all there are
	// Overrides holds templates/*.html and messages/*.json in place of ours. Nil: none.
	Overrides fs.FS
}

// Logo is the picture beside the name of the app. The zero value is our own sign.
type Logo struct {
	URL     string // as pages refer to it
	Width   int    // at logoHeight; 0: not known before it is loaded
	origin  string // of another site; empty: we serve it
	content []byte
	kind    string // of content
}

const (
	// logoHeight is in CSS pixels.
	logoHeight = 40
	// maxLogo is in bytes. A logo is loaded by everybody who logs in.
	maxLogo = 256 << 10
	// maxLogoSide is in pixels.
	maxLogoSide = 4096
)

// ReadLogo takes the address of a picture (https://…) or the name of a file: PNG, JPEG, GIF, WebP or SVG of at most 256 KiB.
func ReadLogo(s string) (Logo, error) {
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" || strings.ContainsAny(u.Host, ";,* ") {
			return Logo{}, fmt.Errorf("%q is not an address like https://example.com/logo.svg", s)
		}
		return Logo{URL: u.String(), origin: u.Scheme + "://" + u.Host}, nil
	}
	content, err := os.ReadFile(s)
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return Logo{}, fmt.Errorf("cannot read %q: %w", s, pathErr.Err)
	case err != nil:
		return Logo{}, err
	case len(content) > maxLogo:
		return Logo{}, fmt.Errorf("%q has %d KiB, and everybody who logs in loads it: at most %d KiB", s, len(content)>>10, maxLogo>>10)
	}
	return newLogo(s, content)
}

func newLogo(name string, content []byte) (Logo, error) {
	if isSVG(content) {
		return Logo{URL: assetPath("logo", ".svg", content), content: content, kind: "image/svg+xml"}, nil
	}
	kind := http.DetectContentType(content)
	extension, ok := map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}[kind]
	if !ok {
		return Logo{}, fmt.Errorf("%q is no picture: it has to be PNG, JPEG, GIF, WebP or SVG", name)
	}
	l := Logo{URL: assetPath("logo", extension, content), content: content, kind: kind}
	if kind == "image/webp" {
		return l, nil // the standard library does not read it; browsers do
	}
	c, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err == nil && (c.Width == 0 || c.Height == 0 || c.Width > maxLogoSide || c.Height > maxLogoSide) {
		return Logo{}, fmt.Errorf("%q has %d × %d pixels: at least 1 and at most %d on each side", name, c.Width, c.Height, maxLogoSide)
	}
	if err == nil {
		_, _, err = image.Decode(bytes.NewReader(content))
	}
	if err != nil {
		return Logo{}, fmt.Errorf("%q is a broken picture: %w", name, err)
	}
	l.Width = max(1, c.Width*logoHeight/c.Height)
	return l, nil
}

// isSVG says whether it is one element of the kind, whole. Entities and encodings are for the browser to know.
func isSVG(content []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(content))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	depth, outermost := 0, ""
	for {
		token, err := d.Token()
		if err != nil {
			return errors.Is(err, io.EOF) && depth == 0 && outermost == "svg"
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 && outermost == "" {
				outermost = t.Name.Local
			}
		case xml.EndElement:
			depth--
		}
	}
}

func (l Logo) asset() asset { return asset{path: l.URL, contentType: l.kind, content: l.content} }
