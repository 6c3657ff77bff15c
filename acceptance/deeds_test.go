package acceptance_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/user"
	"strings"
	"testing"
	"unicode"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/config"
)

// operator runs commands in this process, on a database of its own.
type operator struct {
	t   *testing.T
	env []string
}

func newOperator(t *testing.T, env ...string) *operator {
	t.Helper()
	base := []string{"HOME=/", "DATABASE_URL=" + authtest.NewEmptyDatabase(t), "SUDO_USER=grace"}
	o := &operator{t, append(base, env...)}
	o.do("migrate")
	return o
}

// do runs a command that has to succeed.
func (o *operator) do(args ...string) (stdout, stderr string) {
	o.t.Helper()
	var out, said bytes.Buffer
	if code := run(o.t.Context(), append([]string{"gatepost"}, args...), o.env,
		strings.NewReader("correct horse battery\n"), &out, &said); code != 0 {
		o.t.Fatalf("gatepost %q: %d %s", args, code, said.String())
	}
	return out.String(), said.String()
}

// What a command does to users is logged with who did it and what was done, even if no table records it.
func TestADeedOfACommandLeavesATrace(t *testing.T) {
	t.Parallel()
	me := "uid"
	if u, err := user.Current(); err == nil {
		me = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, retention := range []string{"2160h", "off"} {
		o := newOperator(t, "GATEPOST_AUDIT_RETENTION="+retention, "GATEPOST_LOG_LEVEL=error")
		for _, deed := range []struct {
			command string
			wants   []string
		}{
			{"user create ada@example.com --role user", []string{"create-user", "roles user"}},
			{"user set-role ada@example.com admin,owner", []string{"set-role", "roles user → admin,owner"}},
			{"user disable ada@example.com", []string{"disable"}},
			{"user enable ada@example.com", []string{"enable"}},
			{"user sign-out ada@example.com", []string{"sign-out-everywhere", "sessions 0"}},
			{"user reset-link ada@example.com", []string{"reset-link"}},
			{"user invite guest@example.com --role editor", []string{"invite", "guest@example.com, roles editor"}},
			{"user delete ada@example.com", []string{"delete"}},
		} {
			_, said := o.do(strings.Fields(deed.command)...)
			for _, want := range append(deed.wants, "msg=audit", me+"@"+host+" for grace") {
				if !strings.Contains(said, want) {
					t.Errorf("retention %s: gatepost %s does not say %q: %s", retention, deed.command, want, said)
				}
			}
		}
		if _, said := o.do("user", "list"); said != "" {
			t.Errorf("to look is no deed: %s", said)
		}
		o.checkTable(retention != "off", me+"@"+host+" for grace")
	}
}

func (o *operator) checkTable(kept bool, actor string) {
	o.t.Helper()
	pool := authtest.Pool(o.t, config.Lookup(o.env, "DATABASE_URL"))
	var rows, byUs int
	var detail string
	err := pool.QueryRow(o.t.Context(), `
		SELECT count(*), count(*) FILTER (WHERE actor = $1),
			coalesce(max(detail) FILTER (WHERE event = 'set-role'), '')
		FROM gatepost.audit_event`, actor).Scan(&rows, &byUs, &detail)
	if err != nil {
		o.t.Fatal(err)
	}
	if kept && (rows != 8 || byUs != rows || detail != "roles user → admin,owner") || !kept && rows != 0 {
		o.t.Errorf("%d rows, %d of them by us, %q", rows, byUs, detail)
	}
}

// No name or address of a user acts on a terminal. JSON output is exact.
func TestWhatPeopleAreCalledDoesNothingToATerminal(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.do("user", "create", "ada@example.com")
	pool := authtest.Pool(t, config.Lookup(o.env, "DATABASE_URL"))
	var id string
	if err := pool.QueryRow(t.Context(), `SELECT id FROM gatepost."user"`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a\u202eb", "a\x1b[2Jb", "a\x1b]0;x\x07b", "a\u009b31mb", "a\u2066b", "a\u200bb",
		"a\u200fb", "a\ufeffb", "a\rb", "a\nroot\tb", "a\u2028b", "a\u00adb",
		"a\U000e0041b", "a\u3164b", "a\u034fb", "a\ue000b", "a\x7fb", "a\u061cb", "a\u180eb"} {
		if _, err := pool.Exec(t.Context(), `UPDATE gatepost."user" SET name = $1, role = $2, email = $3`,
			name, "user"+name, strings.ToLower(name)+"@example.com"); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"user list", "user show " + id, "user reset-link " + id, "user disable " +
			id, "user enable " + id} {
			out, said := o.do(strings.Fields(command)...)
			for _, r := range strings.NewReplacer("\n", "", "\t", "").Replace(out + said) {
				if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || !unicode.IsGraphic(r) || r == '\u2028' ||
					r == '\u3164' || r == '\u034f' {
					t.Errorf("gatepost %s prints %U of %q: %q", command, r, name, out+said)
				}
			}
			if strings.Contains(out, "\nroot") {
				t.Errorf("gatepost %s: a name makes a line: %q", command, out)
			}
		}
		out, _ := o.do("user", "show", id, "--json")
		var u struct{ Name string }
		if err := json.Unmarshal([]byte(out), &u); err != nil || u.Name != name {
			t.Errorf("JSON: %q, want %q (%v)", u.Name, name, err)
		}
	}
}
