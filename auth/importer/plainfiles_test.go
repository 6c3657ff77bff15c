package importer_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// People of a file are never remembered as those of another source.
func TestNamesOfSystems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	for name, fault := range map[string]string{"authjs": "another source", "Better-Auth": "another source",
		"fallback": "another source", "csv": "another source", "authjs ticket": "takes 1 to 64", "a\nb": "takes 1 to 64",
		"shop": ""} {
		for _, from := range []importer.Source{importer.JSON{File: file(t, `{"id":"1","email":"a@example.com"}`), From: name},
			importer.CSV{File: file(t, "id,email\n1,a@example.com\n"), From: name}} {
			_, err := w.store.Import(t.Context(), from, importer.Options{DryRun: true})
			if (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

// The sample of the page can be imported as it stands there.
func TestTheSampleOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/move-in/files.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(string(page), "\n```json\n")
	sample, _, _ = strings.Cut(sample, "\n```\n")
	w := newWorld(t, ``)
	if counts, told := w.run(t, importer.JSON{File: file(t, sample)}); counts.Created != 3 || !counts.Whole() {
		t.Errorf("%+v, %q", counts, told)
	}
	counts, told := w.run(t, importer.JSON{File: file(t, "{\n\"id\":\"9\",\n\"email\":\"x@example.com\"}\n")})
	if counts.Created != 0 || !strings.Contains(strings.Join(told, "\n"), "one line is one object") {
		t.Errorf("an object over several lines: %+v, %q", counts, told)
	}
}

// Somebody with accounts without end takes no memory without end: they are refused while they are read.
func TestAccountsHaveABound(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	w.old(t, `INSERT INTO account
		SELECT 'n' || n, 'n' || n, CASE WHEN n > 3000 THEN 'microsoft' ELSE 'github' END, 'Ada1', NULL
	    FROM generate_series(1, 6000) n`)
	counts, told := w.run(t, w.betterAuth())
	if counts.Refused != 1 || !strings.Contains(strings.Join(told, "\n"), "has more than 1000 accounts at providers") {
		t.Errorf("%+v, %.2000q", counts, told)
	}
}

// Whom Django has without a password comes without one.
func TestDjangosUnusablePasswords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	counts, told := w.run(t, importer.JSON{File: file(t, `{"id":"1","email":"a@example.com","password":"!vNc8QxW1"}`)})
	if counts.Created != 1 || !counts.Whole() {
		t.Errorf("%+v, %q", counts, told)
	}
}
