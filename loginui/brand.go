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

// Brand makes the pages look like the app. The zero value is the gate's own look.
type Brand struct {
	Logo           Logo
	Accent         Accent
	Terms, Privacy string   // addresses of pages to link to; empty: no link
	Stylesheet     []byte   // CSS that follows the gate's own
	Languages      []string // to offer, in order; the first is the fallback. Empty: all there are
	// Overrides holds templates/*.html and messages/*.json that replace the gate's own. Nil: none.
	Overrides fs.FS
}

// Logo is the picture beside the name of the app. The zero value is the gate's own logo.
type Logo struct {
	URL     string // as pages refer to it
	Width   int    // in CSS pixels at logoHeight; 0: unknown until the picture is loaded
	origin  string // the other site that serves it; empty: the gate serves it
	content []byte
	kind    string // the media type of content
}

const (
	// logoHeight is in CSS pixels.
	logoHeight = 40
	// maxLogo is in bytes. Every visitor who logs in loads the logo.
	maxLogo = 256 << 10
	// maxLogoSide is in pixels.
	maxLogoSide = 4096
)

// ReadLogo takes the address of a picture (https://…) or the name of a file. A file must be PNG, JPEG, GIF,
// WebP or SVG, of at most 256 KiB.
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
		return Logo{}, fmt.Errorf("%q has %d KiB, and everybody who logs in loads it: at most %d KiB", s,
			len(content)>>10, maxLogo>>10)
	}
	return newLogo(s, content)
}

func newLogo(name string, content []byte) (Logo, error) {
	if isSVG(content) {
		return Logo{URL: assetPath("logo", ".svg", content), content: content, kind: "image/svg+xml"}, nil
	}
	kind := http.DetectContentType(content)
	extension, ok := map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif",
		"image/webp": ".webp"}[kind]
	if !ok {
		return Logo{}, fmt.Errorf("%q is no picture: it has to be PNG, JPEG, GIF, WebP or SVG", name)
	}
	l := Logo{URL: assetPath("logo", extension, content), content: content, kind: kind}
	if kind == "image/webp" {
		return l, nil // the standard library does not decode WebP
	}
	c, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err == nil && (c.Width == 0 || c.Height == 0 || c.Width > maxLogoSide || c.Height > maxLogoSide) {
		return Logo{}, fmt.Errorf("%q has %d × %d pixels: at least 1 and at most %d on each side", name,
			c.Width, c.Height, maxLogoSide)
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

// isSVG reports whether content is one complete svg element. Entities and encodings are not checked.
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
