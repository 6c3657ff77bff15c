package auth_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

// anyRules lets tokens be narrowed to whatever begins with a slash.
func anyRules(o *auth.Options) {
	o.CheckTokenRules = func(s string) error {
		if !strings.HasPrefix(s, "/") {
			return errors.New("no rules")
		}
		return nil
	}
}

var backup = auth.NewAPIToken{Name: "backup", Lifetime: auth.APITokenLifetime}

// An API token is made by somebody who was proved a short while ago, by the second factor if there is one. Its user is
// told, and the mail holds nothing that they have typed, nor the token.
func TestAnAPITokenTakesAFreshProofAndIsMailedAbout(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, anyRules)
	token := signUp(t, s, "ada@example.com")
	o.collect(t, s)
	made, err := s.MakeAPIToken(t.Context(), token, backup, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	m := o.one(t, s, mail.TokenNew, "ada@example.com")
	if m.Token != made.Hint || !m.Ends.Equal(made.ExpiresAt) || m.UserAgent != elsewhere.UserAgent {
		t.Errorf("the mail says %+v", m)
	}
	v, err := s.LookupToken(t.Context(), session.Asking{}, made.Secret)
	if err != nil || v.User.Email != "ada@example.com" || v.Grant.ID != made.ID || v.Proof.Level() != 1 ||
		v.Age() < 100*365*24*time.Hour {
		t.Errorf("it opens %+v, %v", v, err)
	}
	exec(t, db, `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes'`)
	if _, err := s.MakeAPIToken(t.Context(), token, backup, here); !errors.Is(err, session.ErrStale) {
		t.Errorf("after a while: %v", err)
	}
	if err := s.MayMakeAPIToken(t.Context(), token); !errors.Is(err, session.ErrStale) {
		t.Errorf("may they? %v", err)
	}
	if list, err := s.APITokens(t.Context(), token); err != nil || len(list) != 1 || list[0].ID != made.ID {
		t.Errorf("they have %v, %v", list, err)
	}
	if err := s.RevokeAPIToken(t.Context(), token, made.ID, here); err != nil { // however old the proof is
		t.Fatal(err)
	}
	if _, err := s.LookupToken(t.Context(), session.Asking{}, made.Secret); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("it goes on: %v", err)
	}
}

// Nobody sees or ends the tokens of others.
func TestAPITokensAreTheirUsersAlone(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t, anyRules)
	ada, eve := signUp(t, s, "ada@example.com"), signUp(t, s, "eve@example.com")
	made, err := s.MakeAPIToken(t.Context(), ada, backup, here)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.APITokens(t.Context(), eve); err != nil || len(list) != 0 {
		t.Errorf("eve sees %v, %v", list, err)
	}
	if err := s.RevokeAPIToken(t.Context(), eve, made.ID, here); err != nil {
		t.Fatal(err)
	}
	if n, err := s.RevokeAPITokens(t.Context(), eve, here); err != nil || n != 0 {
		t.Errorf("eve ends %d, %v", n, err)
	}
	if _, err := s.LookupToken(t.Context(), session.Asking{}, made.Secret); err != nil {
		t.Errorf("ada's has ended: %v", err)
	}
	for _, wrong := range []secret.Token{"", secret.NewToken(), secret.Token(made.Secret)} {
		if _, err := s.MakeAPIToken(t.Context(), wrong, backup, here); !errors.Is(err, session.ErrNoSession) {
			t.Errorf("somebody else: %v", err)
		}
	}
}

func TestWhatIsWrongWithANewAPIToken(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, anyRules)
	token := signUp(t, s, "ada@example.com")
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		n     auth.NewAPIToken
		field string
	}{
		"no name":          {auth.NewAPIToken{Name: " ", Lifetime: day}, "name"},
		"a name of blanks": {auth.NewAPIToken{Name: "a\nb", Lifetime: day}, "name"},
		"a long name":      {auth.NewAPIToken{Name: strings.Repeat("x", 101), Lifetime: day}, "name"},
		"for ever":         {auth.NewAPIToken{Name: "x"}, "days"},
		"too long":         {auth.NewAPIToken{Name: "x", Lifetime: auth.APITokenLongest + 1}, "days"},
		"in the past":      {auth.NewAPIToken{Name: "x", Lifetime: -day}, "days"},
		"no rules":         {auth.NewAPIToken{Name: "x", Lifetime: day, Rules: "x"}, "rules"},
		"long rules":       {auth.NewAPIToken{Name: "x", Lifetime: day, Rules: "/" + strings.Repeat("x", 2048)}, "rules"},
		"another's role":   {auth.NewAPIToken{Name: "x", Lifetime: day, Narrowed: true, Roles: []string{"admin"}}, "roles"},
		"no role":          {auth.NewAPIToken{Name: "x", Lifetime: day, Narrowed: true, Roles: []string{"a b"}}, "roles"},
	} {
		var input auth.InputError
		if _, err := s.MakeAPIToken(t.Context(), token, c.n, here); !errors.As(err, &input) || input[0].Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	exec(t, db, `INSERT INTO gatepost.api_token (id, token, user_id)
		SELECT n::text, n::text, id FROM gatepost."user", generate_series(1, 100) n`)
	if _, err := s.MakeAPIToken(t.Context(), token, backup, here); !errors.Is(err, auth.ErrManyTokens) {
		t.Errorf("one more than fit: %v", err)
	}
}

// Whoever makes and revokes API tokens in turn fills neither a mailbox nor the record.
func TestAPITokensAreNotMadeWithoutEnd(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t, anyRules)
	token := signUp(t, s, "ada@example.com")
	var wait *throttle.Error
	var err error
	made := 0
	for ; made < 100; made++ {
		var m auth.MadeAPIToken
		if m, err = s.MakeAPIToken(t.Context(), token, backup, here); err != nil {
			break
		}
		if err := s.RevokeAPIToken(t.Context(), token, m.ID, here); err != nil {
			t.Fatal(err)
		}
	}
	if !errors.As(err, &wait) || made != 30 {
		t.Errorf("%d were made, %v", made, err)
	}
}

// A week before the end the user is told, once, whichever gate sweeps. Nobody is told who is disabled.
func TestAnAPITokenThatEndsIsMailedAboutOnce(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	token := signUp(t, s, "ada@example.com")
	for _, days := range []int{90, 7, 30} {
		n := auth.NewAPIToken{Name: "x", Lifetime: time.Duration(days) * 24 * time.Hour}
		if _, err := s.MakeAPIToken(t.Context(), token, n, secret.Client{Language: "de"}); err != nil {
			t.Fatal(err)
		}
	}
	o.collect(t, s)
	sweep := func() []mail.Mail {
		t.Helper()
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		return o.collect(t, s)
	}
	if sent := sweep(); len(sent) != 0 {
		t.Errorf("too early: %v", sent)
	}
	exec(t, db, `UPDATE gatepost.api_token SET expires_at = now() + interval '6 days'
		WHERE expires_at > now() + interval '60 days'`)
	if sent := sweep(); len(sent) != 1 || sent[0].Kind != mail.TokenEnds || sent[0].To != "ada@example.com" ||
		sent[0].Language != "de" || sent[0].Token == "" || sent[0].Ends.IsZero() {
		t.Errorf("sent %+v", sent)
	}
	if sent := sweep(); len(sent) != 0 {
		t.Errorf("told again: %v", sent)
	}
	exec(t, db, `UPDATE gatepost."user" SET disabled_at = now();
		UPDATE gatepost.api_token SET warned_at = NULL, expires_at = now() + interval '1 day'`)
	if sent := sweep(); len(sent) != 0 {
		t.Errorf("a disabled user is told: %v", sent)
	}
	exec(t, db, `UPDATE gatepost.api_token SET expires_at = now() - interval '31 days'`)
	sweep()
	var left int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.api_token`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d are left, %v", left, err)
	}
}

// A service account gets no mail and no way in, whoever asks, and nobody signs up as one.
func TestAServiceAccountHasNoMailboxAndNoLogin(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, anyRules)
	u, err := s.CreateService(t.Context(), auth.NewService{Name: "deploy", Roles: []string{"deployer"}})
	if err != nil || u.Email != u.ID+"@service.invalid" || u.EmailVerified || !u.IsService() {
		t.Fatalf("%+v, %v", u, err)
	}
	made, err := s.MakeAPITokenOf(t.Context(), u.ID, backup)
	if err != nil || !strings.HasPrefix(string(made.Secret), "gps_") {
		t.Fatal(err)
	}
	if err := s.RequestReset(t.Context(), u.Email, here); err != nil {
		t.Fatal(err)
	}
	if sent := o.collect(t, s); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
	if _, err := s.ResetLink(t.Context(), u.ID); !errors.Is(err, auth.ErrService) {
		t.Errorf("a link: %v", err)
	}
	if _, err := signIn(s, t.Context(), u.Email, goodPassword); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a login: %v", err)
	}
	var input auth.InputError
	if _, err := s.SignUp(t.Context(), auth.NewUser{Email: "x@Service.Invalid", Password: goodPassword}, true, "",
		here); !errors.As(err, &input) {
		t.Errorf("a sign-up: %v", err)
	}
	if _, err := s.CreateService(t.Context(), auth.NewService{Name: "a\nb"}); !errors.As(err, &input) {
		t.Errorf("a bad name: %v", err)
	}
	var users int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost."user"`).Scan(&users); err != nil || users != 1 {
		t.Errorf("%d users, %v", users, err)
	}
	// Where addresses have to be confirmed, a service account counts all the same.
	strict := auth.New(db, auth.Options{Verify: auth.VerifyRequired, Send: o.send})
	defer strict.Close()
	if v, err := strict.LookupToken(t.Context(), session.Asking{}, made.Secret); err != nil ||
		!v.User.HasAny([]string{"deployer"}) {
		t.Errorf("%+v, %v", v, err)
	}
}

// Tokens that never end count while the setting allows them, and those of a second factor count as one while it does.
func TestSettingsTakeAPITokensBack(t *testing.T) {
	t.Parallel()
	loose, db := authtest.NewStore(t, func(o *auth.Options) { o.TokensForever, o.TokensAAL2 = true, true })
	token := signUp(t, loose, "ada@example.com")
	made, err := loose.MakeAPIToken(t.Context(), token, auth.NewAPIToken{Name: "eternal"}, here)
	if err != nil || !made.ExpiresAt.IsZero() || made.Level != 1 {
		t.Fatal(made.APIToken, err)
	}
	exec(t, db, `UPDATE gatepost.api_token SET level = 2`)
	if v, err := loose.LookupToken(t.Context(), session.Asking{}, made.Secret); err != nil || v.Proof.Level() != 2 {
		t.Errorf("with the settings: %+v, %v", v, err)
	}
	strict := auth.New(db, auth.Options{})
	defer strict.Close()
	if _, err := strict.LookupToken(t.Context(), session.Asking{}, made.Secret); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("without: %v", err)
	}
	exec(t, db, `UPDATE gatepost.api_token SET expires_at = now() + interval '1 hour'`)
	if v, err := strict.LookupToken(t.Context(), session.Asking{}, made.Secret); err != nil || v.Proof.Level() != 1 {
		t.Errorf("with an end: %+v, %v", v, err)
	}
}

// asks counts the statements on a pool.
type asks struct{ n atomic.Int64 }

// TraceQueryStart counts one.
func (a *asks) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	a.n.Add(1)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*asks) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// The look-up of an API token takes as many statements as that of a session, which is one, and noise takes none.
func TestALookUpOfAnAPITokenCostsWhatASessionsDoes(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(authtest.NewDatabase(t) + "&pool_max_conns=10")
	if err != nil {
		t.Fatal(err)
	}
	count := &asks{}
	config.ConnConfig.Tracer = count
	db, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := auth.New(db, auth.Options{})
	defer s.Close()
	cookie := signUp(t, s, "ada@example.com")
	made, err := s.MakeAPIToken(t.Context(), cookie, backup, here)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE gatepost.api_token SET used_at = now()`) // so that no use is to be written
	took := func(look func() error) int64 {
		t.Helper()
		before := count.n.Load()
		if err := look(); err != nil {
			t.Fatal(err)
		}
		return count.n.Load() - before
	}
	byCookie := func() error { _, err := s.Lookup(t.Context(), cookie); return err }
	byToken := func() error { _, err := s.LookupToken(t.Context(), session.Asking{}, made.Secret); return err }
	_, _ = took(byCookie), took(byToken) // pgx prepares each statement once
	if a, b := took(byCookie), took(byToken); a != 1 || b != a {
		t.Errorf("a session takes %d, a token %d", a, b)
	}
	if n := took(func() error {
		if _, err := s.LookupToken(t.Context(), session.Asking{}, ""); !errors.Is(err, session.ErrNoSession) {
			return err
		}
		return nil
	}); n != 0 {
		t.Errorf("noise takes %d", n)
	}
}

// Wrong tokens of a network are refused without a query after a while. A token that was right before goes on, and other
// networks notice nothing.
func TestWrongAPITokensAreThrottledByNetwork(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	made, err := s.MakeAPIToken(t.Context(), signUp(t, s, "ada@example.com"), backup, here)
	if err != nil {
		t.Fatal(err)
	}
	near := session.Asking{Client: netip.MustParseAddr("198.51.100.7")}
	far := session.Asking{Client: netip.MustParseAddr("203.0.113.9")}
	look := func(as session.Asking, t secret.APIToken) error {
		_, err := s.LookupToken(context.Background(), as, t)
		return err
	}
	if err := look(near, made.Secret); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for ; tried < 200; tried++ {
		if err := look(near, secret.NewAPIToken("gpt_")); errors.Is(err, share.ErrCrowded) {
			break
		} else if !errors.Is(err, session.ErrNoSession) {
			t.Fatal(err)
		}
	}
	if tried < 20 || tried > 60 { // a few come back meanwhile
		t.Errorf("%d were looked up", tried)
	}
	if err := look(near, made.Secret); err != nil {
		t.Errorf("the right one, from there: %v", err)
	}
	if err := look(far, secret.NewAPIToken("gpt_")); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("from elsewhere: %v", err)
	}
	exec(t, db, `DELETE FROM gatepost.api_token`)
	if err := look(near, made.Secret); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("once it is revoked: %v", err)
	}
	if err := look(near, made.Secret); !errors.Is(err, share.ErrCrowded) {
		t.Errorf("and again: %v", err)
	}
}
