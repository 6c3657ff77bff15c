package breached_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/breached"
	"github.com/gatepost/gatepost/internal/share"
)

func written(h breached.Hash) string { return strings.ToUpper(hex.EncodeToString(h[:])) }

// lists writes the same passwords down in every way, and opens each. One of them is padding.
func lists(t *testing.T, known, unknown []string) map[string]breached.List {
	t.Helper()
	dir := t.TempDir()
	var lines []string
	for i, p := range known {
		lines = append(lines, fmt.Sprintf("%s:%d", written(breached.HashOf(secret.Password(p))), i+1))
	}
	lines = append(lines, written(breached.HashOf("padding"))+":0")
	slices.Sort(lines)
	all := filepath.Join(dir, "all.txt")
	write(t, all, strings.Join(lines, "\r\n"))
	bare := filepath.Join(dir, "bare.txt")
	write(t, bare, strings.Join(lines, "\n")+"\n")
	ranges := map[string]string{"00000": "", "no range": "x"}
	for _, p := range unknown { // whose ranges a list has too, as it is large
		ranges[written(breached.HashOf(secret.Password(p)))[:5]] += ""
	}
	for _, l := range lines {
		ranges[l[:5]] += l[5:] + "\r\n"
	}
	folder, plain := filepath.Join(dir, "folder"), filepath.Join(dir, "plain")
	for prefix, content := range ranges {
		write(t, filepath.Join(folder, prefix+".txt"), content)
		write(t, filepath.Join(plain, prefix), content)
	}
	filter, other := filepath.Join(dir, "filter"), filepath.Join(dir, "other")
	for to, from := range map[string]string{filter: all, other: folder} {
		if n, err := breached.Make(from, to, 1, 0.001); err != nil || n != len(known) {
			t.Fatalf("the filter has %d entries: %v", n, err)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Add-Padding") != "true" || len(r.URL.Path) != len("/range/00000") {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		fmt.Fprint(w, "0018A45C4D1DEF81644B54AB7F969B88D65:0\r\n"+ranges[strings.TrimPrefix(r.URL.Path, "/range/")])
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL + "/range/")
	if err != nil {
		t.Fatal(err)
	}
	opened := map[string]breached.List{"online": breached.NewService(u)}
	for _, path := range []string{all, bare, folder, plain, filter, other} {
		if opened[filepath.Base(path)], err = breached.Open(path); err != nil {
			t.Fatal(err)
		}
	}
	return opened
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every way to keep the list knows the same passwords. Those of the filter that are not known are few: with one in a
// thousand refused, none of a hundred is likely, and which ones they are does not change from run to run.
func TestEveryListKnowsTheSame(t *testing.T) {
	t.Parallel()
	var known, unknown []string
	for i := range 300 {
		known = append(known, fmt.Sprint("known ", i))
		unknown = append(unknown, fmt.Sprint("unknown ", i))
	}
	unknown = append(unknown[:100], "padding")
	for name, l := range lists(t, known, unknown) {
		t.Run(name, func(t *testing.T) {
			for want, passwords := range map[bool][]string{true: known, false: unknown} {
				for _, p := range passwords {
					if got, err := l.Has(t.Context(), breached.HashOf(secret.Password(p))); err != nil || got != want {
						t.Errorf("%q: %t, want %t (%v)", p, got, want, err)
					}
				}
			}
		})
	}
}

// Passwords are looked up as they are hashed: in NFC.
func TestHashesAreThoseOfTheList(t *testing.T) {
	t.Parallel()
	if got := written(breached.HashOf("password")); got != "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8" {
		t.Errorf("the hash is %s", got)
	}
	if breached.HashOf("Zoe\u0308") != breached.HashOf("Zo\u00eb") {
		t.Error("two spellings of one text differ")
	}
}

// What is no list is not opened, and says why.
func TestWhatIsNoListIsNotOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ content, want string }{
		"nothing":        {"", "neither a list"},
		"a text":         {"password\n123456\n", "neither a list"},
		"a short filter": {"gatepost breached passwords, filter 1\n\x00", "cut short"},
		"an odd filter":  {"gatepost breached passwords, filter 1\n" + strings.Repeat("\xff", 16), "cut short"},
	} {
		path := filepath.Join(dir, "f")
		write(t, path, c.content)
		if _, err := breached.Open(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for path, want := range map[string]string{empty: "no file 00000.txt", filepath.Join(dir, "none"): "no such file"} {
		if _, err := breached.Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := breached.Make(filepath.Join(dir, "f"), filepath.Join(dir, "g"), 1, 0.001); err == nil {
		t.Error("a filter is made of no list")
	}
}

// One network that asks for much keeps nobody else's password from being looked up.
func TestNetworksShareTheService(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 64), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-answer }))
	defer s.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	service := breached.NewService(u)
	from := func(addr string) context.Context {
		return share.FromClient(t.Context(), netip.MustParseAddr(addr))
	}
	var all sync.WaitGroup
	defer all.Wait()
	defer close(answer)
	crowded := make(chan error, 64)
	for range 40 {
		all.Go(func() {
			if _, err := service.Has(from("198.51.100.7"), breached.HashOf("password")); errors.Is(err, share.ErrCrowded) {
				crowded <- err
			}
		})
	}
	<-crowded // there is no room for more of this network
	for len(asked) > 0 {
		<-asked
	}
	all.Go(func() { _, _ = service.Has(from("203.0.113.7"), breached.HashOf("password")) })
	<-asked
}

// A service that gives no answer of use is an error, not an answer.
func TestAServiceThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"an outage":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"a page":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html>\n<p>") },
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) },
		"a fall":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		s := httptest.NewServer(http.HandlerFunc(answer))
		u, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		got, err := breached.NewService(u).Has(t.Context(), breached.HashOf("password"))
		if err == nil || got || strings.Contains(err.Error(), "5BAA6") {
			t.Errorf("%s: %t, %v", name, got, err)
		}
		s.Close()
	}
}
