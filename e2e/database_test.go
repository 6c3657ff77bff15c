package e2e

import (
	"crypto/rand"
	"net/url"
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
	site.change(t, p, statement)
}

// change changes a person's rows in the PostgreSQL of a demo.
func (g *gateway) change(t *testing.T, p person, statement string) {
	t.Helper()
	g.changeIn(t, "gatepost", p, statement)
}

func (g *gateway) changeIn(t *testing.T, database string, p person, statement string) {
	t.Helper()
	if out := g.psql(t, database, statement, "email="+p.email); strings.TrimSpace(out) == "UPDATE 0" {
		t.Fatalf("%s: %s", statement, out)
	}
}

// postgres returns the programs of a demo's PostgreSQL, and the directory of its socket.
func (g *gateway) postgres(t *testing.T) (bin, socket string) {
	t.Helper()
	noted, err := os.ReadFile(filepath.Join(g.dir, "demo", "postgres", "postmaster.opts"))
	found := startedAs.FindSubmatch(noted)
	if found == nil {
		t.Fatalf("find the demo's PostgreSQL: %v in %q", err, noted)
	}
	return string(found[1]), string(found[2])
}

// psql runs a statement in a database of a demo's PostgreSQL, with these variables.
func (g *gateway) psql(t *testing.T, database, statement string, set ...string) string {
	t.Helper()
	bin, socket := g.postgres(t)
	program := filepath.Join(bin, "psql")
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("psql"); err != nil {
			missing(t, "there is no psql beside PostgreSQL or on PATH")
		}
	}
	args := []string{"--no-psqlrc", "--no-password", "--host", socket, "--username", "gatepost",
		"--set", "ON_ERROR_STOP=1"}
	for _, variable := range set {
		args = append(args, "--set", variable)
	}
	cmd := exec.Command(program, append(args, database)...)
	cmd.Stdin = strings.NewReader(statement)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v %s", statement, err, out)
	}
	return string(out)
}

// newDatabase makes an empty database beside the demo's, and returns its name and address.
func newDatabase(t *testing.T) (name, address string) {
	t.Helper()
	name = "test_" + strings.ToLower(rand.Text())
	site.psql(t, "gatepost", "CREATE DATABASE "+name)
	_, socket := site.postgres(t)
	return name, "postgres://gatepost@/" + name + "?host=" + url.QueryEscape(socket)
}

const ofPerson = ` WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = :'email')`

// growOld makes all sessions of the person so old that the gate asks for the password again.
func (p person) growOld(t *testing.T) {
	t.Helper()
	site.growOld(t, p)
}

func (g *gateway) growOld(t *testing.T, p person) {
	t.Helper()
	g.change(t, p, growOld)
}

const growOld = `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes'` + ofPerson

// block makes the person wait after a wrong password.
func (p person) block(t *testing.T) {
	t.Helper()
	p.change(t, `UPDATE gatepost.throttle SET blocked_until = now() + interval '5 minutes'`+ofPerson)
}

func (p person) unblock(t *testing.T) {
	t.Helper()
	p.change(t, `UPDATE gatepost.throttle SET blocked_until = now() - interval '1 second'`+ofPerson)
}
