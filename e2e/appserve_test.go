package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// behindGate is a gate in front of an app, with the settings of a preset.
type behindGate struct {
	*gateway
	t        *testing.T
	settings map[string]string // of the gate
	files    []presetFile      // what the preset sets in the app
	dir      string            // the app's
	port     string            // where the app is to listen
	database string            // address of the gate's
}

// presetFile is a part of a preset about the app: where it belongs, and the text.
type presetFile struct{ where, text string }

// serve runs the app and a gate in front of it until the test ends.
func (app knownApp) serve(t *testing.T) *behindGate {
	t.Helper()
	if out, err := exec.Command("sh", "-c", app.needs).CombinedOutput(); err != nil {
		missing(t, app.preset+" cannot run here: "+app.needs+"\n"+string(out))
	}
	g := &behindGate{t: t, dir: t.TempDir(), port: freePort(t)}
	_, g.database = newDatabase(t)
	g.read(app.preset)
	settings := []string{"GATEPOST_SIGNUP_LIMIT=0", "DATABASE_URL=" + g.database}
	for name, value := range g.settings {
		settings = append(settings, name+"="+value)
	}
	settings = append(settings, app.more...)
	var err error
	g.gateway, err = startGateway(exec.Command(site.cmd.Path, "serve"), site.dir, serving, settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(g.stop(), g.failures()); err != nil {
			t.Error(err)
		}
	})
	public := regexp.MustCompile(`https://[a-z]+\.example\.com`)
	for i, f := range g.files {
		g.files[i].text = public.ReplaceAllString(f.text, g.url)
	}
	g.run(app)
	return g
}

// read reads what `gatepost preset` prints. The app gets a port of its own.
func (g *behindGate) read(preset string) {
	g.t.Helper()
	out, err := exec.Command(site.cmd.Path, "preset", preset).Output()
	if err != nil {
		g.t.Fatal(err)
	}
	upstream := regexp.MustCompile(`GATEPOST_UPSTREAM=http://127\.0\.0\.1:(\d+)`).FindStringSubmatch(string(out))
	text := regexp.MustCompile(`\b`+upstream[1]+`\b`).ReplaceAllString(string(out), g.port)
	g.settings = map[string]string{}
	var file *presetFile
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		where, isFile := strings.CutSuffix(line, ":")
		switch {
		case isFile && (strings.HasPrefix(where, "# In ") || strings.HasPrefix(where, "# On ")):
			g.files = append(g.files, presetFile{where: where[5:]})
			file = &g.files[len(g.files)-1]
		case file != nil:
			file.text += strings.TrimPrefix(strings.TrimPrefix(line, "#"), "     ") + "\n"
		case line != "" && line[0] != '#':
			name, value, _ := strings.Cut(line, "=")
			g.settings[name] = strings.Trim(value, `"`)
		}
	}
}

// file is what the preset sets in a file of the app.
func (g *behindGate) file(name string) string {
	g.t.Helper()
	for _, f := range g.files {
		if strings.HasSuffix(f.where, name) {
			return f.text
		}
	}
	g.t.Fatalf("the preset has no %s", name)
	return ""
}

// write writes a file for the app, and returns its path.
func (g *behindGate) write(name, text string) string {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	if err != nil {
		g.t.Fatal(err)
	}
	return path
}

// shell runs commands in the app's folder.
func (g *behindGate) shell(script string, args ...string) string {
	g.t.Helper()
	cmd := exec.Command("sh", append([]string{"-ec", script, "sh"}, args...)...)
	cmd.Dir = g.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// run runs the app, in a process group of its own, until the test ends.
func (g *behindGate) run(app knownApp) {
	g.t.Helper()
	cmd := app.start(g)
	cmd.Dir = g.dir
	cmd.Env = append(cmd.Environ(), "HOME="+g.dir)
	g.launch(app.preset, cmd, func() bool { return reachable("127.0.0.1:" + g.port) })
	if reachable("127.0.0.2:" + g.port) {
		g.t.Error("the app listens on more than 127.0.0.1")
	}
}

func (g *behindGate) launch(name string, cmd *exec.Cmd, up func() bool) {
	g.t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p, err := startProgram(name, cmd)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // fails if all have ended
		select {
		case <-p.ended:
		case <-time.After(10 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-p.ended
		}
		if g.t.Failed() {
			g.t.Logf("what %s wrote:\n%s", name, p.out)
		}
	})
	if err := p.wait(up); err != nil {
		g.t.Fatal(err)
	}
}

// invite returns the link that lets somebody sign up.
func (g *behindGate) invite(t *testing.T, p person) string {
	t.Helper()
	cmd := exec.Command(site.cmd.Path, "user", "invite", p.email, "--json")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DATABASE_URL=" + g.database, "GATEPOST_PUBLIC_URL=" + g.url}
	out, err := cmd.Output()
	var invitation struct{ Link string }
	if err = errors.Join(err, json.Unmarshal(out, &invitation)); err != nil || invitation.Link == "" {
		t.Fatalf("invite %s: %v\n%s", p.email, err, out)
	}
	return invitation.Link
}
