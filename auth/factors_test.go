package auth_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/seal"
)

// careful is Ada, who has an authenticator app.
type careful struct {
	s     *auth.Store
	db    *pgxpool.Pool
	o     *office
	keys  seal.Keys
	id    string
	token secret.Token // of the session in which they added it
	key   factor.Key
	codes []factor.RecoveryCode
	home  secret.Client // the browser at home
}

// aKeyed is a store that has a key and sends mail, where hashes cost nothing, and Ada with a confirmed address.
func aKeyed(t *testing.T, change ...func(*auth.Options)) *careful {
	t.Helper()
	p := &careful{keys: keys(t, seal.NewKey()), home: here}
	p.s, p.db, p.o = mailStore(t, append([]func(*auth.Options){func(o *auth.Options) { o.Keys = p.keys }}, change...)...)
	auth.HashCheaply(p.s)
	issued, err := p.s.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Password: goodPassword}, true, "", here)
	if err != nil {
		t.Fatal(err)
	}
	p.token, p.home.Browser = issued.Session, issued.Browser
	exec(t, p.db, `UPDATE gatepost."user" SET email_verified = true`)
	u, err := p.s.FindUser(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	p.id = u.ID
	p.o.collect(t, p.s)
	return p
}

// aCareful is aKeyed with an app.
func aCareful(t *testing.T, change ...func(*auth.Options)) *careful {
	t.Helper()
	p := aKeyed(t, change...)
	e, err := p.s.BeginApp(t.Context(), p.token)
	if err != nil {
		t.Fatal(err)
	}
	p.key = e.Key
	issued, codes, err := p.s.ConfirmApp(t.Context(), p.token, p.code(t), p.home)
	if err != nil {
		t.Fatal(err)
	}
	p.token, p.codes, p.home.Browser = issued.Session, codes, issued.Browser
	p.o.collect(t, p.s)
	return p
}

// code is what the app shows by the clock of the database, and counts as never used.
func (p *careful) code(t *testing.T) string {
	t.Helper()
	var now time.Time
	if err := p.db.QueryRow(t.Context(), `SELECT now()`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	exec(t, p.db, `UPDATE gatepost.totp SET last_step = 0`)
	return p.key.Code(factor.Step(now))
}

// wrong is a code that is not right now, nor in the periods around.
func (p *careful) wrong(t *testing.T) string {
	t.Helper()
	var now time.Time
	if err := p.db.QueryRow(t.Context(), `SELECT now()`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"000000", "000001", "000002", "000003", "000004", "000005", "000006", "000007"} {
		near := false
		for d := int64(-3); d <= 3; d++ {
			near = near || p.key.Code(factor.Step(now)+d) == code
		}
		if !near {
			return code
		}
	}
	t.Fatal("there is none")
	return ""
}

// half is a right password.
func (p *careful) half(t *testing.T, c secret.Client) auth.Issued {
	t.Helper()
	forgetProofs(t, p.db)
	issued, err := p.s.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com", Password: goodPassword,
		Remember: true, Client: c})
	if err != nil || issued.Session != "" || issued.Challenge == "" {
		t.Fatalf("the right password gives %+v, %v", issued, err)
	}
	return issued
}

// forgetProofs lets a test prove a password as often as it wants.
func forgetProofs(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	exec(t, db, `DELETE FROM gatepost.throttle WHERE failures > 50`)
}

func (p *careful) meet(ctx context.Context, h auth.Issued, c secret.Client, code string) (auth.Issued, error) {
	c.Browser = h.Browser
	return p.s.MeetSecondStep(ctx, auth.SecondStep{Challenge: h.Challenge, Code: code, Client: c})
}

// answer is a right password from a place, and then a code.
func (p *careful) answer(t *testing.T, c secret.Client, code string) (auth.Issued, error) {
	t.Helper()
	return p.meet(t.Context(), p.half(t, c), c, code)
}

func (p *careful) methods(t *testing.T, token secret.Token) (list []session.Method, level int) {
	t.Helper()
	v, err := p.s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return v.Proof.Methods, v.Proof.Level()
}

// An app counts once a code of it was typed in the session in which its key was shown, and not before.
func TestAnAppIsAddedByACodeOfIt(t *testing.T) {
	t.Parallel()
	p := aKeyed(t)
	other, err := signIn(p.s, t.Context(), "ada@example.com", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.s.ConfirmApp(t.Context(), p.token, "123456", p.home); !errors.Is(err, auth.ErrNoEnrolment) {
		t.Errorf("before it began: %v", err)
	}
	if _, err := p.s.BeginApp(t.Context(), p.token); err != nil {
		t.Fatal(err)
	}
	e, err := p.s.BeginApp(t.Context(), p.token) // anew: the one before is void
	if err != nil || e.Account != "ada@example.com" {
		t.Fatal(err)
	}
	if again, err := p.s.PendingApp(t.Context(), p.token); err != nil || string(again.Key) != string(e.Key) {
		t.Errorf("shown again: %v", err)
	}
	p.key = e.Key
	for what, c := range map[string]struct {
		token secret.Token
		code  string
		want  error
	}{"wrong": {p.token, p.wrong(t), auth.ErrWrongCode}, "in another session": {other, p.code(t), auth.ErrNoEnrolment},
		"signed out": {"", p.code(t), session.ErrNoSession}} {
		if _, _, err := p.s.ConfirmApp(t.Context(), c.token, c.code, p.home); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if f, err := p.s.Factors(t.Context(), p.token); err != nil || f.App != nil || f.RecoveryCodes != 0 || !f.Offered {
		t.Errorf("before: %+v, %v", f, err)
	}
	if token, err := signIn(p.s, t.Context(), "ada@example.com", goodPassword); err != nil || token == "" {
		t.Errorf("before it is asked for: %v", err)
	}
	p.o.collect(t, p.s)
	issued, codes, err := p.s.ConfirmApp(t.Context(), p.token, p.code(t), p.home)
	if err != nil || len(codes) != factor.RecoveryCodes {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	if methods, level := p.methods(t, issued.Session); level != 2 || !slices.Contains(methods, session.OTP) {
		t.Errorf("the session has %v", methods)
	}
	for what, token := range map[string]secret.Token{"the session before": p.token, "another session": other} {
		if _, err := p.s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if f, err := p.s.Factors(t.Context(), issued.Session); err != nil || f.App == nil || f.RecoveryCodes != 10 {
		t.Errorf("after: %+v, %v", f, err)
	}
	p.o.one(t, p.s, mail.FactorOn, "ada@example.com")
	if n := count(t, p.db, "totp_pending"); n != 0 {
		t.Errorf("%d keys are pending", n)
	}
}

// Who may not add an app is told why, and nothing is made.
func TestWhoMayAddAnApp(t *testing.T) {
	t.Parallel()
	p := aKeyed(t)
	unkeyed := auth.New(p.db, auth.Options{Log: slog.New(slog.DiscardHandler)})
	defer unkeyed.Close()
	if _, err := unkeyed.BeginApp(t.Context(), p.token); !errors.Is(err, auth.ErrFactorsOff) {
		t.Errorf("without a key: %v", err)
	}
	exec(t, p.db, `UPDATE gatepost."user" SET email_verified = false`)
	if _, err := p.s.BeginApp(t.Context(), p.token); !errors.Is(err, auth.ErrUnverified) {
		t.Errorf("with an address that nobody confirmed: %v", err)
	}
	exec(t, p.db, `UPDATE gatepost."user" SET email_verified = true;`)
	exec(t, p.db, `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes'`)
	if _, err := p.s.BeginApp(t.Context(), p.token); !errors.Is(err, session.ErrStale) {
		t.Errorf("from a stale session: %v", err)
	}
	if n := count(t, p.db, "totp_pending"); n != 0 {
		t.Errorf("%d keys were made", n)
	}
	q := aCareful(t)
	exec(t, q.db, `UPDATE gatepost.session SET second_at = now() - interval '11 minutes'`)
	if _, err := q.s.BeginApp(t.Context(), q.token); !errors.Is(err, auth.ErrStaleFactor) {
		t.Errorf("in place of another, with a factor that is stale: %v", err)
	}
}

// A right password gives nothing that opens anything; the code does, in the same browser, once.
func TestASignInHasTwoSteps(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	h := p.half(t, here)
	for what, token := range map[string]secret.Token{"the challenge": h.Challenge, "the browser": h.Browser} {
		if _, err := p.s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("%s is a session: %v", what, err)
		}
		if _, err := p.s.Account(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("%s opens the account: %v", what, err)
		}
	}
	at := here
	at.Browser = h.Browser
	if half, err := p.s.Half(t.Context(), h.Challenge, at); err != nil || half.Email != "ada@example.com" ||
		half.RecoveryCodes != 10 || !half.Remember {
		t.Errorf("the page is told %+v, %v", half, err)
	}
	code := p.code(t)
	another := here
	another.Browser = secret.NewToken()
	_, err := p.s.MeetSecondStep(t.Context(), auth.SecondStep{Challenge: h.Challenge, Code: code, Client: another})
	if !errors.Is(err, session.ErrNoChallenge) {
		t.Errorf("in another browser: %v", err)
	}
	issued, err := p.meet(t.Context(), h, here, code[:3]+" "+code[3:])
	if err != nil || issued.Session == "" || !issued.Remember {
		t.Fatalf("%+v, %v", issued, err)
	}
	if methods, level := p.methods(t, issued.Session); level != 2 ||
		!slices.Equal(methods, []session.Method{session.Password, session.OTP}) {
		t.Errorf("the session has %v", methods)
	}
	if _, err := p.meet(t.Context(), h, here, p.code(t)); !errors.Is(err, session.ErrNoChallenge) {
		t.Errorf("a second time: %v", err)
	}
	late := p.half(t, here)
	exec(t, p.db, `UPDATE gatepost.challenge SET expires_at = now()`)
	if _, err := p.meet(t.Context(), late, here, p.code(t)); !errors.Is(err, session.ErrNoChallenge) {
		t.Errorf("after its time: %v", err)
	}
}

// A code is accepted once, also of fifty tries at once at two gates.
func TestACodeIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	if _, err := p.answer(t, here, p.key.Code(1)); !errors.Is(err, auth.ErrWrongCode) {
		t.Errorf("one of 1970: %v", err)
	}
	second := auth.New(p.db, auth.Options{Keys: p.keys, Log: slog.New(slog.DiscardHandler)})
	defer second.Close()
	auth.HashCheaply(second)
	for what, code := range map[string]string{"of the app": p.code(t), "for recovery": p.codes[3].Groups()} {
		var halves []auth.Issued
		for range 10 {
			halves = append(halves, p.half(t, here))
		}
		before := count(t, p.db, "session")
		tries := make(chan int, 50)
		for i := range 50 {
			tries <- i
		}
		ok := 0
		for _, err := range atOnce(50, func() error {
			i := <-tries
			h, gate := halves[i%10], p.s
			if i%2 == 1 {
				gate = second
			}
			at := here
			at.Browser = h.Browser
			_, err := gate.MeetSecondStep(t.Context(), auth.SecondStep{Challenge: h.Challenge, Code: code, Client: at})
			return err
		}) {
			var wait *throttle.Error
			switch {
			case err == nil:
				ok++
			case errors.Is(err, auth.ErrUsedCode), errors.Is(err, session.ErrNoChallenge),
				what == "for recovery" && (errors.Is(err, auth.ErrWrongCode) || errors.As(err, &wait)):
			default:
				t.Errorf("%s: %v", what, err)
			}
		}
		if made := count(t, p.db, "session") - before; ok != 1 || made != 1 {
			t.Errorf("%s: accepted %d times, %d sessions", what, ok, made)
		}
		exec(t, p.db, `DELETE FROM gatepost.challenge`)
		forgetLimits(t, p.db)
	}
}

// Wrong codes are counted for the account, over all its challenges, and nothing that a new password does forgives them.
func TestCodesAreNotGuessed(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	looked := func() (n int) {
		t.Helper()
		if err := p.db.QueryRow(t.Context(), `SELECT failures FROM gatepost.totp`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var wait *throttle.Error
	for range 4 { // several challenges, many at once
		h := p.half(t, elsewhere)
		for _, err := range atOnce(12, func() error {
			_, err := p.meet(t.Context(), h, elsewhere, p.wrong(t))
			return err
		}) {
			if !errors.Is(err, auth.ErrWrongCode) && !errors.Is(err, session.ErrNoChallenge) && !errors.As(err, &wait) {
				t.Errorf("%v", err)
			}
		}
	}
	if n := looked(); n != 5 {
		t.Errorf("%d codes were looked at", n)
	}
	if _, err := p.answer(t, elsewhere, p.code(t)); !errors.As(err, &wait) {
		t.Errorf("the right code, from there: %v", err)
	}
	if _, err := p.answer(t, elsewhere, p.codes[0].Groups()); !errors.As(err, &wait) {
		t.Errorf("a recovery code, from there: %v", err)
	}
	link := p.o.resetLink(t, p.s, p.db, "ada@example.com") // which forgets other limits
	if _, err := p.s.ResetPassword(t.Context(), link, goodPassword, elsewhere); err != nil {
		t.Fatal(err)
	}
	if n := looked(); n != 5 {
		t.Errorf("a new password leaves %d", n)
	}
	if err := p.s.Enable(t.Context(), p.id); err != nil {
		t.Fatal(err)
	}
	if n := looked(); n != 0 {
		t.Errorf("an operator leaves %d", n)
	}
}

// A new password leaves the waits of wrong codes, and a right code at another door is not kept waiting.
func TestANewPasswordForgivesNoWrongCodes(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	h := p.half(t, elsewhere)
	for i := range 5 {
		if i == 3 {
			h = p.half(t, elsewhere)
		}
		if _, err := p.meet(t.Context(), h, elsewhere, p.wrong(t)); !errors.Is(err, auth.ErrWrongCode) {
			t.Fatal(err)
		}
	}
	h = p.half(t, elsewhere)
	var wait *throttle.Error
	if _, err := p.meet(t.Context(), h, elsewhere, p.code(t)); !errors.As(err, &wait) {
		t.Fatalf("not shut: %v", err)
	}
	if _, err := p.answer(t, p.home, p.code(t)); err != nil {
		t.Errorf("at home: %v", err)
	}
	for what, change := range map[string]func() error{
		"an operator's": func() error { return p.s.SetPassword(t.Context(), p.id, goodPassword) },
		"by a link": func() error {
			link, err := p.s.ResetLink(t.Context(), p.id)
			if err == nil {
				_, err = p.s.ResetPassword(t.Context(), link, goodPassword, here)
			}
			return err
		},
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.answer(t, elsewhere, p.code(t)); !errors.As(err, &wait) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// After a hundred wrong codes in a row the app is locked for strangers; a familiar browser and a recovery code are not.
func TestAfterAHundredWrongCodesTheAppIsLocked(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	exec(t, p.db, `UPDATE gatepost.totp SET failures = 100`)
	if _, err := p.answer(t, elsewhere, p.code(t)); !errors.Is(err, auth.ErrFactorLocked) {
		t.Errorf("a stranger's place: %v", err)
	}
	if _, err := p.answer(t, p.home, p.code(t)); err != nil {
		t.Errorf("at home: %v", err)
	}
	exec(t, p.db, `UPDATE gatepost.totp SET failures = 100`)
	if _, err := p.answer(t, elsewhere, p.codes[0].Groups()); err != nil {
		t.Errorf("a recovery code: %v", err)
	}
	if _, err := p.answer(t, elsewhere, p.code(t)); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// A recovery code lets in once, and its user is told how many are left; a new set voids the one before.
func TestRecoveryCodesLetInOnce(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	p.o.collect(t, p.s)
	issued, err := p.answer(t, elsewhere, " "+string(p.codes[0]))
	if err != nil {
		t.Fatal(err)
	}
	if methods, level := p.methods(t, issued.Session); level != 2 || !slices.Contains(methods, session.Recovery) {
		t.Errorf("the session has %v", methods)
	}
	if m := p.o.one(t, p.s, mail.RecoveryUsed, "ada@example.com"); m.Left != 9 || m.UserAgent != elsewhere.UserAgent {
		t.Errorf("the mail is %+v", m)
	}
	if _, err := p.answer(t, here, p.codes[0].Groups()); !errors.Is(err, auth.ErrWrongCode) {
		t.Errorf("again: %v", err)
	}
	set, err := p.s.NewRecoveryCodes(t.Context(), issued.Session, here)
	if err != nil || len(set) != 10 {
		t.Fatal(err)
	}
	p.o.one(t, p.s, mail.RecoveryNew, "ada@example.com")
	if _, err := p.answer(t, here, p.codes[1].Groups()); !errors.Is(err, auth.ErrWrongCode) {
		t.Errorf("one of the set before: %v", err)
	}
	if _, err := p.answer(t, here, set[9].Groups()); err != nil {
		t.Errorf("one of the new set: %v", err)
	}
	u, err := p.s.FindUser(t.Context(), "ada@example.com")
	if err != nil || !u.SecondFactor {
		t.Errorf("an operator sees %+v, %v", u, err)
	}
	for _, c := range append(set, p.codes...) {
		if n := mentions(t, p.db, string(c)) + mentions(t, p.db, c.Groups()); n != 0 {
			t.Error("a code is in the database")
		}
	}
}

// Nobody takes a second factor away who has not just proved it, whatever else they have.
func TestAFactorIsTakenAwayByWhoHasIt(t *testing.T) {
	t.Parallel()
	for what, prepare := range map[string]string{
		"proved long ago": `UPDATE gatepost.session SET second_at = now() - interval '11 minutes'`,
		"a session of before, whose password was proved now": `
			UPDATE gatepost.session SET second_at = NULL, methods = 'pwd', proved_at = now()`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := aCareful(t)
			exec(t, p.db, prepare)
			if _, err := p.s.RemoveApp(t.Context(), p.token, p.home); !errors.Is(err, auth.ErrStaleFactor) {
				t.Errorf("removed: %v", err)
			}
			if _, err := p.s.NewRecoveryCodes(t.Context(), p.token, p.home); !errors.Is(err, auth.ErrStaleFactor) {
				t.Errorf("new codes: %v", err)
			}
			if _, err := p.s.ProveFactor(t.Context(), p.token, p.wrong(t), p.home); !errors.Is(err, auth.ErrWrongCode) {
				t.Errorf("a wrong code: %v", err)
			}
			issued, err := p.s.ProveFactor(t.Context(), p.token, p.code(t), p.home)
			if err != nil {
				t.Fatal(err)
			}
			if was, err := p.s.Lookup(t.Context(), p.token); err != nil || was.ID != issued.SessionID {
				t.Errorf("the token before: %v", err)
			}
			if _, err := p.s.RemoveApp(t.Context(), p.token, p.home); !errors.Is(err, session.ErrNoSession) {
				t.Errorf("removed with the token before: %v", err)
			}
			h := p.half(t, elsewhere)
			p.o.collect(t, p.s)
			issued, err = p.s.RemoveApp(t.Context(), issued.Session, p.home)
			if err != nil {
				t.Fatal(err)
			}
			if methods, level := p.methods(t, issued.Session); level != 1 {
				t.Errorf("the session has %v", methods)
			}
			p.o.one(t, p.s, mail.FactorOff, "ada@example.com")
			if _, err := p.meet(t.Context(), h, elsewhere, p.codes[0].Groups()); !errors.Is(err, session.ErrNoChallenge) {
				t.Errorf("half a sign-in of before: %v", err)
			}
			if _, err := p.s.RemoveApp(t.Context(), issued.Session, p.home); !errors.Is(err, auth.ErrNoFactor) {
				t.Errorf("once more: %v", err)
			}
			if token, err := signIn(p.s, t.Context(), "ada@example.com", goodPassword); err != nil || token == "" {
				t.Errorf("afterwards: %v", err)
			}
			if count(t, p.db, "recovery_code") != 0 {
				t.Error("recovery codes are left")
			}
		})
	}
}

// A new password, by whatever way, asks for the factor at the next sign-in as before; a session keeps what was proved
// in it when the password is asked for again.
func TestANewPasswordSwitchesNoFactorOff(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	confirmed, err := p.s.Confirm(t.Context(), p.token, goodPassword, p.home)
	if err != nil || confirmed.Session == "" {
		t.Fatalf("%+v, %v", confirmed, err)
	}
	changed, err := p.s.ChangePassword(t.Context(), confirmed.Session, goodPassword, chosen, p.home)
	if err != nil || changed.Session == "" {
		t.Fatalf("%+v, %v", changed, err)
	}
	if methods, level := p.methods(t, changed.Session); level != 2 {
		t.Errorf("the session has %v", methods)
	}
	p.o.collect(t, p.s)
	link := p.o.resetLink(t, p.s, p.db, "ada@example.com")
	if _, err := p.s.ResetPassword(t.Context(), link, goodPassword, here); err != nil {
		t.Fatal(err)
	}
	p.half(t, here)
	if err := p.s.SetPassword(t.Context(), p.id, goodPassword); err != nil {
		t.Fatal(err)
	}
	p.half(t, here)
	if u, err := p.s.FindUser(t.Context(), p.id); err != nil || !u.SecondFactor || count(t, p.db, "recovery_code") != 10 {
		t.Errorf("%+v, %v", u, err)
	}
}

// An operator switches the factors of somebody off who has lost them. Every session ends, and the user is told.
func TestAnOperatorResetsFactors(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	h := p.half(t, here)
	p.o.collect(t, p.s)
	if err := p.s.ResetFactors(t.Context(), p.id); err != nil {
		t.Fatal(err)
	}
	p.o.one(t, p.s, mail.FactorOff, "ada@example.com")
	if _, err := p.s.Lookup(t.Context(), p.token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("a session: %v", err)
	}
	if _, err := p.meet(t.Context(), h, here, p.codes[0].Groups()); !errors.Is(err, session.ErrNoChallenge) {
		t.Errorf("half a sign-in: %v", err)
	}
	if token, err := signIn(p.s, t.Context(), "ada@example.com", goodPassword); err != nil || token == "" {
		t.Errorf("afterwards: %v", err)
	}
	if err := p.s.ResetFactors(t.Context(), p.id); !errors.Is(err, auth.ErrNoFactor) {
		t.Errorf("once more: %v", err)
	}
	if err := p.s.ResetFactors(t.Context(), "nobody"); !errors.Is(err, auth.ErrNoUser) {
		t.Errorf("nobody's: %v", err)
	}
}

// Where mail began to be sent later, somebody may have made an account with another's address, and an app for it. The
// first proof of the mailbox ends it.
func TestAStrangersFactorKeepsNoOwnerOut(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	exec(t, p.db, `UPDATE gatepost."user" SET email_verified = false`)
	link := p.o.resetLink(t, p.s, p.db, "ada@example.com")
	if _, err := p.s.ResetPassword(t.Context(), link, chosen, here); err != nil {
		t.Fatal(err)
	}
	if token, err := signIn(p.s, t.Context(), "ada@example.com", chosen); err != nil || token == "" {
		t.Errorf("the owner of the address: %v", err)
	}
	if count(t, p.db, "totp")+count(t, p.db, "recovery_code") != 0 {
		t.Error("the stranger's factors are left")
	}
}

// The export tells of the factors, and has no secret of them. With the user everything goes.
func TestFactorsAreExportedAndGoWithTheUser(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	if _, err := p.s.BeginApp(t.Context(), p.token); err != nil {
		t.Fatal(err)
	}
	e, err := p.s.Export(t.Context(), p.token, here)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if f := e.SecondFactors; len(f.Apps) != 1 || f.Apps[0].CreatedAt.IsZero() || f.RecoveryCodes != 10 {
		t.Errorf("%+v", f)
	}
	if err := p.s.DeleteUser(t.Context(), p.id); err != nil {
		t.Fatal(err)
	}
	if n := count(t, p.db, "totp") + count(t, p.db, "totp_pending") + count(t, p.db, "recovery_code"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// A wrong password is answered the same whether or not there is a factor.
func TestAWrongPasswordTellsNothingOfAFactor(t *testing.T) {
	t.Parallel()
	with, without := aCareful(t), aKeyed(t)
	for _, p := range []*careful{with, without} {
		issued, err := p.s.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com", Password: "another wrong one",
			Client: here})
		if err != auth.ErrBadCredentials || issued != (auth.Issued{}) || count(t, p.db, "challenge") != 0 {
			t.Errorf("%+v, %v", issued, err)
		}
	}
}

// What can be no code is refused before anything is counted, and a key that cannot be read leaves the recovery codes.
func TestBadInputAtTheSecondStep(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	h := p.half(t, here)
	for _, typed := range []string{"", "12345", "1234567", "code", "\xff\xfe", "\x00\x00\x00\x00\x00\x00"} {
		var input auth.InputError
		if _, err := p.meet(t.Context(), h, here, typed); !errors.As(err, &input) || input[0].Field != "code" {
			t.Errorf("%q: %v", typed, err)
		}
		if _, _, err := p.s.ConfirmApp(t.Context(), p.token, typed, here); !errors.As(err, &input) {
			t.Errorf("%q at the first code: %v", typed, err)
		}
	}
	for what, challenge := range map[string]secret.Token{"none": "", "unknown": secret.NewToken(), "a session": p.token} {
		_, err := p.s.MeetSecondStep(t.Context(), auth.SecondStep{Challenge: challenge, Code: "123456", Client: p.home})
		if !errors.Is(err, session.ErrNoChallenge) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, sql := range map[string]string{
		"damaged":        `UPDATE gatepost.totp SET secret = '\x00'`,
		"of another row": `UPDATE gatepost.totp SET secret = secret || '\x00'`,
	} {
		exec(t, p.db, sql)
		if _, err := p.answer(t, here, p.code(t)); !errors.Is(err, auth.ErrFactorUnreadable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := p.answer(t, here, p.codes[0].Groups()); err != nil {
		t.Errorf("a recovery code: %v", err)
	}
}

// A change of keys reaches the keys of apps.
func TestAKeyOfAnAppIsSealedAnew(t *testing.T) {
	t.Parallel()
	first, second := seal.NewKey(), seal.NewKey()
	p := aCareful(t, func(o *auth.Options) { o.Keys = keys(t, first) })
	both := auth.New(p.db, auth.Options{Keys: keys(t, second+","+first), Log: slog.New(slog.DiscardHandler)})
	defer both.Close()
	if _, err := both.RotateKeys(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	later := auth.New(p.db, auth.Options{Keys: keys(t, second), Log: slog.New(slog.DiscardHandler)})
	defer later.Close()
	if err := later.CheckKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := later.ProveFactor(t.Context(), p.token, p.code(t), p.home); err != nil {
		t.Errorf("with the new key alone: %v", err)
	}
}

// Who changes their factors over and over fills no outbox and no queue of hashes: what adds something is refused after
// a while, before anything is hashed. What takes a factor away is not.
func TestFactorsAreNotChangedWithoutEnd(t *testing.T) {
	t.Parallel()
	p := aCareful(t, atSite)
	p.has(t, passkeytest.New(passkeyOrigin))
	list, err := p.s.Passkeys(t.Context(), p.token)
	if err != nil {
		t.Fatal(err)
	}
	rename := func() error {
		_, err := p.s.RenamePasskey(t.Context(), p.token, list[0].ID, "Blue key", here)
		return err
	}
	var wait *throttle.Error
	made := 0
	for ; made < 100; made++ {
		if _, err = p.s.NewRecoveryCodes(t.Context(), p.token, here); err != nil {
			break
		}
	}
	if !errors.As(err, &wait) || made < 20 || made > 30 {
		t.Errorf("%d sets were made, %v", made, err)
	}
	begun, err := p.s.BeginApp(t.Context(), p.token)
	if err != nil {
		t.Fatal(err)
	}
	p.key = begun.Key
	another := func() error { _, err := p.add(t, passkeytest.New(passkeyOrigin)); return err }
	app := func() error { _, _, err := p.s.ConfirmApp(t.Context(), p.token, p.code(t), here); return err }
	for what, do := range map[string]func() error{"a name": rename, "another passkey": another, "another app": app} {
		if err := do(); !errors.As(err, &wait) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := p.s.RemovePasskey(t.Context(), p.token, list[0].ID, here); err != nil {
		t.Errorf("removed: %v", err)
	}
}

// Codes are judged by the clock of the database, which all gates share, and not by that of the machine.
func TestCodesGoByTheClockOfTheDatabase(t *testing.T) {
	t.Parallel()
	db := clockedPool(t)
	exec(t, db, `CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
		AS 'SELECT at FROM clock.face'`)
	p := &careful{keys: keys(t, seal.NewKey()), db: db, home: here}
	p.s = auth.New(db, auth.Options{Keys: p.keys, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(p.s.Close)
	auth.HashCheaply(p.s)
	p.token = signUp(t, p.s, "ada@example.com")
	begun, err := p.s.BeginApp(t.Context(), p.token)
	if err != nil {
		t.Fatal(err)
	}
	there := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	if _, _, err := p.s.ConfirmApp(t.Context(), p.token, begun.Key.Code(factor.Step(time.Now())), here); !errors.Is(err,
		auth.ErrWrongCode) {
		t.Errorf("the machine's code is the first: %v", err)
	}
	issued, _, err := p.s.ConfirmApp(t.Context(), p.token, begun.Key.Code(factor.Step(there)), here)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE clock.face SET at = at + interval '90 seconds'`)
	for _, at := range []time.Time{time.Now(), there, there.Add(30 * time.Second), there.Add(150 * time.Second)} {
		_, err := p.s.ProveFactor(t.Context(), issued.Session, begun.Key.Code(factor.Step(at)), here)
		if !errors.Is(err, auth.ErrWrongCode) {
			t.Errorf("the code of %v: %v", at, err)
		}
	}
	_, err = p.s.ProveFactor(t.Context(), issued.Session, begun.Key.Code(factor.Step(there.Add(2*time.Minute))), here)
	if err != nil {
		t.Errorf("the code of the next period: %v", err)
	}
}

// An API token that was made with a second factor has its level as long as its user has one: who resets what was lost,
// or stolen, leaves nothing behind that opens as much.
func TestAnAPITokenLosesItsLevelWithTheLastFactor(t *testing.T) {
	t.Parallel()
	for what, drop := range map[string]func(*testing.T, *careful) error{
		"removed": func(t *testing.T, p *careful) error { _, err := p.s.RemoveApp(t.Context(), p.token, here); return err },
		"reset":   func(t *testing.T, p *careful) error { return p.s.ResetFactors(t.Context(), p.id) },
	} {
		p := aCareful(t, anyRules, func(o *auth.Options) { o.TokensAAL2 = true })
		made, err := p.s.MakeAPIToken(t.Context(), p.token, backup, here)
		if err != nil {
			t.Fatal(err)
		}
		level := func() int {
			v, err := p.s.LookupToken(t.Context(), session.Asking{}, made.Secret)
			if err != nil {
				t.Fatal(err)
			}
			return v.Proof.Level()
		}
		if n := level(); n != 2 {
			t.Errorf("before: level %d", n)
		}
		if err := drop(t, p); err != nil {
			t.Fatal(err)
		}
		if n := level(); n != 1 {
			t.Errorf("%s: level %d", what, n)
		}
	}
}
