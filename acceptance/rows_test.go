package acceptance_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"net/http"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/smtp/postoffice"
	"github.com/gatepost/gatepost/migrations"
)

// sqlOn runs SQL as an operator would.
func sqlOn(t *testing.T, url, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if len(args) > 0 {
		_, err = conn.Exec(t.Context(), sql, args...)
	} else {
		_, err = conn.PgConn().Exec(t.Context(), sql).ReadAll()
	}
	if err != nil {
		t.Fatalf("%.300s: %v", sql, err)
	}
}

// command runs gatepost in this process.
func command(t *testing.T, url string, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := []string{"DATABASE_URL=" + url, "GATEPOST_OPS_LISTEN=off", "HOME=" + t.TempDir(),
		"PATH=" + os.Getenv("PATH")}
	code = run(t.Context(), append([]string{"gatepost"}, args...), env, strings.NewReader(""), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// An account that rows of the app refer to cannot be deleted, however often the visitor tries. The visitor is
// told so, and the operator is told what to do. The gate does not report PostgreSQL as down.
func TestAnAppsForeignKeyIsNoOutage(t *testing.T) {
	t.Parallel()
	a, url := newApp(t), authtest.NewDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+a.url, "GATEPOST_PROTECT=/dashboard")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	sqlOn(t, url, `CREATE TABLE public.orders (owner text CONSTRAINT orders_owner REFERENCES gatepost."user");
		INSERT INTO public.orders SELECT id FROM gatepost."user"`)
	r := v.post("/account/delete", "password", "correct horse battery")
	if r.status != 409 || r.header.Get("Retry-After") != "" || !strings.Contains(r.body, "Trying again does not help") {
		t.Errorf("deleted by the user: %d, Retry-After %q\n%s", r.status, r.header.Get("Retry-After"), r.body)
	}
	if code, _, said := command(t, url, "user", "delete", "ada@example.com"); code != 1 ||
		!strings.Contains(said, "public.orders") ||
		!strings.Contains(said, "orders_owner") || !strings.Contains(said, "ON DELETE") {
		t.Errorf("deleted by the operator: %d, %s", code, said)
	}
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("afterwards: %d", r.status)
	}
	eventually(t, "the log names the constraint",
		func() bool { return strings.Contains(g.log.String(), "orders_owner") })
	if log := g.log.String(); strings.Contains(log, "PostgreSQL does not answer") {
		t.Errorf("the log says\n%s", log)
	}
}

// A script that knows the columns of the original design alone can write rows: those of ours have defaults. The session
// ends as the row says, or when it was not used for as long as the settings say.
func TestRowsWithTheColumnsOfTheOriginalDesign(t *testing.T) {
	t.Parallel()
	a, url := newApp(t), authtest.NewDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+a.url, "GATEPOST_PROTECT=/dashboard",
		"GATEPOST_SESSION_IDLE=1h", "GATEPOST_SESSION_CACHE=0")
	const value = "c2VlZGVkIGJ5IGhhbmQsIDQzIGxldHRlcnMgbG9uZyE"
	sqlOn(t, url, `
		INSERT INTO gatepost."user" (id, name, email, email_verified, image, created_at, updated_at)
			VALUES ('ada', 'Ada', 'ada@example.com', true, NULL, now(), now());
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, access_token, refresh_token, id_token,
			access_token_expires_at, refresh_token_expires_at, scope, password, created_at, updated_at)
			VALUES ('a', 'local:credential', 'credential', 'ada', 'ada', NULL, NULL, NULL, NULL, NULL, NULL, NULL, now(), now());
		INSERT INTO gatepost.verification (id, identifier, value, expires_at, created_at, updated_at)
			VALUES ('v', 'seed', 'x', now() + interval '1 hour', now(), now());
		INSERT INTO gatepost.session (id, token, user_id, expires_at, ip_address, user_agent, created_at, updated_at)
			VALUES ('full', 'full', 'ada', now() + interval '7 days', '192.0.2.1', 'seed', now(), now());
		INSERT INTO gatepost.session (id, token, user_id, expires_at)
			VALUES ('s', encode(sha256('`+value+`'), 'hex'), 'ada', now() + interval '7 days')`)
	v := g.visitor(t)
	at, _ := neturl.Parse(g.url)
	v.client.Jar.SetCookies(at, []*http.Cookie{{Name: "gatepost_" + at.Port(), Value: value}})
	if r := v.fetch("/dashboard"); r.status != 200 || !strings.Contains(r.body, "ada@example.com") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := v.fetch("/api/auth/get-session"); !strings.Contains(r.body, `"email":"ada@example.com"`) {
		t.Errorf("get-session: %d %s", r.status, r.body)
	}
	if r := v.open("/account"); r.status != 200 {
		t.Errorf("the account: %d %s", r.status, r.body)
	}
	for name, c := range map[string]struct {
		change string
		want   int
	}{
		"used half an hour ago": {"last_used_at = now() - interval '30 minutes'", 200},
		"unused for an hour":    {"last_used_at = now() - interval '61 minutes'", 401},
		"expired":               {"last_used_at = now(), expires_at = now() - interval '1 second'", 401},
	} {
		sqlOn(t, url, `UPDATE gatepost.session SET expires_at = now() + interval '7 days' WHERE id = 's';
			UPDATE gatepost.session SET `+c.change+` WHERE id = 's'`)
		if r := v.fetch("/dashboard"); r.status != c.want {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if code, out, said := command(t, url, "user", "sign-out", "ada@example.com"); code != 0 ||
		!strings.Contains(out, "out of 2 sessions") {
		t.Errorf("signed out: %d %s %s", code, out, said)
	}
}

// A missing table is a fault that waiting does not mend. It affects only what needs the table.
func TestAMissingTableIsNoOutage(t *testing.T) {
	t.Parallel()
	a, url := newApp(t), authtest.NewDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+a.url, "GATEPOST_PROTECT=/dashboard",
		"GATEPOST_SESSION_CACHE=0")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	sqlOn(t, url, `ALTER TABLE gatepost.session RENAME TO gone`)
	if r := v.fetch("/dashboard"); r.status != 500 || r.header.Get("Retry-After") != "" ||
		!strings.Contains(r.body, "Trying again does not help") {
		t.Errorf("a protected page: %d %s", r.status, r.body)
	}
	if r := v.fetch("/"); r.status != 200 {
		t.Errorf("a public page: %d", r.status)
	}
	if r := v.fetch("/api/auth/get-session"); r.status != 500 {
		t.Errorf("get-session: %d %s", r.status, r.body)
	}
	eventually(t, "the log says what is missing", func() bool { return strings.Contains(g.log.String(), "42P01") })
	if log := g.log.String(); strings.Contains(log, "PostgreSQL does not answer") {
		t.Errorf("the log says\n%s", log)
	}
	sqlOn(t, url, `ALTER TABLE gatepost.gone RENAME TO session`)
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("afterwards: %d", r.status)
	}
}

// severalPasswords is a database of an older release, in which users have several rows with a password.
func severalPasswords(t *testing.T) (url string) {
	t.Helper()
	found, err := filepath.Glob("../migrations/*_superseded.sql")
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	var version int64
	if _, err := fmt.Sscanf(filepath.Base(found[0]), "%d_", &version); err != nil {
		t.Fatal(err)
	}
	url = authtest.NewEmptyDatabase(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := (migrations.Set{To: version - 1}).Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	sqlOn(t, url, `
		INSERT INTO gatepost."user" (id, email) VALUES
			('two', 'two@example.com'), ('one', 'one@example.com'), ('none', 'none@example.com');
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password, updated_at) VALUES
			('imported', 'import', 'credential', 'x', 'two', 'old', now() - interval '2 days'),
			('reset', 'local:credential', 'credential', 'two', 'two', 'new', now() - interval '1 day'),
			('empty', 'other', 'credential', 'two', 'two', NULL, now()),
			('only', 'import', 'credential', 'one', 'one', 'old', now()),
			('blank', 'import', 'credential', 'none', 'none', NULL, now()),
			('later', 'local:credential', 'credential', 'none', 'none', NULL, 'infinity'),
			('social', 'https://example.com', 'google', 'two', 'two', NULL, now())`)
	return url
}

// If a user has several passwords, the one written last keeps working, and the operator is told, whichever way
// the database is migrated.
func TestOfSeveralPasswordsTheLatestWorksOn(t *testing.T) {
	t.Parallel()
	for way, migrate := range map[string]func(*testing.T, string) (told func() string){
		"migrate": func(t *testing.T, url string) func() string {
			code, out, said := command(t, url, "migrate")
			if code != 0 {
				t.Fatal(said)
			}
			return func() string { return out }
		},
		"serve": func(t *testing.T, url string) func() string {
			g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+newApp(t).url)
			return g.log.String
		},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			url := severalPasswords(t)
			told := migrate(t, url)
			eventually(t, "the operator is told", func() bool {
				return strings.Contains(told(), "3 others") && strings.Contains(told(), "credential-superseded")
			})
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			var kept, others string
			err = conn.QueryRow(t.Context(), `
				SELECT string_agg(id, ' ' ORDER BY id) FILTER (WHERE provider_id = 'credential'),
					string_agg(id, ' ' ORDER BY id) FILTER (WHERE provider_id = 'credential-superseded')
				FROM gatepost.account`).Scan(&kept, &others)
			if err != nil || kept != "later only reset" || others != "blank empty imported" {
				t.Errorf("kept %q and not %q, %v", kept, others, err)
			}
			_, err = conn.Exec(t.Context(), `
				INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id)
				VALUES ('more', 'm', 'credential', 'm', 'two')`)
			if err == nil {
				t.Error("a user can have two passwords again")
			}
		})
	}
}

// odd are values that SQL can write into a column, by the column's type.
var odd = map[string][]string{
	"timestamp with time zone": {`'infinity'`, `'-infinity'`, `'294276-12-31'`, `'10000-01-01'`, `'4713-01-01 BC'`,
		`'1970-01-01'`, `NULL`},
	"integer": {`0`, `-1`, `2147483647`, `-2147483648`, `NULL`},
	"bigint":  {`0`, `-1`, `9223372036854775807`, `-9223372036854775808`, `NULL`},
	"boolean": {`true`, `false`, `NULL`},
	"text": {`''`, `' '`, `'*'`, `repeat('x', 300)`, `repeat(md5('x'), 100000)`, `E'a\nb\x7f\x01'`,
		`U&'\202Eevil\FFFD\D83D\DE00'`, `'reset-password'`, `'a:b:c'`,
		`'ADA@EXAMPLE.COM'`, `',,admin , ,'`, `'credential'`, `NULL`},
	"bytea": {`''`, `decode(repeat('00', 100000), 'hex')`, `NULL`},
	"jsonb": {`'null'`, `'[]'`, `'"x"'`, `'5'`, `'{"email": 5}'`, `'{"claims": "yes", "next": []}'`, `'{}'`, `NULL`},
}

// strange is one odd value in one column of one user's rows.
type strange struct{ n, table, column, value string }

func (s strange) id() string    { return "odd" + s.n }
func (s strange) token() string { return strings.Repeat("0", 43-len(s.id())) + s.id() }

// apiToken is a token of the user's in the gate's format.
func (s strange) apiToken() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	random, sum := strings.Repeat("0", 30-len(s.id()))+s.id(), ""
	for n := crc32.ChecksumIEEE([]byte(random)); len(sum) < 6; n /= 62 {
		sum = string(digits[n%62]) + sum
	}
	return "gpt_" + random + sum
}

func (s strange) String() string {
	return fmt.Sprintf("%s.%s = %s", s.table, s.column, s.value)
}

// strangers makes a user for each odd value in each column of each table, all in one database. Values that a
// constraint refuses are left out.
func strangers(t *testing.T, url string) (list []strange) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), `SELECT table_name, column_name, data_type FROM information_schema.columns
		WHERE table_schema = 'gatepost' AND table_name NOT IN ('goose_db_version', 'migration')
		    AND is_identity = 'NO' AND is_generated = 'NEVER' ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Table, Column, Type string }])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		if len(odd[c.Type]) == 0 {
			t.Fatalf("%s.%s: there are no odd values of the type %s", c.Table, c.Column, c.Type)
		}
		for _, value := range odd[c.Type] {
			s := strange{fmt.Sprint(len(list) + 1), c.Table, c.Column, value}
			if c.Table == "passkey" && c.Column == "rp_id" {
				continue // with a passkey of another domain no gate starts
			}
			err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error { return s.settle(t.Context(), tx) })
			if err == nil {
				list = append(list, s)
			}
		}
	}
	return list
}

// settle writes ordinary rows for the user, and then the odd value.
func (s strange) settle(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, strings.NewReplacer("$id", s.id(), "$token", s.token(), "$api", s.apiToken(),
		"$table", s.table).Replace(`
		INSERT INTO gatepost."user" (id, email, email_verified) VALUES ('$id', '$id@example.com', true);
		INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at, ip_address, user_agent)
			VALUES ('$id', encode(sha256('$token'), 'hex'), '$id', 3600, now() + interval '1 hour',
				'192.0.2.1', 'test');
		INSERT INTO gatepost.challenge (id, token, user_id, kind, methods, proved_at, browser, remember, expires_at)
			VALUES ('$id', encode(sha256('$token'), 'hex'), '$id', 'otp', 'pwd', now(), sha256('$id'), false,
				now() + interval '1 hour');
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
			VALUES ('$id', 'local:credential', 'credential', '$id', '$id',
				(SELECT password FROM gatepost.account WHERE id = 'model'));
		INSERT INTO gatepost.verification (id, identifier, value, user_id, email, expires_at)
			VALUES ('$id', 'reset-password:$id', encode(sha256('$token'), 'hex'), '$id', '$id@example.com',
				now() + interval '1 hour');
		INSERT INTO gatepost.outbox (id, kind, user_id, email, language, facts, due_at, expires_at)
			SELECT '$id', 'password', '$id', '$id@example.com', 'en', '{}', now() - interval '1 second',
				now() + interval '1 hour'
			WHERE '$table' = 'outbox';
		INSERT INTO gatepost.webhook_wanted (one) SELECT true WHERE '$table' LIKE 'webhook%' ON CONFLICT DO NOTHING;
		INSERT INTO gatepost.webhook_event (slot, id, type, data)
			SELECT 30000 + replace('$id', 'odd', '')::integer, '$id', 'user.created', '{}' WHERE '$table' = 'webhook_event';
		INSERT INTO gatepost.signup_browser (place, user_id, expires_at)
			VALUES (sha256('$id'), '$id', now() + interval '1 hour');
		INSERT INTO gatepost.familiar (user_id, place, expires_at)
			VALUES ('$id', sha256('$id'), now() + interval '1 hour');
		INSERT INTO gatepost.throttle (key, failures, blocked_until, expires_at, user_id)
			VALUES (sha256(convert_to('account', 'utf8') || '\x00' || convert_to('$id@example.com', 'utf8') || '\x00'),
				1, now(), now() + interval '1 hour', '$id');
		INSERT INTO gatepost.audit_event (at, event, result, user_id) VALUES (now(), 'sign-in', 'ok', '$id');
		INSERT INTO gatepost.acme (name, content) VALUES ('$id', 'x');
		INSERT INTO gatepost.totp (user_id, secret, last_step)
			SELECT '$id', '\x0102030405060708091011121314151617181920212223242526272829303132', 0
			WHERE '$table' IN ('totp', 'recovery_code');
		INSERT INTO gatepost.totp_pending (user_id, session_id, secret, expires_at)
			SELECT '$id', '$id', '\x01', now() + interval '10 minutes' WHERE '$table' = 'totp_pending';
		INSERT INTO gatepost.recovery_code (user_id, hash) SELECT '$id', 'x' WHERE '$table' = 'recovery_code';
		INSERT INTO gatepost.passkey_user (user_id, handle)
			SELECT '$id', sha256('$id') WHERE '$table' IN ('passkey', 'passkey_user', 'passkey_challenge');
		INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, public_key, verified)
			SELECT '$id', '$id', 'localhost', '$id', '\x01', true
			WHERE '$table' IN ('passkey', 'passkey_user', 'passkey_challenge');
		INSERT INTO gatepost.passkey_challenge (id, browser, purpose, rp_id, user_id, network, wide, expires_at)
			SELECT '$id', encode(sha256('$token'), 'hex'), 'confirm', 'localhost', '$id', '192.0.2.1', '192.0.2.0',
				now() + interval '5 minutes'
			WHERE '$table' = 'passkey_challenge';
		INSERT INTO gatepost.trusted_browser (id, user_id, token, user_agent, expires_at)
			SELECT '$id', '$id', sha256('$token'), 'test', now() + interval '1 hour' WHERE '$table' = 'trusted_browser';
		INSERT INTO gatepost.assertion_key (id, private, active_from)
			SELECT rpad('$id', 43, 'x'), '\x0102030405060708091011121314151617181920212223242526272829303132', now()
			WHERE '$table' = 'assertion_key';
		INSERT INTO gatepost.api_token (id, token, user_id, name, hint, rules, roles, expires_at, used_at, used_from)
			SELECT '$id', encode(sha256('$api'), 'hex'), '$id', 'test', 'gpt_0000', 'GET /api', 'user',
				now() + interval '1 day', now() - interval '1 hour', '192.0.2.1'
			WHERE '$table' IN ('api_token', 'user', 'account')`))
	if err != nil {
		return fmt.Errorf("usual rows: %w", err)
	}
	key := map[string]string{"familiar": "user_id", "signup_browser": "user_id", "throttle": "user_id",
		"audit_event": "user_id", "acme": "name", "totp": "user_id", "totp_pending": "user_id",
		"recovery_code": "user_id", "passkey_user": "user_id", "webhook_wanted": "'" + s.id() + "'"}[s.table]
	if key == "" {
		key = "id"
	}
	id := s.id()
	if s.table == "assertion_key" {
		id += strings.Repeat("x", 43-len(id)) // as long as any, or it is not looked at
	}
	_, err = tx.Exec(ctx, fmt.Sprintf(`UPDATE gatepost.%q SET %q = %s WHERE %s = '%s'`, s.table,
		s.column, s.value, key, id))
	return err
}

// No value that SQL can write into the gate's tables makes a page or a command fail, for the user that it
// belongs to or for others.
func TestOddRowsHarmNobody(t *testing.T) {
	t.Parallel()
	a, o, r, url := newApp(t), postoffice.New(t, nil, nil), newReceiver(t), authtest.NewDatabase(t)
	env := r.settings("DATABASE_URL="+url, "GATEPOST_UPSTREAM="+a.url, "GATEPOST_PROTECT=/dashboard, /api",
		"GATEPOST_TOKENS=/api", "GATEPOST_TOKENS_FOREVER=true", "GATEPOST_TOKENS_AAL2=true",
		"GATEPOST_AUDIT_RETENTION=1h", "GATEPOST_ASSERTION_HEADER=X-Auth-Assertion", key,
		"GATEPOST_SMTP_URL="+o.URL, "GATEPOST_MAIL_FROM=gate@example.com")
	startGate(t, env...).visitor(t).signUp("neighbour@example.com")
	sqlOn(t, url, `UPDATE gatepost.account SET id = 'model'`)
	list := strangers(t, url)
	if len(list) < 250 {
		t.Fatalf("only %d odd values were taken", len(list))
	}
	g := startGate(t, env...) // the gate sweeps expired rows
	v := g.visitor(t)
	if r := v.post("/login", "email", "neighbour@example.com", "password", password); r.status != 303 {
		t.Fatalf("a neighbour's login: %d %s", r.status, r.body)
	}
	var all sync.WaitGroup
	next := make(chan strange)
	for range 8 {
		all.Go(func() {
			for s := range next {
				g.survives(t, url, s)
			}
		})
	}
	for _, s := range list {
		next <- s
	}
	close(next)
	all.Wait()
	for _, path := range []string{"/dashboard", "/account", "/api/auth/get-session", "/"} {
		if r := v.open(path); r.status != 200 {
			t.Errorf("a neighbour: %s is %d", path, r.status)
		}
	}
	if r := v.post("/account/export"); r.status != 200 {
		t.Errorf("a neighbour's export: %d", r.status)
	}
	g.visitor(t).signUp("another@example.com")
	if r := g.visitor(t).post("/login/forgot", "email", "neighbour@example.com"); r.status >= 400 {
		t.Errorf("a neighbour's forgotten password: %d", r.status)
	}
	o.Next(t, "neighbour@example.com")
	for _, args := range [][]string{{"user", "list"}, {"user", "list", "--json"},
		{"user", "show", "neighbour@example.com"}, {"migrate", "status"}, {"webhook", "list"},
		{"webhook", "list", "--json"}, {"webhook", "replay", "--failed-since", "100h"},
		{"token", "list"}, {"token", "list", "--json"},
		{"user", "disable", "neighbour@example.com"}} {
		if code, _, said := command(t, url, args...); code != 0 {
			t.Errorf("gatepost %s: %s", strings.Join(args, " "), said)
		}
	}
	v.becomes("/dashboard", 401)
	for _, bad := range []string{"PostgreSQL does not answer", "panic", "were not swept", "was not written down",
		"the outbox was not read", "were not written", "webhook events were not read", "webhooks were not asked for"} {
		if i := strings.Index(g.log.String(), bad); i >= 0 {
			t.Errorf("the log says %.500s", g.log.String()[i:])
		}
	}
}

// patiently repeats a form while the queue for hashing is full.
func (v *visitor) patiently(path string, pairs ...string) (r reply) {
	v.t.Helper()
	for range 20 {
		if r = v.post(path, pairs...); !strings.Contains(r.body, "Try again in a few seconds") {
			break
		}
	}
	return r
}

// survives does what users do as the user of an odd row, and looks at them as an operator.
func (g *running) survives(t *testing.T, url string, s strange) {
	t.Helper()
	v := g.visitor(t)
	cookie := "Cookie: gatepost_" + g.url[strings.LastIndex(g.url, ":")+1:] + "=" + s.token()
	for _, path := range []string{"/dashboard", "/account", "/account/name", "/account/confirm",
		"/api/auth/get-session"} {
		if r := v.do("GET", path, nil, cookie, navigate); r.status >= 500 {
			t.Errorf("%v: %s is %d %s", s, path, r.status, r.body)
		}
	}
	if r := v.do("POST", "/account/export", strings.NewReader(""), cookie, navigate); r.status >= 500 {
		t.Errorf("%v: the export is %d", s, r.status)
	}
	if slices.Contains([]string{"api_token", "user", "account"}, s.table) {
		for _, path := range []string{"/api/x", "/api/%2e%2e/api", "/"} {
			if r := g.visitor(t).do("GET", path, nil, "Authorization: Bearer "+s.apiToken()); r.status >= 500 {
				t.Errorf("%v: %s with a token is %d %s", s, path, r.status, r.body)
			}
		}
	}
	if strings.HasPrefix(s.table, "passkey") {
		for _, body := range []string{"for=confirm", "for=add", "for=sign-in"} {
			r := v.do("POST", "/.gatepost/passkey", strings.NewReader(body), cookie)
			if r.status >= 500 || body == "for=sign-in" && r.status != 200 {
				t.Errorf("%v: %s is %d %s", s, body, r.status, r.body)
			}
		}
	}
	if s.table == "verification" {
		v.open("/login/reset?token=" + s.token())
		r := v.open("/login/reset")
		if found := which.FindStringSubmatch(r.body); found != nil {
			r = v.patiently("/login/reset", "id", found[1], "password", newPassword)
		}
		if r.status >= 500 {
			t.Errorf("%v: the link is %d %s", s, r.status, r.body)
		}
	}
	if slices.Contains([]string{"user", "account", "throttle", "familiar", "totp", "recovery_code", "passkey",
		"trusted_browser"}, s.table) {
		if r := v.patiently("/login", "email", s.id()+"@example.com", "password", password); r.status >= 500 {
			t.Errorf("%v: the login is %d %s", s, r.status, r.body)
		}
		if r := v.patiently("/login", "email", s.id()+"@example.com", "password", "something else"); r.status >= 500 {
			t.Errorf("%v: a wrong login is %d %s", s, r.status, r.body)
		}
		for _, code := range []string{"123456", "4xk2p-9w0tm-c7hqe"} { // of the challenge, if the login made one
			if r := v.patiently("/login/code", "code", code); r.status >= 500 {
				t.Errorf("%v: the code is %d %s", s, r.status, r.body)
			}
		}
		show := exec.Command(plainGate, "user", "show", s.id())
		show.Env = []string{"DATABASE_URL=" + url, "HOME=/"}
		if said, err := show.CombinedOutput(); err != nil {
			t.Errorf("%v: gatepost user show: %s", s, said)
		}
	}
}
