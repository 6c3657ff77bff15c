package e2e

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// byNPM tests that npm publishes with its own token, of Verdaccio's, beside one of the gate's, which something in front
// of it adds: npm sends no header of other people's. Once the gate's is wrong, Verdaccio's is worth nothing, either.
func byNPM(t *testing.T, g *behindGate, p person, own string) {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		missing(t, "there is no npm")
	}
	at, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	token := g.token(t, p.email)
	adds := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(at)
		pr.Out.Host = at.Host
		pr.Out.Header.Set("X-Gatepost-Token", token)
	}})
	defer adds.Close()
	publish := func(version string) (string, error) {
		dir := t.TempDir()
		host := strings.TrimPrefix(adds.URL, "http:")
		for name, text := range map[string]string{
			"package.json": `{"name":"@acme/by-npm","version":"` + version + `"}`,
			".npmrc":       "registry=" + adds.URL + "/\n" + host + "/:_authToken=" + own + "\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(npm, "publish", "--no-audit", "--no-update-notifier", "--fetch-retries=0")
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := publish("1.0.0"); err != nil {
		t.Errorf("npm publish: %v\n%s", err, out)
	}
	if out, err := exec.Command("sh", "-c", `find "$1" -name 'by-npm-1.0.0.tgz'`, "sh", g.dir).Output(); err != nil ||
		len(out) == 0 {
		t.Errorf("Verdaccio has %q, %v", out, err)
	}
	token = token[:len(token)-1] + "-"
	if out, err := publish("1.0.1"); err == nil || !strings.Contains(out, "401") {
		t.Errorf("npm publish with a wrong token of the gate's: %v\n%s", err, out)
	}
}
