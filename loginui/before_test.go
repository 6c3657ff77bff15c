package loginui

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatepost/gatepost/auth/mail"
)

// Templates that an operator made of those from before there were providers go on: each alone, and all at once.
func TestTemplatesFromBeforeProvidersStillRender(t *testing.T) {
	t.Parallel()
	all := os.DirFS("testdata/before")
	files, err := fs.Glob(all, "templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	if _, err := newTestUI(t, Brand{Overrides: all}); err != nil {
		t.Errorf("all at once: %v", err)
	}
	for _, file := range files {
		content, err := fs.ReadFile(all, file)
		if err != nil {
			t.Fatal(err)
		}
		one := fstest.MapFS{file: {Data: content}}
		if _, err := newTestUI(t, Brand{Languages: bothWays, Overrides: one}); err != nil {
			t.Errorf("%s: %v", path.Base(file), err)
		}
	}
}

func TestMailWithoutPasswordsDoesNotSpeakOfThem(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	ui.c.PasswordsOff = true
	for _, kind := range mail.Kinds {
		if kind == mail.Reset || kind == mail.Password || kind == mail.Taken { // they are about passwords from before
			continue
		}
		l, err := ui.Compose(aMail(kind, "en"))
		if err != nil || strings.Contains(l.Text, "password") || strings.Contains(l.Text, forgotPath) {
			t.Errorf("%s: %v\n%s", kind, err, l.Text)
		}
	}
}
