package preview

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

// a gallery with a directory of overrides.
type fixture struct {
	*studio
	*httptest.Server
	dir string
}

func newFixture(t *testing.T, env ...string) fixture {
	t.Helper()
	dir := t.TempDir()
	f := fixture{studio: newStudio(append([]string{"GATEPOST_OVERRIDES=" + dir}, env...)), dir: dir}
	f.save(t, "messages/en.json", `{"login.title": "Come in"}`)
	f.look(t.Context())
	f.Server = httptest.NewServer(f.handler())
	t.Cleanup(f.Close)
	return f
}

func (f fixture) save(t *testing.T, name, content string) {
	t.Helper()
	file := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) get(t *testing.T, path string) (status int, h http.Header, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.do(t, r)
}

func (f fixture) do(t *testing.T, r *http.Request) (status int, h http.Header, body string) {
	t.Helper()
	answer, err := f.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(content)
}

var framed = regexp.MustCompile(`<iframe src="([^"]+)"`)

// Every frame of the gallery has its page, in the language and look that were chosen.
func TestTheGalleryShowsEveryPageAndMail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	status, h, body := f.get(t, "/?lang=ar&look=dark&width=320")
	frames := framed.FindAllStringSubmatch(body, -1)
	if status != 200 || len(frames) < 150 || !strings.Contains(h.Get("Content-Security-Policy"), "frame-src 'self'") {
		t.Fatalf("%d, %d frames: %s", status, len(frames), body)
	}
	for _, frame := range frames {
		path := strings.ReplaceAll(frame[1], "&amp;", "&")
		status, h, body := f.get(t, path)
		policy := h.Get("Content-Security-Policy")
		if status != 200 || !strings.Contains(body, `lang="ar" dir="rtl"`) || !strings.Contains(body, `content="dark"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
		for _, wrong := range []string{"allow-forms", "allow-top-navigation", "allow-popups"} {
			if !strings.Contains(policy, "sandbox allow-") || strings.Contains(policy, wrong) {
				t.Errorf("%s: the policy is %q", path, policy)
			}
		}
	}
	if _, _, body := f.get(t, "/mail/reset?lang=en&mail=text"); !strings.HasPrefix(body, "Hello Ada Lovelace,\n") {
		t.Errorf("the text of a mail: %s", body)
	}
}

// Nothing that a page leads to does anything.
func TestThePreviewIsNoGate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range []string{"/login", "/account", "/api/auth/get-session", "/signup"} {
		if status, h, body := f.get(t, path); status != http.StatusNoContent || body != "" || h["Set-Cookie"] != nil {
			t.Errorf("%s: %d %v %s", path, status, h, body)
		}
	}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/login", strings.NewReader("email=a"))
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := f.do(t, post); status != http.StatusNoContent {
		t.Errorf("a form: %d", status)
	}
	for _, path := range []string{"/page/nonsense", "/mail/nonsense", "/.gatepost/nonsense", "/gallery.html"} {
		if status, _, body := f.get(t, path); status == http.StatusOK {
			t.Errorf("%s: %s", path, body)
		}
	}
	other, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	other.Host = "elsewhere.example"
	if status, _, _ := f.do(t, other); status != http.StatusForbidden {
		t.Errorf("a name of another site: %d", status)
	}
}

// What is saved shows, what is wrong with it stands above the pages from before, with file and line.
func TestWhatIsSavedShows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() { f.watch(ctx); close(watched) }()
	t.Cleanup(func() { stop(); <-watched })
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	events, err := f.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	lines := bufio.NewScanner(events.Body)
	next := func() string {
		for lines.Scan() {
			if version, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return version
			}
		}
		t.Fatalf("the events ended: %v", lines.Err())
		return ""
	}
	if _, _, body := f.get(t, "/"); !strings.Contains(body, `data-version="`+next()+`"`) {
		t.Errorf("the gallery is of another version than its events: %s", body)
	}
	// until waits for the version that shows something. A file may be seen while it is being written.
	until := func(path, want string) string {
		for {
			next()
			if _, _, body := f.get(t, path); strings.Contains(body, want) {
				return body
			}
		}
	}
	f.save(t, "messages/en.json", "{\"login.title\": \"Enter\"}")
	until("/page/login-plain", "<h1>Enter</h1>")
	f.save(t, "templates/login.html", "{{define \"content\"}}\n\n{{.Nothing}}{{end}}")
	broken := until("/", `class="faults"`)
	if !strings.Contains(broken, "GATEPOST_OVERRIDES: template: login.html:3") || !strings.Contains(broken, "<iframe") {
		t.Errorf("the gallery does not say what is wrong, above the pages from before: %s", broken)
	}
	if _, _, body := f.get(t, "/page/login-plain"); !strings.Contains(body, "<h1>Enter</h1>") {
		t.Errorf("the page from before is gone: %s", body)
	}
	f.save(t, "templates/login.html", `{{define "content"}}<p>mine</p>{{end}}`)
	until("/page/login-plain", "<p>mine</p>")
	if _, _, body := f.get(t, "/"); strings.Contains(body, `class="faults"`) {
		t.Errorf("the fault is still there: %s", body)
	}
}

// It starts with broken files: they are what it is there for.
func TestAPreviewBeginsWithFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "GATEPOST_ACCENT=yellow")
	status, _, body := f.get(t, "/")
	if status != 200 || !strings.Contains(body, "GATEPOST_ACCENT: &#34;yellow&#34; is not a colour") ||
		!strings.Contains(body, "start the preview again") || strings.Contains(body, "<iframe") {
		t.Errorf("%d: %s", status, body)
	}
	if status, _, _ := f.get(t, "/page/login-plain"); status != http.StatusNotFound {
		t.Errorf("a page that there is not: %d", status)
	}
}

// It says where it is, serves there, and ends with its context, whoever still listens to it.
func TestAPreviewRunsUntilItIsEnded(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error)
	go func() {
		ended <- Run(ctx, Options{Env: []string{"GATEPOST_APP_NAME=Example"}, Listen: "127.0.0.1:0", Stdout: in})
	}()
	said := bufio.NewReader(out)
	line, err := said.ReadString('\n')
	url := regexp.MustCompile(`http://localhost:\d+/`).FindString(line)
	if err != nil || url == "" {
		t.Fatalf("it says %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	f := fixture{Server: httptest.NewServer(nil)} // for its client
	f.URL = strings.TrimSuffix(url, "/")
	defer f.Close()
	if status, _, body := f.get(t, "/page/login-plain"); status != 200 || !strings.Contains(body, "Example") {
		t.Errorf("%d %s", status, body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAPreviewIsForThisMachine(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{":8070": "can be reached from other machines",
		"0.0.0.0:0": "can be reached from other machines", "example.com:80": "can be reached", "8070": "is not host:port",
		"localhost:99999": "has no port number"} {
		err := Run(t.Context(), Options{Listen: address, Stdout: io.Discard})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "--listen: ") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestALookIsForced(t *testing.T) {
	t.Parallel()
	const css = `:root { color-scheme: light dark; } @media (prefers-color-scheme: dark) {} ` +
		`@media (prefers-color-scheme:light) {}`
	for look, want := range map[string]string{"system": css, "": css,
		"dark":  `:root { color-scheme: dark; } @media (min-width: 0) {} @media (max-width: 0) {}`,
		"light": `:root { color-scheme: light; } @media (max-width: 0) {} @media (min-width: 0) {}`} {
		if got := string(recoloured([]byte(css), look)); got != want {
			t.Errorf("%q: %s", look, got)
		}
	}
	const meta = `<meta name="color-scheme" content="light dark">` +
		`<meta name="supported-color-schemes" content="light dark">`
	if got := string(recoloured([]byte(meta), "dark")); got != strings.ReplaceAll(meta, "light dark", "dark") {
		t.Errorf("got %s", got)
	}
}

// The settings that name files are those that are watched.
func TestTheFilesOfTheSettingsAreWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	style := filepath.Join(dir, "own.css")
	if err := os.WriteFile(style, []byte("p{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStudio([]string{"GATEPOST_STYLESHEET=" + style, "GATEPOST_LOGO=https://cdn.example/logo.png"})
	before := s.stampNow(t.Context())
	if err := os.WriteFile(style, []byte("p{color:red}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := s.stampNow(t.Context()); after == before || !strings.Contains(after, "own.css") ||
		strings.Contains(s.watches(), "cdn.example") {
		t.Errorf("%q, and before %q; %s", after, before, s.watches())
	}
	if _, err := config.Load(t.Context(), s.env); err != nil {
		t.Error(err)
	}
}

// Pages and mails call an app without a name the same, and a mail greets by name only where a real one does.
func TestSamplesAreAsRealPagesAndMails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for path, name := range map[string]bool{"/page/login-plain": false, "/mail/verify": false, "/mail/sign-in": true} {
		status, _, body := f.get(t, path)
		if status != http.StatusOK || !strings.Contains(body, sampleName) || strings.Contains(body, "Ada Lovelace") != name {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
