package doctor

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// served is what a site serves at each path.
type served map[string]string

// showing is a site whose app serves pages, and of which some more paths are open.
func showing(pages served, open ...string) *fakeSite {
	f := newFakeSite()
	strict := f.closed
	f.closed = func(r *http.Request) bool { return strict(r) && !slices.Contains(open, r.RequestURI) }
	f.app = func(w http.ResponseWriter, r *http.Request) {
		text, ok := pages[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, text)
	}
	return f
}

func TestFilesThatBrowsersFetchWithoutCookies(t *testing.T) {
	t.Parallel()
	const register = `navigator.serviceWorker.register("/sw.js", { scope: "/", type: "module" })`
	for _, c := range []struct {
		name, head string
		more       served
		open       []string
		want       []string // the ids of warnings
		fine       bool
	}{
		{"none", ``, nil, nil, nil, false},
		{"a manifest", `<link rel="manifest" href="/manifest.json">`, nil, nil, []string{"cookieless.manifest"}, false},
		{"an open manifest", `<link rel=manifest href=/manifest.json>`, served{"/manifest.json": "{}"},
			[]string{"/manifest.json"}, nil, true},
		{"a manifest with credentials", `<link crossorigin='use-credentials' rel='manifest' href='/manifest.json'>`, nil, nil,
			nil, false},
		{"a manifest elsewhere", `<link rel="manifest" href="https://cdn.example/manifest.json">`, nil, nil, nil, false},
		{"a relative one", `<LINK HREF="app.webmanifest" REL="Manifest">`, nil, nil, []string{"cookieless.manifest"}, false},
		{"icons", `<link rel="shortcut icon" href="/i.png?a=1&amp;b"><link rel="apple-touch-icon" href="/j.png">` +
			`<link rel="stylesheet" href="/x.css">`, nil, nil, []string{"cookieless.icon", "cookieless.icon"}, false},
		{"the script of a worker", "<script>" + register + "</script>", nil, nil, []string{"cookieless.worker"}, false},
		{"a minified one", `<script>n.serviceWorker.register('/sw.js',{type:'module'})</script>`, nil, nil,
			[]string{"cookieless.worker"}, false},
		{"one in another script", `<script type="module" src="/public/app"></script>`, served{"/public/app": register}, nil,
			[]string{"cookieless.worker"}, false},
		{"a classic one", `<script>navigator.serviceWorker.register("/sw.js")</script>`, nil, nil, nil, false},
		{"an open one", "<script>" + register + "</script>", served{"/sw.js": "x"}, []string{"/sw.js"}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pages := served{"/": "x", "/public": "<title>App</title>" + c.head}
			for p, text := range c.more {
				pages[p] = text
			}
			config := showing(pages, c.open...).serve(t, nil)
			config.OpenedBy = func(p string) string { return "RULE " + p }
			r := examine(t, config)
			var got []string
			for _, f := range r {
				if f.Check != "cookieless" || f.Level != Warning {
					continue
				}
				if got = append(got, f.ID); f.Why == "" || !strings.Contains(f.Cure, "Add RULE /") {
					t.Errorf("%+v does not say everything", f)
				}
			}
			if !slices.Equal(got, c.want) || slices.Contains(r.ids(OK), "cookieless.open") != c.fine {
				t.Errorf("warnings: got %q, want %q; fine: %q", got, c.want, r.ids(OK))
			}
			wantFailed(t, r, true)
		})
	}
}

// Signed in, the protected page is looked at too, with the scripts that only its visitors may read.
func TestFilesOfAProtectedPage(t *testing.T) {
	t.Parallel()
	config := showing(served{"/": "x", "/public": "x", "/dashboard": `<script src="/app.js"></script>`,
		"/app.js": "navigator.serviceWorker.register('sw.js', {type: `module`})"}).serve(t, nil)
	config.Email, config.Password = email, password
	if r := examine(t, config); !slices.Contains(r.ids(Warning), "cookieless.worker") {
		t.Errorf("warnings: %q", r.ids(Warning))
	}
}

// The usual names are refused on a site that protects everything, which is no fault.
func TestUsualNamesAreANote(t *testing.T) {
	t.Parallel()
	config := newFakeSite().serve(t, nil)
	if r := examine(t, config); !slices.Contains(r.ids(Note), "cookieless.usual") {
		t.Errorf("notes: %q", r.ids(Note))
	}
	config = showing(served{"/": "x", "/public": "x"}, usualFiles...).serve(t, nil)
	if r := examine(t, config); slices.Contains(r.ids(Note), "cookieless.usual") {
		t.Errorf("notes: %q", r.ids(Note))
	}
}

// A page with many files costs few requests.
func TestAPageWithManyFiles(t *testing.T) {
	t.Parallel()
	var head strings.Builder
	for i := range 100 {
		fmt.Fprintf(&head, `<link rel="icon" href="/%d.png"><script src="/%d.js"></script>`, i, i)
	}
	r := examine(t, showing(served{"/": "x", "/public": head.String()}).serve(t, nil))
	icons := slices.DeleteFunc(r.ids(Warning), func(id string) bool { return id != "cookieless.icon" })
	if len(icons) != maxFiles {
		t.Errorf("%d files", len(icons))
	}
}
