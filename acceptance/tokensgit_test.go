package acceptance_test

import (
	"bytes"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// gitServer serves the repositories of a folder by git http-backend, which takes whoever reaches it for somebody who
// may push. It notes what reaches it of credentials.
func gitServer(t *testing.T, folder string, saw *logBuffer) (url string) {
	t.Helper()
	where, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		missing(t, "needs git")
	}
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(where)), "git-http-backend"), Root: "/git",
		Env: []string{"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=gate"}}
	if _, err := os.Stat(backend.Path); err != nil {
		missing(t, "needs git http-backend")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = saw.Write([]byte(r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Auth-Email") + " " +
			r.Header.Get("Authorization") + r.Header.Get("X-Gatepost-Token") + "\n"))
		backend.ServeHTTP(w, r)
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}

// workplace runs programs as somebody who has no settings of their own.
type workplace struct {
	t   *testing.T
	dir string
}

func (w workplace) run(name string, args ...string) (out string, err error) {
	w.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = w.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.com"}
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err = cmd.Run()
	return all.String(), err
}

func (w workplace) must(name string, args ...string) string {
	w.t.Helper()
	out, err := w.run(name, args...)
	if err != nil {
		w.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

// Git clones and pushes over Basic, as it does with other hosts: it sends nothing before it is asked.
func TestGitClonesAndPushesWithAToken(t *testing.T) {
	t.Parallel()
	home, saw := workplace{t, t.TempDir()}, &logBuffer{}
	home.must("git", "init", "--bare", "-q", "-b", "main", "repos/thing.git")
	home.must("git", "-C", "repos/thing.git", "config", "http.receivepack", "true")
	url := authtest.NewDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+gitServer(t, filepath.Join(home.dir, "repos"), saw),
		"GATEPOST_PROTECT=/", "GATEPOST_TOKENS=/git")
	g.visitor(t).signUp("ada@example.com")
	l := &lane{running: g, database: url}
	m := l.makeToken(t, "ada@example.com", "git", "--rules", "/git")
	at := func(user string) string {
		return strings.Replace(g.url, "http://", "http://"+user+"@", 1) + "/git/thing.git"
	}
	for _, user := range []string{"ada:" + m.Token, m.Token + ":x-oauth-basic", m.Token + ":"} {
		home.must("rm", "-rf", "work")
		home.must("git", "clone", "-q", at(user), "work")
		home.must("git", "-C", "work", "commit", "-q", "--allow-empty", "-m", "one more")
		home.must("git", "-C", "work", "push", "-q", "origin", "HEAD:main")
	}
	if n := strings.TrimSpace(home.must("git", "-C", "repos/thing.git", "rev-list", "--count", "main")); n != "3" {
		t.Errorf("%s commits have arrived", n)
	}
	log := saw.String()
	if strings.Contains(log, "gpt_") || strings.Contains(log, "Basic") || !strings.Contains(log,
		"POST /git/thing.git/git-receive-pack ada@example.com \n") {
		t.Errorf("the app saw\n%s", log)
	}
	if strings.Contains(g.log.String(), m.Token) {
		t.Error("the gate's log has the token")
	}
	l.operate(t, "token", "revoke", m.ID)
	eventually(t, "a revoked token is refused", func() bool { // within a second: TestARevokedTokenIsOverEverywhere
		_, err := home.run("git", "ls-remote", at("ada:"+m.Token))
		return err != nil
	})
	if out, err := home.run("git", "ls-remote", at("ada:"+password)); err == nil {
		t.Errorf("a password: %s", out)
	}
	if out, err := home.run("git", "ls-remote", g.url+"/git/thing.git"); err == nil ||
		!strings.Contains(out, "terminal prompts disabled") { // it was asked for a name and a password
		t.Errorf("without a token: %s", out)
	}
}

// curl presents a token in each way.
func TestCurlPresentsAToken(t *testing.T) {
	t.Parallel()
	home := workplace{t, t.TempDir()}
	if _, err := exec.LookPath("curl"); err != nil {
		missing(t, "needs curl")
	}
	a, url := newApp(t), authtest.NewDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+a.url, "GATEPOST_PROTECT=/", "GATEPOST_TOKENS=/api")
	g.visitor(t).signUp("ada@example.com")
	l := &lane{running: g, database: url}
	m := l.makeToken(t, "ada@example.com", "curl")
	for _, args := range [][]string{{"-u", "ada:" + m.Token}, {"-u", m.Token + ":"}, {"--oauth2-bearer", m.Token},
		{"-H", "Authorization: Bearer " + m.Token}, {"-H", "X-Gatepost-Token: " + m.Token},
		{"--anyauth", "-u", "ada:" + m.Token}} {
		out := home.must("curl", append([]string{"-sS", "-w", " %{http_code}", g.url + "/api/x"}, args...)...)
		if !strings.Contains(out, `for "ada@example.com"`) || !strings.HasSuffix(out, " 200") {
			t.Errorf("%q: %s", args, out)
		}
	}
}
