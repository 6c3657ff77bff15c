package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// startedAs matches what PostgreSQL writes down at its start: its program, and the directory of its socket.
var startedAs = regexp.MustCompile(`^(\S+)/postgres .*"-k" "([^"]+)"`)

// change changes the person's rows in the demo's PostgreSQL, for states that would take too long to wait for.
func (p person) change(t *testing.T, statement string) {
	t.Helper()
	noted, err := os.ReadFile(filepath.Join(site.dir, "demo", "postgres", "postmaster.opts"))
	found := startedAs.FindSubmatch(noted)
	if found == nil {
		t.Fatalf("find the demo's PostgreSQL: %v in %q", err, noted)
	}
	program := filepath.Join(string(found[1]), "psql")
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("psql"); err != nil {
			missing(t, "there is no psql beside PostgreSQL or on PATH")
		}
	}
	cmd := exec.Command(program, "--no-psqlrc", "--no-password", "--host", string(found[2]), "--username", "gatepost",
		"--set", "ON_ERROR_STOP=1", "--set", "email="+p.email, "gatepost")
	cmd.Stdin = strings.NewReader(statement)
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) == "UPDATE 0" {
		t.Fatalf("%s: %v %s", statement, err, out)
	}
}

const ofPerson = ` WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = :'email')`

// growOld makes all sessions of the person so old that the gate asks for the password again.
func (p person) growOld(t *testing.T) {
	t.Helper()
	p.change(t, `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes'`+ofPerson)
}

// block makes the person wait after a wrong password.
func (p person) block(t *testing.T) {
	t.Helper()
	p.change(t, `UPDATE gatepost.throttle SET blocked_until = now() + interval '5 minutes'`+ofPerson)
}

func (p person) unblock(t *testing.T) {
	t.Helper()
	p.change(t, `UPDATE gatepost.throttle SET blocked_until = now() - interval '1 second'`+ofPerson)
}
