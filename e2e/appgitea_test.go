package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Gitea takes an hour to build, so that it has a command of its own: make gitea.
func TestGiteaBehindTheGate(t *testing.T) {
	if os.Getenv("E2E_GITEA") == "" {
		t.Skip("E2E_GITEA is not set")
	}
	needBrowser(t)
	knownApp{preset: "gitea", needs: `"$E2E_GITEA" --version && ls "$E2E_GITEA_SOURCE/templates"`,
		page: "/user/settings", names: fullName, closed: []string{"/user/login", "/user/sign_up"},
		logout: "/user/logout", start: gitea, programs: repositories}.walk(t)
}

func gitea(g *behindGate) *exec.Cmd {
	database, _ := newDatabase(g.t)
	_, socket := site.postgres(g.t)
	config := g.write("app.ini", g.file("/etc/gitea/app.ini")+`
[server]
HTTP_PORT = `+g.port+`
STATIC_ROOT_PATH = `+os.Getenv("E2E_GITEA_SOURCE")+`
[database]
DB_TYPE = postgres
HOST = `+socket+`
NAME = `+database+`
USER = gatepost
[security]
INSTALL_LOCK = true
[log]
LEVEL = Critical
`)
	return g.giteaCommand("web", "--config", config)
}

func (g *behindGate) giteaCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Getenv("E2E_GITEA"), args...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "GITEA_WORK_DIR="+g.dir, "HOME="+g.dir, "GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT=true")
	return cmd
}

// repositories tests that git comes with a token of Gitea's, to what everybody may read there, too, and nobody without.
func repositories(t *testing.T, g *behindGate, b *browserOf) {
	user := b.username
	out, err := g.giteaCommand("admin", "user", "generate-access-token", "--config", filepath.Join(g.dir, "app.ini"),
		"--username", user, "--scopes", "all", "--raw").Output()
	if err != nil {
		t.Fatalf("a token: %v\n%s", err, out)
	}
	lines := strings.Fields(string(out)) // the log comes first
	token := lines[len(lines)-1]
	if status, text := g.get(t, "POST", "/api/v1/user/repos", `{"name":"notes","auto_init":true}`,
		"Content-Type: application/json", "Authorization: token "+token); status != 201 {
		t.Fatalf("a repository: %d %s", status, text)
	}
	at := strings.Replace(g.url, "://", "://"+user+":"+token+"@", 1) + "/" + user + "/notes.git"
	g.shell(`git clone --quiet "$1" notes; cd notes; echo hello > hello; git add hello
		git -c user.name=Z -c user.email=z@example.com commit --quiet -m hello; git push --quiet`, at)
	for _, header := range []string{"", "Authorization: Basic bWFsbG9yeTp4", "X-WEBAUTH-USER: " + user} {
		for _, path := range []string{"/" + user + "/notes.git/info/refs?service=git-upload-pack", "/api/v1/user"} {
			lines := []string{"Accept: */*"}
			if header != "" {
				lines = append(lines, header)
			}
			if status, text := g.get(t, "GET", path, "", lines...); status != 401 && status != 403 || fromTheGate(text) {
				t.Errorf("%s with %q: %d %s", path, header, status, text)
			}
		}
	}
}
