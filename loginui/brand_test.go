package loginui

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAnAccentIsReadableOrRefused(t *testing.T) {
	for s, want := range map[string]string{
		"":         "not a colour",
		"blue":     "not a colour",
		"#12345":   "not a colour",
		"#gggggg":  "not a colour",
		"1f5fbf":   "not a colour",
		"#+1+1+1":  "not a colour",
		"#ffcc00":  "a contrast of 1.4 to 1",
		"#fff":     "too little to read",
		"#8ab4f8":  "take a darker one, for example #",
		"#1f5fbf;": "not a colour",
	} {
		if _, err := ParseAccent(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", s, err, want)
		}
	}
	for _, s := range []string{"#1f5fbf", "#000", "#b3261e", "#6d28d9", "#1F5FBF", "#0b7a3e"} {
		a, err := ParseAccent(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if c := a.dark.contrast(darkCard); c < enoughContrast {
			t.Errorf("%s becomes %s on the dark page, with a contrast of %.2f", s, a.dark, c)
		}
		for _, on := range []float64{a.light.contrast(white), a.dark.contrast(black)} {
			if on < enoughContrast {
				t.Errorf("%s: words on a button have a contrast of %.2f", s, on)
			}
		}
	}
	_, err := ParseAccent("#ffcc00")
	_, suggestion, _ := strings.Cut(err.Error(), "for example ")
	if _, err := ParseAccent(suggestion); err != nil {
		t.Errorf("the suggestion is refused: %v", err)
	}
	if c := white.contrast(black); math.Abs(c-21) > 1e-9 {
		t.Errorf("white on black has %v", c)
	}
}

func TestALogoIsAPicture(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	picture := image.NewGray(image.Rect(0, 0, 120, 60))
	picture.SetGray(1, 1, color.Gray{200})
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		t.Fatal(err)
	}
	l, err := ReadLogo(file("logo.png", encoded.Bytes()))
	if err != nil || l.Width != 80 || !strings.HasPrefix(l.URL, "/.gatepost/logo-") ||
		!strings.HasSuffix(l.URL, ".png") {
		t.Errorf("got %+v, %v", l.URL, err)
	}
	if l, err := ReadLogo(file("logo.svg",
		[]byte("<?xml version=\"1.0\"?>\n<!-- x --><svg xmlns=\"http://www.w3.org/2000/svg\"/>"))); err != nil ||
		!strings.HasSuffix(l.URL, ".svg") {
		t.Errorf("got %+v, %v", l.URL, err)
	}
	if l, err := ReadLogo("https://cdn.example:8443/a/logo.svg?v=2"); err != nil ||
		l.URL != "https://cdn.example:8443/a/logo.svg?v=2" || l.origin != "https://cdn.example:8443" {
		t.Errorf("got %+v, %v", l, err)
	}
	for s, want := range map[string]string{
		filepath.Join(dir, "missing.png"): "cannot read",
		dir:                               "directory",
		file("page.svg", []byte("<html><svg/></html>")):                     "is no picture",
		file("text.png", []byte("hello")):                                   "is no picture",
		file("empty.png", nil):                                              "is no picture",
		file("cut.svg", []byte("<svg><g>")):                                 "is no picture",
		file("head.png", encoded.Bytes()[:40]):                              "broken picture",
		file("flat.gif", []byte("GIF89a\x10\x00\x00\x00\x00\x00\x00;")):     "16 × 0 pixels",
		"https://*/logo.svg":                                                "is not an address",
		file("cut.png", encoded.Bytes()[:12]):                               "broken picture",
		file("huge.svg", append([]byte("<svg>"), make([]byte, 300<<10)...)): "at most 256 KiB",
		"http://cdn.example/logo.svg":                                       "is not an address like https://",
		"https://ada:secret@cdn.example/logo.svg":                           "is not an address",
		"https://x; script-src 'unsafe-inline'/":                            "is not an address",
		"https://":                                                          "is not an address",
	} {
		if _, err := ReadLogo(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", s, err, want)
		}
	}
}

func TestAnOperatorsTemplates(t *testing.T) {
	t.Parallel()
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	ui, err := newTestUI(t, Brand{Overrides: fstest.MapFS{
		"templates/message.html": file(`{{define "content"}}<p>Oh. {{.Text}}</p>{{end}}`),
	}})
	if err != nil || ui.pages["message"].Lookup("content") == nil {
		t.Errorf("one of ours replaced: %v", err)
	}
	for name, c := range map[string]struct{ file, content, want string }{
		"does not parse":       {"login.html", "{{define \"content\"}}\n{{if}}\n{{end}}", "login.html:2"},
		"is not closed":        {"signup.html", "{{define \"content\"}}\n\n{{.Title", "signup.html:3"},
		"is not there":         {"logn.html", "", "templates/logn.html: there is no template of this name"},
		"asks for what is not": {"account.html", "{{define \"content\"}}\n\n{{.Sesions}}{{end}}", "account.html:3"},
		"says what is not": {"login.html", "{{define \"content\"}}\n{{.Say \"no.such\"}}{{end}}",
			`login.html:2:2: executing "content" at <.Say>: error calling Say: there is no message "no.such"`},
		"has no content": {"login.html", "<p>hello</p>", `templates/login.html: it has to {{define "content"}}`},
		"fails in one state": {"form.html", "{{define \"content\"}}{{if not .Failed}}{{.Nope}}{{end}}{{end}}",
			"form.html:1"},
		"cannot be escaped": {"message.html", "{{define \"content\"}}<a href='{{if .Text}}x'{{end}}>{{end}}",
			"message.html:1"},
	} {
		own := fstest.MapFS{"templates/" + c.file: file(c.content)}
		_, err := newTestUI(t, Brand{Languages: bothWays, Overrides: own})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a template that %s: got %v, want %s", name, err, c.want)
		}
	}
}
