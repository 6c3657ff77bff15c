package acceptance_test

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatepost/gatepost/auth/authtest"
)

// Whoever was signed out since a backup stays so after it was restored as the page says, also at the system before.
func TestARestoreBringsNoSessionBack(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	m.env = append(m.env, "GATEPOST_IMPORT_AUTHJS_SECRET="+oldSecret)
	m.exec(t, `CREATE SCHEMA js;
	    CREATE TABLE js.users (id text, name text, email text, "emailVerified" timestamptz, image text);
	    INSERT INTO js.users VALUES ('eve', 'Eve', 'eve@example.com', now(), NULL)`)
	before := m.person(t, "ada")
	m.bring(t)
	m.command(t, "import", "authjs", "--schema", "js", "--from", m.db.Config().ConnString())
	back, restore := restoring(t, m.db.Config().ConnString())
	back()

	after := m.person(t, "ada")
	m.bring(t)
	cookies := map[string]string{"a session in the backup": before, "one that came after it": after,
		"a ticket that was first seen after it": "next-auth.session-token=" + newTicket(t, "eve")}
	m.twin = m.anew(t)
	for name, cookie := range cookies {
		if p := m.fetch(t, m.twin, "/dashboard", cookie); p.status != 200 {
			t.Fatalf("%s: %d before its end", name, p.status)
		}
	}
	m.command(t, "user", "sign-out", "ada@example.com")
	m.command(t, "user", "sign-out", "eve@example.com")
	m.gate.stop(t)
	m.twin.stop(t)
	restore()
	m.bring(t)
	m.twin = m.anew(t)
	for name, cookie := range cookies {
		if p := m.fetch(t, m.twin, "/dashboard", cookie); p.status != 401 {
			t.Errorf("%s: %d after the restore", name, p.status)
		}
	}
}

// What a restore brings back and has ended since does not count again: no browser is trusted, no key signs, and no
// webhook is sent a second time. Triggers and their rights are as before.
func TestARestoreBringsNoTrustBack(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	sqlOn(t, url, `INSERT INTO gatepost.webhook_wanted DEFAULT VALUES;
		INSERT INTO gatepost."user" (id, email) VALUES ('ada', 'ada@example.com');
		INSERT INTO gatepost.trusted_browser (id, user_id, token, expires_at) VALUES ('b', 'ada', 'hash', 'infinity');
		INSERT INTO gatepost.assertion_key (id, private, active_from) VALUES ('k', 'sealed', now());
		INSERT INTO gatepost.session (id, token, user_id, expires_at, idle_seconds)
			VALUES ('s', 'hash', 'ada', now() + interval '1 day', 3600)`)
	back, restore := restoring(t, url)
	back()
	restore()
	for _, table := range []string{"trusted_browser", "assertion_key", "webhook_event", "session"} {
		if n := sqlText(t, url, `SELECT count(*)::text FROM gatepost.`+table); n != "0" {
			t.Errorf("%s rows of %s are back", n, table)
		}
	}
	sqlOn(t, url, `UPDATE gatepost."user" SET name = 'Ada'`)
	if n := sqlText(t, url, `SELECT count(*)::text FROM gatepost.webhook_event WHERE type = 'user.updated'`); n != "1" {
		t.Errorf("%s webhooks afterwards", n)
	}
	if n := sqlText(t, url, `SELECT count(*)::text FROM pg_proc WHERE pronamespace = 'gatepost'::regnamespace
		AND prosecdef AND has_function_privilege('public', oid, 'EXECUTE')`); n != "0" {
		t.Errorf("everybody may execute %s functions with the owner's rights", n)
	}
}

// anew starts a gate at the same public address.
func (m *movers) anew(t *testing.T) *running {
	t.Helper()
	return startGate(t, append(m.env, "GATEPOST_PUBLIC_URL="+m.gate.url)...)
}

func (m *movers) command(t *testing.T, args ...string) {
	t.Helper()
	var out bytes.Buffer
	if code := run(context.Background(), append([]string{"gatepost"}, args...), m.env, strings.NewReader(""), &out,
		&out); code != 0 {
		t.Fatalf("%v: code %d: %s", args, code, &out)
	}
}

// restoring returns functions that run what docs/operate.md has for a backup and for its restore.
func restoring(t *testing.T, database string) (backup, restore func()) {
	t.Helper()
	page, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Back up and restore\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for _, m := range block.FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) != 2 {
		t.Fatalf("the page has %d blocks of commands", len(blocks))
	}
	file := filepath.Join(t.TempDir(), "gatepost.dump")
	database, _, _ = strings.Cut(database, "&pool_max_conns") // which libpq does not know
	runs := func(block string) func() {
		block = strings.NewReplacer("mydb", "'"+database+"'", "gatepost.dump", file).Replace(block)
		return func() {
			t.Helper()
			if out, err := exec.Command("sh", "-ec", block).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", block, err, out)
			}
		}
	}
	return runs(blocks[0]), runs(blocks[1])
}

// newTicket is a cookie that NextAuth has made right now.
func newTicket(t *testing.T, user string) string {
	t.Helper()
	key, err := hkdf.Key(sha256.New, []byte(oldSecret), nil, "NextAuth.js Generated Encryption Key", 32)
	if err != nil {
		t.Fatal(err)
	}
	e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	object, err := e.Encrypt(fmt.Appendf(nil, `{"sub":%q,"iat":%d,"exp":%d}`, user, now, now+3600))
	if err != nil {
		t.Fatal(err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
