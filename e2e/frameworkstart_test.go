package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// pasted is an app into which snippets of docs/frameworks.md are pasted.
type pasted struct {
	*behindGate
	section string // of docs/frameworks.md
}

// serve runs the app until the test ends.
func (f framework) serve(t *testing.T) *pasted {
	t.Helper()
	if out, err := exec.Command("sh", "-c", f.needs).CombinedOutput(); err != nil {
		missing(t, f.name+" cannot run here: "+f.needs+"\n"+string(out))
	}
	page, err := os.ReadFile("../docs/frameworks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## "+f.name+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	p := &pasted{&behindGate{t: t, dir: t.TempDir(), port: freePort(t)}, section}
	f.start(p)
	return p
}

// snippet is the indented text, or the text between backticks, that has this line, or these words, in it.
func (p *pasted) snippet(words string) string {
	p.t.Helper()
	for _, block := range indented.FindAllString(p.section, -1) {
		if strings.Contains(block, words) {
			return strings.TrimLeft(strings.ReplaceAll(block, "\n    ", "\n"), "\n") + "\n"
		}
	}
	inline := regexp.MustCompile("`([^`]*" + regexp.QuoteMeta(words) + "[^`]*)`").FindStringSubmatch(p.section)
	if inline == nil {
		p.t.Fatalf("docs/frameworks.md has no %q", words)
	}
	return inline[1]
}

var indented = regexp.MustCompile(`(?:\n+    .*)+`)

// command is the line of the page that has these words in it, without what follows it in the line.
func (p *pasted) command(words string) string {
	p.t.Helper()
	for line := range strings.Lines(p.snippet(words)) {
		if line, _, _ := strings.Cut(line, " # "); strings.Contains(line, words) {
			return strings.TrimSpace(line)
		}
	}
	p.t.Fatalf("docs/frameworks.md has no %q in one line", words)
	return ""
}

// paste puts a snippet, or other text, into a file of the app, in the place of what matches.
func (p *pasted) paste(file, pattern, text string) {
	p.t.Helper()
	before, err := os.ReadFile(p.dir + "/" + file)
	place := regexp.MustCompile(pattern).FindIndex(before)
	if err != nil || place == nil {
		p.t.Fatalf("no %s in %s: %v\n%s", pattern, file, err, before)
	}
	p.write(file, string(before[:place[0]])+text+string(before[place[1]:]))
}

// copy copies a file of frameworks/ into the app.
func (p *pasted) copy(from, to string) {
	p.t.Helper()
	text, err := os.ReadFile("frameworks/" + from)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(to, string(text))
}

// runs runs the app with the command of the page, on a port of its own.
func (p *pasted) runs(command string) {
	p.t.Helper()
	cmd := exec.Command("sh", "-c", "exec "+command)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "HOME="+p.dir, "PORT="+p.port)
	p.launch(command, cmd, func() bool { return reachable("127.0.0.1:" + p.port) })
	if reachable("127.0.0.2:" + p.port) {
		p.t.Errorf("%s listens on more than 127.0.0.1", command)
	}
}

// before returns a reader of a gate with the settings of the page in front of the app. An https public URL is that of a
// proxy that ends TLS.
func (p *pasted) before(t *testing.T, public string) inFrameworks {
	t.Helper()
	_, database := newDatabase(t)
	settings := []string{"GATEPOST_SIGNUP_LIMIT=0", "DATABASE_URL=" + database}
	for word := range strings.FieldsSeq(p.command("bin/gatepost serve")) {
		if name, _, isSetting := strings.Cut(word, "="); isSetting && name != "GATEPOST_UPSTREAM" {
			settings = append(settings, word)
		}
	}
	settings = append(settings, "GATEPOST_UPSTREAM=http://127.0.0.1:"+p.port)
	if public != "" {
		settings = append(settings, "GATEPOST_PUBLIC_URL="+public, "GATEPOST_TRUSTED_PROXIES=127.0.0.0/8, ::1")
	}
	gate, err := startGateway(exec.Command(site.cmd.Path, "serve"), site.dir, serving, settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gate.stop(); err != nil {
			t.Error(err)
		}
		if err := gate.failures(); err != nil {
			t.Error(err)
		}
	})
	r := newReaderOf(t, gate)
	if public != "" {
		r.client.Transport = endsTLS{regexp.MustCompile(`listen=(\S+)`).FindStringSubmatch(gate.out.String())[1]}
	}
	return inFrameworks{r}
}

// endsTLS sends requests as a proxy does that ends TLS before a gate at an address.
type endsTLS struct{ gate string }

func (p endsTLS) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = "http", p.gate
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-For", "192.0.2.1")
	return http.DefaultTransport.RoundTrip(r)
}

// django makes a site as its tutorial does. The page's settings stand below those that it comes with.
func django(p *pasted) {
	const python = "/usr/bin/python3"
	p.shell(python + ` -m django startproject mysite .`)
	p.write("mysite/gate.py", p.snippet("class GateMiddleware"))
	middleware, others, _ := strings.Cut(p.snippet("MIDDLEWARE = ["), "]\n")
	lines := strings.Split(strings.ReplaceAll(middleware, "…", ""), "\n")
	p.paste("mysite/settings.py", ` *['"]django\.contrib\.auth\.middleware\.AuthenticationMiddleware['"],\n`,
		strings.Join(lines[1:], "\n"))
	p.paste("mysite/settings.py", `$`, others)
	p.paste("mysite/settings.py", `['"]DIRS['"]: \[\]`, `"DIRS": [BASE_DIR]`)
	p.copy("django/urls.py", "mysite/urls.py")
	p.copy("django/page.html", "page.html")
	p.shell(python + ` manage.py migrate`)
	command := p.command("manage.py runserver")
	p.runs(strings.Replace(strings.Replace(command, "python ", python+" ", 1), ":8000", ":"+p.port+" --noreload", 1))
}

// rails makes an app as its guides do, of the gems that Debian has.
func rails(p *pasted) {
	p.shell(`rails new blog --minimal --skip-bundle --skip-git --database=sqlite3`)
	p.dir += "/blog"
	p.write("Gemfile", "gem 'rails'\ngem 'sqlite3'\ngem 'puma'\n")
	p.shell(`sed -i s/EventedFileUpdateChecker/FileUpdateChecker/ config/environments/development.rb`) // needs no gem
	p.paste("config/environments/development.rb", `configure do\n`, "configure do\n"+p.snippet("config.hosts <<")+"\n")
	p.write("app/controllers/application_controller.rb", p.snippet("class ApplicationController"))
	p.copy("rails/pages_controller.rb", "app/controllers/pages_controller.rb")
	p.copy("rails/page.html.erb", "app/views/pages/page.html.erb")
	p.write("app/views/layouts/application.html.erb", "<%= yield %>\n")
	p.copy("rails/routes.rb", "config/routes.rb")
	p.shell(p.command("bin/rails generate model User") + "\n" + p.command("bin/rails db:migrate"))
	p.runs(p.command("bin/rails server"))
}
