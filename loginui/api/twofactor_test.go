package api_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/internal/seal"
)

func withKeys(s *setting) {
	keys, err := seal.Parse(seal.NewKey())
	if err != nil {
		panic(err)
	}
	s.Keys = keys
}

// code is what an app with the key of a URI shows, counted as never used.
func (d *desk) code(t *testing.T, uri string) string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	key, err := factor.ParseKey(u.Query().Get("secret"))
	if err != nil {
		t.Fatal(err)
	}
	var now time.Time
	if err := d.db.QueryRow(t.Context(), `SELECT now()`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	d.exec(t, `UPDATE gatepost.totp SET last_step = 0`)
	return key.Code(factor.Step(now))
}

func (d *desk) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := d.db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// The plugin of the client adds an app, signs in with its codes and with a recovery code, and removes it.
func TestASecondFactorByTheProtocol(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withKeys)
	b := d.signUp(t, "ada@example.com")
	d.settle(t)
	b.post("/two-factor/enable").must(t, "a stale session", 403, "SESSION_NOT_FRESH")
	b.post("/two-factor/enable", "password", "wrong password").must(t, "a wrong password", 400, "INVALID_PASSWORD")
	b.post("/two-factor/enable", "password", password, "method", "otp").must(t, "by mail", 400, "OTP_NOT_CONFIGURED")
	b.post("/two-factor/get-totp-uri").must(t, "no key yet", 400, "TOTP_NOT_ENABLED")
	a := b.post("/two-factor/enable", "password", password)
	a.must(t, "enable", 200, "")
	uri, _ := a.field("totpURI").(string)
	if a.field("method") != "totp" || !strings.HasPrefix(uri, "otpauth://totp/Test:ada%40example.com?secret=") {
		t.Fatalf("got %s", a.body)
	}
	if again := b.post("/two-factor/get-totp-uri").field("totpURI"); again != uri {
		t.Errorf("the key is %v then", again)
	}
	if user := b.get("/get-session").field("user.twoFactorEnabled"); user != nil {
		t.Errorf("it counts before its first code: %v", user)
	}
	b.post("/two-factor/verify-totp", "code", "hello").must(t, "no code", 401, "INVALID_CODE")
	a = b.post("/two-factor/verify-totp", "code", d.code(t, uri))
	a.must(t, "the first code", 200, "")
	codes, _ := a.field("backupCodes").([]any)
	if len(codes) != 10 || a.field("user.twoFactorEnabled") != true || a.field("token") != b.session() {
		t.Fatalf("got %s", a.body)
	}
	b.post("/two-factor/enable").must(t, "once more", 400, "TOTP_ALREADY_ENABLED")
	b.post("/two-factor/get-totp-uri").must(t, "the key of an app", 400, "TOTP_NOT_ENABLED")
	b.post("/two-factor/generate-backup-codes").must(t, "new codes", 200, "")

	half := func() *browser {
		t.Helper()
		d.exec(t, `DELETE FROM gatepost.throttle`)
		b := d.browser(t)
		a := b.post("/sign-in/email", "email", "ada@example.com", "password", password, "callbackURL", "/dashboard")
		if a.StatusCode != 200 || a.body != `{"twoFactorRedirect":true,"twoFactorMethods":["totp"]}` ||
			a.Header.Get("Location") != "" || b.session() != "" {
			t.Fatalf("the right password gives %d %s", a.StatusCode, a.body)
		}
		return b
	}
	b = half()
	b.post("/two-factor/verify-totp", "code", "000000").must(t, "a wrong code", 401, "INVALID_CODE")
	b.post("/two-factor/verify-backup-code", "code", "00000-00000-00000").must(t, "a wrong code", 401,
		"INVALID_BACKUP_CODE")
	b.post("/two-factor/verify-backup-code", "code", codes[0]).must(t, "one of a set before", 401, "INVALID_BACKUP_CODE")
	b = half()
	a = b.post("/two-factor/verify-totp", "code", d.code(t, uri), "trustDevice", true)
	a.must(t, "a code", 200, "")
	if a.field("token") != b.session() || b.session() == "" {
		t.Errorf("got %s, and the session %s", a.body, b.session())
	}
	a = b.post("/two-factor/generate-backup-codes", "password", password)
	a.must(t, "new codes", 200, "")
	codes, _ = a.field("backupCodes").([]any)
	late := half()
	d.exec(t, `UPDATE gatepost.challenge SET expires_at = now()`)
	late.post("/two-factor/verify-totp", "code", d.code(t, uri)).must(t, "late", 401, "INVALID_TWO_FACTOR_COOKIE")
	d.browser(t).post("/two-factor/verify-totp", "code", "123456").must(t, "nobody", 401, "INVALID_TWO_FACTOR_COOKIE")
	b = half()
	b.post("/two-factor/verify-backup-code", "code", codes[0]).must(t, "a recovery code", 200, "")
	d.exec(t, `UPDATE gatepost.session SET second_at = now() - interval '11 minutes'`)
	b.post("/two-factor/disable", "password", password).must(t, "stale", 403, "SECOND_FACTOR_NOT_FRESH")
	b.post("/two-factor/verify-totp", "code", d.code(t, uri)).must(t, "proved once more", 200, "")
	b.post("/two-factor/disable").must(t, "disable", 200, "")
	b.post("/two-factor/disable").must(t, "twice", 400, "TWO_FACTOR_NOT_ENABLED")
	if b.session() == "" || b.get("/get-session").field("user.twoFactorEnabled") != nil {
		t.Errorf("afterwards: %s", b.get("/get-session").body)
	}
}

// A session that lacks its second factor gets no new one without it.
func TestADeedWithoutTheSecondFactorAsksForIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withKeys)
	b := d.signUp(t, "ada@example.com")
	uri, _ := b.post("/two-factor/enable").field("totpURI").(string)
	b.post("/two-factor/verify-totp", "code", d.code(t, uri)).must(t, "the first code", 200, "")
	half := func() {
		d.exec(t, `DELETE FROM gatepost.throttle`)
		d.exec(t, `UPDATE gatepost.session SET methods = 'pwd', second_at = NULL`)
	}
	half()
	a := b.post("/change-password", "currentPassword", password, "newPassword", another)
	if a.StatusCode != 200 || a.field("twoFactorRedirect") != true || b.session() != "" {
		t.Errorf("a new password: %d %s", a.StatusCode, a.body)
	}
	b.post("/two-factor/verify-totp", "code", d.code(t, uri)).must(t, "a code", 200, "")
	half()
	b.post("/verify-password", "password", another).must(t, "the password alone", 403, "SECOND_FACTOR_NOT_FRESH")
	b.post("/two-factor/verify-totp", "code", d.code(t, uri)).must(t, "a code in the session", 200, "")
}

// Without a key of the gate's nobody can add an app.
func TestWithoutAKeyTOTPIsNotConfigured(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signUp(t, "ada@example.com").post("/two-factor/enable").must(t, "enable", 400, "TOTP_NOT_CONFIGURED")
}
