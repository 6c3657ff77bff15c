package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// step is what a server answered to one thing that a client did; see testdata/better-auth-client.mjs.
type step map[string]any

// difference is a field of a step in which the gate is not like Better Auth, on purpose. Why is in the docs.
type difference struct {
	Step, Field  string
	Ours, Theirs any
	Why          string
}

// The same script with npm's client, which nothing is changed in, at the gate and at the server it was written for.
func TestBetterAuthsClientFindsWhatItKnows(t *testing.T) {
	needBrowser(t) // without a browser nothing has been built
	needModule(t, "better-auth/package.json")
	theirs := runClient(t, startBetterAuth(t), "github")
	ours := runClient(t, site.url, "demo")
	if len(ours) != len(theirs) || len(ours) < 100 {
		t.Fatalf("%d steps at the gate, %d at Better Auth", len(ours), len(theirs))
	}
	known := differences(t)
	for i := range ours {
		for _, field := range []string{"step", "status", "code", "message", "shape", "location", "client"} {
			a, b := ours[i][field], theirs[i][field]
			key := fmt.Sprint(ours[i]["step"], " ", field)
			d, listed := known[key]
			delete(known, key)
			same := asJSON(a) == asJSON(b)
			if listed && (asJSON(a) != asJSON(d.Ours) || asJSON(b) != asJSON(d.Theirs)) {
				t.Errorf("%s: got %s and %s, listed as %s and %s", key, asJSON(a), asJSON(b), asJSON(d.Ours), asJSON(d.Theirs))
			}
			if !listed && !same {
				t.Errorf("%s: %s at the gate, %s at Better Auth", key, asJSON(a), asJSON(b))
			}
		}
	}
	for key := range known {
		t.Errorf("%s is listed as a difference, and there is no such step", key)
	}
}

// differences reads what differs, by step and field. Each has its reason in the docs.
func differences(t *testing.T) map[string]difference {
	t.Helper()
	b, err := os.ReadFile("testdata/better-auth-differences.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []difference
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../docs/better-auth-client.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]difference{}
	for _, d := range list {
		if asJSON(d.Ours) == asJSON(d.Theirs) || !strings.Contains(string(docs), "| "+d.Why+" |") {
			t.Errorf("%s %s: no difference, or %q is not in docs/better-auth-client.md", d.Step, d.Field, d.Why)
		}
		known[d.Step+" "+d.Field] = d
	}
	return known
}

func asJSON(v any) string {
	b, _ := json.Marshal(v) // it came from JSON
	return string(b)
}

// runClient runs the script at a server, and returns its steps.
func runClient(t *testing.T, server, provider string) (steps []step) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // for a mail that does not come
	defer cancel()
	cmd := exec.CommandContext(ctx, needNode(t), "testdata/better-auth-client.mjs")
	cmd.Env = append(os.Environ(), "SERVER="+server, "PROVIDER="+provider)
	var failed strings.Builder
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the client at %s: %v\n%s%s", server, err, out, &failed)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var s step
		if err := d.Decode(&s); err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		steps = append(steps, s)
	}
	return steps
}

var betterAuthIsUp = regexp.MustCompile(`better-auth is up at (\S+) on`)

// startBetterAuth runs npm's server on a database of its own until the test ends, and returns its address.
func startBetterAuth(t *testing.T) string {
	t.Helper()
	_, database := newDatabase(t)
	cmd := exec.Command(needNode(t), "testdata/better-auth-server.mjs")
	cmd.Env = append(os.Environ(), "DATABASE_URL="+database, "BETTER_AUTH_TELEMETRY=0")
	p, err := startProgram("better-auth", cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has nothing to lose
		<-p.ended
		if t.Failed() {
			t.Logf("what better-auth wrote:\n%s", p.out)
		}
	})
	if err := p.wait(func() bool { return betterAuthIsUp.MatchString(p.out.String()) }); err != nil {
		t.Fatal(err)
	}
	return betterAuthIsUp.FindStringSubmatch(p.out.String())[1]
}

// The plugin of npm's client adds an app, signs in with its codes and with recovery codes, and removes it.
func TestBetterAuthsTwoFactorClientFindsWhatItKnows(t *testing.T) {
	needBrowser(t)
	needModule(t, "better-auth/package.json")
	p := zhangWei()
	newReader(t).signUp(p)
	p.change(t, `UPDATE gatepost."user" SET email_verified = true WHERE email = :'email'`)
	cmd := exec.CommandContext(t.Context(), needNode(t), "testdata/better-auth-two-factor.mjs")
	cmd.Env = append(os.Environ(), "SERVER="+site.url, "EMAIL="+p.email, "PASSWORD="+p.password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
