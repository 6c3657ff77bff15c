package auth_test

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// gateway is a store with two providers: corp, whose addresses the operator trusts, and other, whose addresses prove
// nothing.
type gateway struct {
	s     *auth.Store
	db    *pgxpool.Pool
	mails *office
	idp   map[string]*providertest.Server
}

func newGateway(t *testing.T, change ...func(*auth.Options)) gateway {
	t.Helper()
	g := gateway{idp: map[string]*providertest.Server{}}
	var list []*provider.Provider
	for _, name := range []string{"corp", "other"} {
		idp := providertest.New(t)
		spec := provider.Spec{Name: name, Label: "Provider " + name, Issuer: idp.URL(), ClientID: idp.ClientID,
			ClientSecret: secret.Text(idp.ClientSecret), TrustEmail: name == "corp", RoleClaim: "groups",
			Roles: map[string]string{"staff": "editor"}, Logout: true,
			SecondFactor: map[string][]string{"amr": {"mfa"}}}
		p, err := provider.New(spec, provider.Options{Callback: "http://gate.example/api/auth/callback/" + name,
			Insecure: true})
		if err != nil {
			t.Fatal(err)
		}
		g.idp[name], list = idp, append(list, p)
	}
	change = append([]func(*auth.Options){optional, func(o *auth.Options) { o.Providers = list }}, change...)
	g.s, g.db, g.mails = mailStore(t, change...)
	return g
}

// someone is a person with an address that the provider says is verified.
func someone(subject, email string) providertest.Person {
	return providertest.Person{Subject: subject, Email: email, EmailVerified: new(true), Name: "Ada of " + subject}
}

// begin begins a flow and has the provider answer.
func (g gateway) begin(t *testing.T, p providertest.Person, f auth.Flow) (auth.Begun, url.Values) {
	t.Helper()
	if f.Purpose == "" {
		f.Purpose = auth.ToSignIn
	}
	if !f.Client.Addr.IsValid() {
		f.Client = elsewhere
	}
	begun, err := g.s.BeginProvider(t.Context(), f)
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	g.idp[f.Provider].SetPerson(p)
	return begun, g.idp[f.Provider].Authorize(t, begun.URL.String())
}

// finish brings the answer to the gate, in the browser where the flow began.
func (g gateway) finish(t *testing.T, f auth.Flow, begun auth.Begun, answer url.Values) (auth.Finished, error) {
	t.Helper()
	c := f.Client
	if !c.Addr.IsValid() {
		c = elsewhere
	}
	return g.s.FinishProvider(t.Context(), auth.Callback{Provider: f.Provider, State: answer.Get("state"),
		ProviderAnswer: auth.ProviderAnswer{Code: answer.Get("code"), Error: answer.Get("error"),
			Issuer: answer.Get("iss")},
		Key: begun.Key, Session: f.Session, Client: c})
}

// come is a whole sign-in at a provider.
func (g gateway) come(t *testing.T, p providertest.Person, f auth.Flow) (auth.Finished, error) {
	t.Helper()
	begun, answer := g.begin(t, p, f)
	return g.finish(t, f, begun, answer)
}

func (g gateway) user(t *testing.T, token secret.Token) string {
	t.Helper()
	v, err := g.s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatalf("the session: %v", err)
	}
	return v.User.ID
}

// A person is issuer and subject: whoever is new gets an account, and finds it again whatever their address becomes.
func TestAnIdentityIsIssuerAndSubject(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	first, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp", Next: "/x?y"})
	if err != nil || first.Next != "/x?y" || first.Took {
		t.Fatalf("got %+v, %v", first, err)
	}
	ada := g.user(t, first.Session)
	v, err := g.s.Lookup(t.Context(), first.Session)
	if err != nil || !v.User.EmailVerified || v.User.Name != "Ada of 1" {
		t.Errorf("got %+v, %v", v.User, err)
	}
	again, err := g.come(t, someone("1", "else@example.com"), auth.Flow{Provider: "corp"})
	if err != nil || g.user(t, again.Session) != ada {
		t.Errorf("with another address: %v", err)
	}
	if v, err := g.s.Lookup(t.Context(), again.Session); err != nil || v.User.Email != "ada@example.com" {
		t.Errorf("a claim changed the address: %+v, %v", v.User, err)
	}
	other, err := g.come(t, someone("1", "bob@example.com"), auth.Flow{Provider: "other"})
	if err != nil || g.user(t, other.Session) == ada {
		t.Errorf("the same subject of another issuer is the same person: %v", err)
	}
	if v, err := g.s.Lookup(t.Context(), other.Session); err != nil || v.User.EmailVerified {
		t.Errorf("a provider that is no authority confirmed an address: %+v, %v", v.User, err)
	}
}

// Each rule of linking, and each attack on it that is known.
func TestLinking(t *testing.T) {
	t.Parallel()
	const ada = "ada@example.com"
	verified := `UPDATE gatepost."user" SET email_verified = true`
	for name, c := range map[string]struct {
		prepare  func(t *testing.T, g gateway) // Ada's account here, made with a password
		provider string
		person   providertest.Person
		want     error // nil: signed in to Ada's account
		took     bool
		password bool // Ada's password still works
	}{
		"verified on both sides": {func(t *testing.T, g gateway) { exec(t, g.db, verified) },
			"corp", someone("1", ada), nil, false, true},
		"verified, in other letters": {func(t *testing.T, g gateway) { exec(t, g.db, verified) },
			"corp", someone("1", "ADA@Example.com"), nil, false, true},
		"classic-federated merge: a squatter's password goes": {nil, "corp", someone("1", ada), nil, true, false},
		"a provider that is no authority": {func(t *testing.T, g gateway) { exec(t, g.db, verified) },
			"other", someone("1", ada), &auth.ClaimError{}, false, true},
		"no authority, and unconfirmed here": {nil, "other", someone("1", ada), &auth.ClaimError{}, false, true},
		"an authority that does not say verified": {func(t *testing.T, g gateway) { exec(t, g.db, verified) },
			"corp", providertest.Person{Subject: "1", Email: ada}, &auth.ClaimError{}, false, true},
		"recycled: the account is connected to another identity there": {func(t *testing.T, g gateway) {
			exec(t, g.db, verified)
			if _, err := g.come(t, someone("before", ada), auth.Flow{Provider: "corp"}); err != nil {
				t.Fatal(err)
			}
		}, "corp", someone("after", ada), &auth.ClaimError{}, false, true},
		"disabled": {func(t *testing.T, g gateway) {
			exec(t, g.db, verified)
			exec(t, g.db, `UPDATE gatepost."user" SET disabled_at = now()`)
		}, "corp", someone("1", ada), auth.ErrBadCredentials, false, false},
		"disabled, and connected": {func(t *testing.T, g gateway) {
			exec(t, g.db, verified)
			if _, err := g.come(t, someone("1", ada), auth.Flow{Provider: "corp"}); err != nil {
				t.Fatal(err)
			}
			exec(t, g.db, `UPDATE gatepost."user" SET disabled_at = now()`)
		}, "corp", someone("1", ada), auth.ErrBadCredentials, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			squatter := signUp(t, g.s, ada)
			id := g.user(t, squatter)
			if c.prepare != nil {
				c.prepare(t, g)
			}
			sessions := count(t, g.db, "session")
			done, err := g.come(t, c.person, auth.Flow{Provider: c.provider})
			if !matches(err, c.want) || done.Took != c.took {
				t.Fatalf("got %v, took %t", err, done.Took)
			}
			if c.want == nil && g.user(t, done.Session) != id {
				t.Error("it is another account")
			}
			if c.want != nil && (count(t, g.db, "session") > sessions || done.Session != "") {
				t.Error("a refusal made a session")
			}
			if n := count(t, g.db, `"user"`); n != 1 {
				t.Errorf("there are %d users", n)
			}
			if _, err := signIn(g.s, t.Context(), ada, goodPassword); (err == nil) != c.password {
				t.Errorf("the password: %v", err)
			}
			if c.took && alive(t, g.s, squatter) {
				t.Error("the squatter's session lives")
			}
		})
	}
}

func matches(err, want error) bool {
	if _, claim := want.(*auth.ClaimError); claim {
		return errors.As(err, new(*auth.ClaimError))
	}
	return errors.Is(err, want)
}

// What somebody made of an account before its owner came goes, whichever way the owner proves the mailbox.
func TestTheFirstProofOfAMailboxEndsWhatWasBefore(t *testing.T) {
	t.Parallel()
	const victim = "victim@example.com"
	for name, prove := range map[string]func(t *testing.T, g gateway) secret.Token{
		"a provider": func(t *testing.T, g gateway) secret.Token {
			done, err := g.come(t, someone("victim", victim), auth.Flow{Provider: "corp"})
			if err != nil || !done.Took {
				t.Fatalf("took %t, %v", done.Took, err)
			}
			return done.Session
		},
		"a reset": func(t *testing.T, g gateway) secret.Token {
			if err := g.s.RequestReset(t.Context(), victim, elsewhere); err != nil {
				t.Fatal(err)
			}
			link := g.mails.one(t, g.s, mail.Reset, victim).Link
			if _, err := g.s.ResetPassword(t.Context(), link, chosen, elsewhere); err != nil {
				t.Fatal(err)
			}
			token, err := signIn(g.s, t.Context(), victim, chosen)
			if err != nil {
				t.Fatal(err)
			}
			return token
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			squatter := signUp(t, g.s, victim)
			id := g.user(t, squatter)
			// The trojan identifier: the squatter's own identity signs in to the account.
			if _, err := g.come(t, someone("squatter", "evil@example.org"), auth.Flow{Provider: "other",
				Purpose: auth.ToLink, Session: squatter}); err != nil {
				t.Fatal(err)
			}
			made, err := g.s.MakeAPIToken(t.Context(), squatter, backup, here)
			if err != nil {
				t.Fatal(err)
			}
			g.mails.collect(t, g.s)
			// The unexpired change of address.
			issued, err := g.s.RequestEmailChange(t.Context(), squatter, goodPassword, "evil@example.org", here)
			if err != nil {
				t.Fatal(err)
			}
			squatter = issued.Session
			change := g.mails.one(t, g.s, mail.Change, "evil@example.org").Link
			exec(t, g.db, `UPDATE gatepost."user" SET role = 'admin'`)
			owner := prove(t, g)
			if g.user(t, owner) != id {
				t.Error("id and roles do not stay")
			}
			if alive(t, g.s, squatter) {
				t.Error("the unexpired session")
			}
			if _, err := g.s.LookupToken(t.Context(), session.Asking{}, made.Secret); !errors.Is(err, session.ErrNoSession) {
				t.Errorf("the API token: %v", err)
			}
			if _, err := signIn(g.s, t.Context(), victim, goodPassword); err == nil {
				t.Error("the squatter's password")
			}
			if err := g.s.ConfirmEmail(t.Context(), change, owner, here); !errors.Is(err, auth.ErrBadLink) {
				t.Errorf("the change of address: %v", err)
			}
			done, err := g.come(t, someone("squatter", "evil@example.org"), auth.Flow{Provider: "other"})
			if err == nil && g.user(t, done.Session) == id {
				t.Error("the trojan identifier")
			}
		})
	}
}

// A state works once, for its provider and its browser, and nobody else can use it up.
func TestAStateWorksOnceInItsBrowser(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	f := auth.Flow{Provider: "corp"}
	begun, answer := g.begin(t, someone("1", "ada@example.com"), f)
	refused := func(what string, f auth.Flow, b auth.Begun, a url.Values) {
		t.Helper()
		if _, err := g.finish(t, f, b, a); !errors.Is(err, auth.ErrNoFlow) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	other, _ := g.begin(t, someone("1", "ada@example.com"), f)
	refused("in a browser without the key", f, auth.Begun{}, answer)
	refused("with the key of another flow", f, other, answer)
	refused("at another provider's callback", auth.Flow{Provider: "other"}, begun, answer)
	refused("without a start", f, auth.Begun{Key: secret.NewToken()}, url.Values{"state": {"x"}, "code": {"y"}})
	refused("without a code", f, other, url.Values{"state": {answerState(t, g, other)}})
	if _, err := g.finish(t, f, begun, answer); err != nil {
		t.Fatalf("in its browser: %v", err)
	}
	refused("again", f, begun, answer)
	late, lateAnswer := g.begin(t, someone("1", "ada@example.com"), f)
	exec(t, g.db, `UPDATE gatepost.provider_flow SET expires_at = now()`)
	refused("too late", f, late, lateAnswer)
}

func answerState(t *testing.T, g gateway, b auth.Begun) string {
	t.Helper()
	return b.URL.Query().Get("state")
}

// Two tabs, and two gates: each flow has its own key, and any gate on the database answers.
func TestTwoTabsAndTwoGates(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	second := auth.New(g.db, auth.Options{Providers: g.s.Providers()})
	t.Cleanup(second.Close)
	f := auth.Flow{Provider: "corp"}
	one, first := g.begin(t, someone("1", "ada@example.com"), f)
	two, later := g.begin(t, someone("1", "ada@example.com"), f)
	if one.ID == two.ID {
		t.Fatal("two flows share a cookie")
	}
	if _, err := g.finish(t, f, two, later); err != nil {
		t.Errorf("the second tab: %v", err)
	}
	g.s = second
	if _, err := g.finish(t, f, one, first); err != nil {
		t.Errorf("the first tab, at another gate: %v", err)
	}
}

// Nothing in the table of flows can be used by whoever reads it.
func TestAFlowIsOnlyHashesInTheTable(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	begun, answer := g.begin(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err := g.s.Park(t.Context(), "corp", answer.Get("state"),
		auth.ProviderAnswer{Code: answer.Get("code")}); err != nil {
		t.Fatal(err)
	}
	var row string
	if err := g.db.QueryRow(t.Context(), `SELECT string_agg(f::text, ' ') FROM gatepost.provider_flow f`).
		Scan(&row); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if v := begun.URL.Query().Get(name); v == "" || strings.Contains(row, v) {
			t.Errorf("%s %q stands in %s", name, v, row)
		}
	}
	if code := answer.Get("code"); code == "" || strings.Contains(row, code) {
		t.Error("the code stands there")
	}
}

// An answer that came as a post from another site opens nothing, waits once, and is fetched by the browser alone.
func TestAParkedAnswerIsFetchedByItsBrowser(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	f := auth.Flow{Provider: "corp"}
	begun, answer := g.begin(t, someone("1", "ada@example.com"), f)
	park := func(code string) {
		t.Helper()
		if err := g.s.Park(t.Context(), "corp", answer.Get("state"), auth.ProviderAnswer{Code: code,
			Issuer: answer.Get("iss")}); err != nil {
			t.Fatal(err)
		}
	}
	park(answer.Get("code"))
	park("another's") // the first stays
	if n := count(t, g.db, "session"); n != 0 {
		t.Fatalf("%d sessions", n)
	}
	empty := url.Values{"state": answer["state"]}
	if _, err := g.finish(t, f, auth.Begun{}, empty); !errors.Is(err, auth.ErrNoFlow) {
		t.Errorf("another browser: %v", err)
	}
	if _, err := g.finish(t, f, begun, empty); err != nil {
		t.Errorf("its browser: %v", err)
	}
	begun, answer = g.begin(t, someone("1", "ada@example.com"), f)
	park(answer.Get("code"))
	exec(t, g.db, `UPDATE gatepost.provider_flow SET parked_until = now()`)
	if _, err := g.finish(t, f, begun, url.Values{"state": answer["state"]}); !errors.Is(err, auth.ErrNoFlow) {
		t.Errorf("after a minute: %v", err)
	}
	if err := g.s.Park(t.Context(), "corp", "made up", auth.ProviderAnswer{Code: "x"}); err != nil {
		t.Errorf("of a state that nobody began: %v", err)
	}
}

// Whoever fills their share of the flows loses their own oldest.
func TestFlowsAreBounded(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	f := auth.Flow{Provider: "corp"}
	mine, answer := g.begin(t, someone("1", "ada@example.com"), f)
	crowd := f
	crowd.Client.Addr = netip.MustParseAddr("203.0.113.66")
	first, _ := g.begin(t, someone("2", "eve@example.com"), crowd)
	for range 210 {
		if _, err := g.s.BeginProvider(t.Context(), auth.Flow{Provider: "corp", Purpose: auth.ToSignIn,
			Client: crowd.Client}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, g.db, "provider_flow"); n != 201 {
		t.Errorf("there are %d", n)
	}
	late := g.idp["corp"].Authorize(t, first.URL.String())
	if _, err := g.finish(t, crowd, first, late); !errors.Is(err, auth.ErrNoFlow) {
		t.Errorf("the oldest of the crowd: %v", err)
	}
	if _, err := g.finish(t, f, mine, answer); err != nil {
		t.Errorf("another network's: %v", err)
	}
}

// Whatever a provider does wrong, nobody gets in, nobody is made, and the audit line has the cause.
func TestAProviderThatMisbehavesOpensNothing(t *testing.T) {
	t.Parallel()
	for _, c := range providertest.Every() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(o *auth.Options) { o.AuditRetention = time.Hour })
			f := auth.Flow{Provider: "corp"}
			g.begin(t, someone("2", "eve@example.com"), f) // whose answer could be mixed up with this one
			g.idp["corp"].SetPerson(someone("1", "ada@example.com"))
			g.idp["corp"].Misbehave(c.Fault)
			begun, err := g.s.BeginProvider(t.Context(), auth.Flow{Provider: "corp", Purpose: auth.ToSignIn,
				Client: elsewhere})
			if err == nil {
				_, err = g.finish(t, f, begun, g.idp["corp"].Authorize(t, begun.URL.String()))
			}
			if fault := new(provider.Error); !errors.As(err, &fault) && !errors.Is(err, provider.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			g.s.Close() // writes down what waits
			var causes int
			if err := g.db.QueryRow(t.Context(), `
				SELECT count(*) FROM gatepost.audit_event WHERE result <> 'ok' AND details->>'cause' <> ''`).
				Scan(&causes); err != nil || causes != 1 {
				t.Errorf("%d audit lines have a cause, %v", causes, err)
			}
			if users, sessions := count(t, g.db, `"user"`), count(t, g.db, "session"); users+sessions > 0 {
				t.Errorf("%d users and %d sessions were made", users, sessions)
			}
		})
	}
}

// The roles of claims are those of the last sign-in, beside the user's own, and reach sessions at once.
func TestClaimedRolesComeAndGo(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ada := someone("1", "ada@example.com")
	roles := func(want ...string) secret.Token {
		t.Helper()
		done, err := g.come(t, ada, auth.Flow{Provider: "corp"})
		if err != nil {
			t.Fatal(err)
		}
		v, err := g.s.Lookup(t.Context(), done.Session)
		if err != nil || !slices.Equal(v.User.Roles, want) {
			t.Errorf("got %v, %v, want %v", v.User.Roles, err, want)
		}
		return done.Session
	}
	roles("user")
	ada.Claims = map[string]any{"groups": []string{"staff", "unmapped"}}
	token := roles("user", "editor")
	exec(t, g.db, `UPDATE gatepost."user" SET role = 'user,editor'`)
	roles("user", "editor")
	exec(t, g.db, `UPDATE gatepost."user" SET role = 'user'`)
	ada.Claims = nil
	roles("user")
	if v, err := g.s.Lookup(t.Context(), token); err != nil || !slices.Equal(v.User.Roles, []string{"user"}) {
		t.Errorf("a session from before: %v, %v", v.User.Roles, err)
	}
	byPassword, err := g.s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, g.db, `INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at)
		SELECT 'other', $1, $2, 3600, now() + interval '1 hour'`, auth.HashOf("by password"), byPassword.User.ID)
	exec(t, g.db, `UPDATE gatepost.account SET claim_roles = 'editor', claim_roles_until = now() - interval '1 second'`)
	if _, err := g.s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("roles that are too old ask for a sign-in: %v", err)
	}
	if v, err := g.s.Lookup(t.Context(), "by password"); err != nil || !slices.Equal(v.User.Roles, []string{"user"}) {
		t.Errorf("a session that came otherwise goes on without them: %v, %v", v.User.Roles, err)
	}
	if done, err := g.come(t, ada, auth.Flow{Provider: "corp"}); err != nil || !alive(t, g.s, done.Session) {
		t.Errorf("the sign-in: %v", err)
	}
	exec(t, g.db, `UPDATE gatepost.session SET created_at = now() - interval '1 minute' WHERE id = 'other';
		UPDATE gatepost.account SET claim_roles = 'editor', claim_roles_until = now() - interval '1 second'`)
	if alive(t, g.s, "by password") {
		t.Error("a session that came otherwise, and had the roles, does not ask for a sign-in")
	}
	exec(t, g.db, `UPDATE gatepost.account SET claim_roles = 'editor', claim_roles_until = NULL`)
	without := auth.New(g.db, auth.Options{})
	t.Cleanup(without.Close)
	if v, err := without.Lookup(t.Context(), "by password"); err != nil || !slices.Equal(v.User.Roles, []string{"user"}) {
		t.Errorf("a provider that is gone still gives roles: %v, %v", v.User.Roles, err)
	}
}

// An address in letters that only look like those of another is not that other address, and proves nothing.
func TestLookAlikesAreOtherPeople(t *testing.T) {
	t.Parallel()
	for mine, theirs := range map[string]string{"mike@example.com": "mi\u212Ae@example.com",
		"ada@github.example": "ada@g\u0130thub.example"} {
		g := newGateway(t)
		id := g.user(t, signUp(t, g.s, mine))
		exec(t, g.db, `UPDATE gatepost."user" SET email_verified = true`)
		done, err := g.come(t, someone("attacker", theirs), auth.Flow{Provider: "corp"})
		if err == nil && done.UserID == id {
			t.Errorf("%q is signed in as %s", theirs, mine)
		}
		if err == nil {
			if v, err := g.s.Lookup(t.Context(), done.Session); err != nil || v.User.EmailVerified {
				t.Errorf("%q counts as proved: %v", theirs, err)
			}
		}
	}
}

// Ids of two people that are one and the same when decoded are the ids of nobody.
func TestBrokenSubjectsAreNobody(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	for address, subject := range map[string]any{"a@example.com": providertest.Latin1,
		"b@example.com": providertest.OtherLatin1, "c@example.com": "\ufffd"} {
		g.idp["corp"].Misbehave(providertest.Claim("sub", subject))
		done, err := g.come(t, someone("", address), auth.Flow{Provider: "corp"})
		fault, ok := errors.AsType[*provider.Error](err)
		if !ok || fault.Kind != provider.NoSubject || done.Session != "" {
			t.Errorf("%s is signed in as %q, %v", address, done.UserID, err)
		}
	}
	if n := count(t, g.db, `"user"`); n != 0 {
		t.Errorf("there are %d users", n)
	}
}

// People behind one address do not take each other's place: what is over does not count.
func TestFinishedFlowsTakeNoPlace(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	f := auth.Flow{Provider: "corp"}
	mine, answer := g.begin(t, someone("1", "ada@example.com"), f)
	for i := range 5 {
		if _, err := g.come(t, someone(fmt.Sprint("n", i), fmt.Sprintf("n%d@example.com", i)), f); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, g.db, "provider_flow"); n != 1 {
		t.Errorf("%d are under way", n)
	}
	if _, err := g.finish(t, f, mine, answer); err != nil {
		t.Errorf("got %v", err)
	}
}
