package doctor

import (
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
)

// looseSite is a gate that compares names without suffixes, so that it opens the neighbours of an open file.
func looseSite(files ...string) *fakeSite {
	f := newFakeSite()
	strict := f.closed
	f.closed = func(r *http.Request) bool {
		p, _, _ := strings.Cut(r.RequestURI, "?")
		return strict(r) && !slices.ContainsFunc(files, func(file string) bool {
			return path.Ext(p) != "" && strings.TrimSuffix(p, path.Ext(p)) == strings.TrimSuffix(file, path.Ext(file))
		})
	}
	return f
}

func TestAnOpenFileWithOpenNeighbours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"a file at the root", []string{"/favicon.ico"}, []string{"neighbours.open"}},
		{"a file in a folder", []string{"/staff/members.css"}, []string{"neighbours.open"}},
		{"a file beside the protected page", []string{"/dashboard.css"},
			[]string{"spellings.suffixes", "neighbours.open"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := looseSite(c.files...).serve(t, nil)
			config.Named = append(c.files, "/", "/dashboard")
			for _, id := range c.want {
				if r := examine(t, config); !slices.Contains(r.ids(Failed), id) {
					t.Errorf("%s did not fail; what failed is %q", id, r.ids(Failed))
				}
			}
			config.Named, config.Public = nil, c.files[0] // from outside, with the file named on the command line
			wantFailed(t, examine(t, config), false, "neighbours.open")
		})
	}
}

// Open files, pages below an open folder, and files with no protected page beside them are no fault.
func TestOpenFilesWithClosedNeighbours(t *testing.T) {
	t.Parallel()
	f := newFakeSite()
	strict := f.closed
	f.closed = func(r *http.Request) bool {
		p, _, _ := strings.Cut(r.RequestURI, "?")
		open := slices.Contains([]string{"/dashboard.css", "/favicon.ico", "/docs/index.html"}, p)
		return strict(r) && !open && !(strings.HasPrefix(p, "/blog/") && path.Clean(p) == p)
	}
	config := f.serve(t, nil)
	config.Named = []string{
		"/", "/dashboard", "/dashboard.css", "/favicon.ico", "/docs", "/docs/index.html", "/blog/post.html",
	}
	r := examine(t, config)
	if r.Count(Failed)+r.Count(Warning) > 0 || !slices.Contains(r.ids(OK), "neighbours.refused") {
		t.Errorf("failed %q, warnings %q, fine %q", r.ids(Failed), r.ids(Warning), r.ids(OK))
	}
	config.Named, config.Public = nil, "/blog/post.html"
	if r := examine(t, config); !slices.Contains(r.ids(Note), "neighbours.skipped") {
		t.Errorf("there is nothing protected beside, and the notes are %q", r.ids(Note))
	}
}

// An app that does not have the file shows the fault too, as it was asked.
func TestNeighboursThatTheAppDoesNotHave(t *testing.T) {
	t.Parallel()
	f := looseSite("/favicon.ico")
	f.app = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/favicon.ico" && r.URL.Path != "/public" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, "here")
	}
	config := f.serve(t, nil)
	config.Named = []string{"/favicon.ico"}
	r := examine(t, config)
	if !slices.Contains(r.ids(Warning), "neighbours.not-found") || slices.Contains(r.ids(Failed), "neighbours.open") {
		t.Errorf("failed %q, warnings %q", r.ids(Failed), r.ids(Warning))
	}
}

// A page of a role has neighbours that are open to every user.
func TestAPageOfARoleWithNeighboursForEverybody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		loose bool
		want  []string
	}{{"closed", false, nil}, {"open", true, []string{"login.role"}}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSite()
			f.app = func(w http.ResponseWriter, r *http.Request) {
				page := strings.ToLower(path.Clean(r.URL.Path))
				if !c.loose && strings.HasPrefix(page, "/dashboard") || page == "/dashboard" {
					w.WriteHeader(http.StatusForbidden)
				}
			}
			config := f.serve(t, nil)
			config.Email, config.Password = email, password
			r := examine(t, config)
			got := slices.DeleteFunc(r.ids(Failed), func(id string) bool { return id != "login.role" })
			if !slices.Equal(got, c.want) {
				t.Errorf("failed: got %q, want %q", got, c.want)
			}
		})
	}
}

// Every spelling of a path in a rule has the same neighbours.
func TestNeighboursOfAnySpelling(t *testing.T) {
	t.Parallel()
	want := neighbours("/admin")
	for _, of := range []string{"/admin/", "admin", "//admin//"} {
		if got := neighbours(of); !slices.Equal(got, want) {
			t.Errorf("of %s: %q", of, got)
		}
	}
	if got := neighbours("/über"); !slices.Contains(got, "/Über.html") {
		t.Errorf("of /über: %q", got)
	}
	neighbours("/") // must not panic
}
