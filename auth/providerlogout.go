package auth

import (
	"cmp"
	"context"
	"errors"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

// ErrReplayed means that a logout token was accepted before.
var ErrReplayed = errors.New("the logout token was used before")

// LogoutURL returns where the browser of a session goes on to sign out of the provider that the session came by, and
// how people call that one. It is nil if the session came by none, or by one that is not signed out of or has another
// issuer now. It is asked before SignOut. back is where the provider sends the browser then. A provider that does not
// answer is left alone.
func (s *Store) LogoutURL(ctx context.Context, t secret.Token, back string) (to *url.URL, label string, err error) {
	if t == "" || len(s.o.Providers) == 0 {
		return nil, "", nil
	}
	var id, name string
	var sealed []byte
	err = s.db.Repeat(ctx, "find the provider of a session", func(ctx context.Context) error {
		err := s.db.Pages.QueryRow(ctx, `
			SELECT s.id, a.provider_id, s.id_token FROM gatepost.session s
			JOIN gatepost.account a ON a.id = s.account_id AND `+s.atProvider("a")+`
			WHERE (s.token = $1 OR s.last_token = $1) AND s.expires_at > now()`, t.Hash()).
			Scan(&id, &name, &sealed)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	p, unknown := s.provider(name)
	if unknown != nil || !p.Spec().Logout {
		return nil, "", nil
	}
	hint, err := s.o.Keys.Open(seal.SessionIDToken, id, sealed)
	if err != nil {
		hint = nil // the client id will have to do
	}
	to, err = p.LogoutURL(ctx, string(hint), back)
	return to, p.Label(), err
}

// reseal moves an ID token from one session to the one that replaces it.
func (s *Store) reseal(ctx context.Context, tx pgx.Tx, from, to string, sealed []byte) ([]byte, error) {
	if token, err := s.o.Keys.Open(seal.SessionIDToken, from, sealed); err == nil {
		return s.seal(ctx, tx, seal.SessionIDToken, to, token)
	}
	return nil, nil // a key that is gone costs the hint, and no session
}

// loggedOutFor is how long it is remembered that a provider's session, or all of a person's there, have ended: as long
// as a sign-in may be under way, and the claim that it may end in.
const loggedOutFor = FlowFor + ClaimFor

// EndByProvider ends the sessions that a provider's logout token names: those of its session there, or all of the
// person's that came by it. A token works once. It fails with ErrNoProvider, a *provider.Error, ErrReplayed,
// provider.ErrUnavailable or database.ErrUnavailable.
func (s *Store) EndByProvider(ctx context.Context, name, token string, c secret.Client) error {
	p, err := s.provider(name)
	if err != nil {
		return err
	}
	l, err := p.VerifyLogout(ctx, token)
	err = leftOr(ctx, err)
	var users []string
	if err == nil {
		users, err = s.endByProvider(ctx, l, name, c)
	}
	v := audit.Event{Name: "provider-sign-out", Result: result(err), Client: c, Details: providerDetails(name, err)}
	for _, v.UserID = range users {
		s.Changed(v.UserID)
		s.trail.Wrote(ctx, v)
	}
	if len(users) == 0 {
		s.trail.Note(ctx, v)
	}
	return err
}

// endByProvider ends the sessions of a logout token, and returns whose they were. What ended is noted before, in a
// transaction of its own: a sign-in under way finds the note, or has made its session by then, also that of somebody
// whom nobody here knew. A token that fails after it can come again.
func (s *Store) endByProvider(ctx context.Context, l provider.Logout, name string,
	c secret.Client) (users []string, err error) {
	if err := s.noteLogout(ctx, l); err != nil {
		return nil, err
	}
	err = s.db.Transact(ctx, "sign out by a provider", func(ctx context.Context, tx pgx.Tx) (err error) {
		users = nil                                                                      // of a try before this one
		if used, err := logoutKept(ctx, tx, l.Issuer, "jti", l.ID); err != nil || used { // a refusal only reads
			return cmp.Or(err, ErrReplayed)
		}
		if _, err := tx.Exec(ctx, `
			SELECT FROM gatepost."user" WHERE id IN (SELECT s.user_id `+named("session")+`
			    UNION SELECT s.user_id `+named("challenge")+`
			    UNION SELECT user_id FROM gatepost.account WHERE issuer = $1 AND account_id = $2)
			ORDER BY id FOR NO KEY UPDATE`, l.Issuer, l.Subject, l.SessionID); err != nil {
			return err
		}
		if err := keepLogout(ctx, tx, l); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			WITH ended AS (DELETE FROM gatepost.session WHERE id IN (SELECT s.id `+named("session")+`)
			        AND `+session.Because("signed-out-at-provider")+` RETURNING user_id),
			     half AS (DELETE FROM gatepost.challenge WHERE id IN (SELECT s.id `+named("challenge")+`))
			SELECT DISTINCT user_id FROM ended`, l.Issuer, l.Subject, l.SessionID)
		if err != nil {
			return err
		}
		if users, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		for _, id := range users {
			if err := s.record(ctx, tx, "provider-sign-out", id, c, providerDetails(name, nil)...); err != nil {
				return err
			}
		}
		return nil
	})
	return users, err
}

// named selects the rows s of a table, session or challenge, that a logout token names: by issuer, and by
// subject, session or both. Of a row that came without the provider's id it is not known which one it is there, so a
// token with a subject ends it, too.
func named(table string) string {
	return `FROM gatepost.` + table + ` s JOIN gatepost.account a ON a.id = s.account_id
	WHERE a.issuer = $1 AND ($2 = '' OR a.account_id = $2)
	    AND ($3 IN ('', s.provider_sid) OR $2 <> '' AND coalesce(s.provider_sid, '') = '')`
}

// noteLogout notes what a logout token ends. It waits for the sign-ins that looked for the note before it was there,
// and is done once they are.
func (s *Store) noteLogout(ctx context.Context, l provider.Logout) error {
	var ended []string
	if l.SessionID != "" {
		ended = append(ended, logoutID(l.Issuer, "sid", l.SessionID))
	}
	switch {
	case l.Subject == "":
	case l.SessionID == "": // all of the person's sessions there
		ended = append(ended, logoutID(l.Issuer, "sub", l.Subject))
	default: // besides, those of the person of which it is not known which they are there
		ended = append(ended, logoutID(l.Issuer, "unnamed", l.Subject))
	}
	return s.db.Transact(ctx, "note a log-out at a provider", func(ctx context.Context, tx pgx.Tx) error {
		if used, err := logoutKept(ctx, tx, l.Issuer, "jti", l.ID); err != nil || used {
			return cmp.Or(err, ErrReplayed)
		}
		if _, err := tx.Exec(ctx, `
			SELECT pg_advisory_xact_lock(key) FROM (SELECT hashtextextended(id, 0) AS key FROM unnest($1::text[]) AS id
			    ORDER BY key) AS sorted`, ended); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO gatepost.logout_token (id, expires_at)
			SELECT id, clock_timestamp() + $2::interval FROM unnest($1::text[]) AS id ORDER BY id
			ON CONFLICT (id) DO UPDATE SET expires_at = greatest(logout_token.expires_at, excluded.expires_at)`,
			ended, loggedOutFor)
		return err
	})
}

// keepLogout notes a logout token, which works once.
func keepLogout(ctx context.Context, tx pgx.Tx, l provider.Logout) error {
	tag, err := tx.Exec(ctx, `
		INSERT INTO gatepost.logout_token (id, expires_at) VALUES ($1, greatest($2, now()) + interval '5 minutes')
		ON CONFLICT DO NOTHING`, logoutID(l.Issuer, "jti", l.ID), l.Expires)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrReplayed
	}
	return err
}

func logoutID(issuer, kind, value string) string {
	return secret.Token(kind + "\x00" + issuer + "\x00" + value).Hash()
}

// loggedOut reports whether the provider has ended its session, or all of the person's, while a sign-in by it was
// under way. A logout says nothing about a sign-in that began after it, also in the same session there: some providers
// end those of one client alone. A logout that comes from now on waits until the transaction has ended: see noteLogout.
func loggedOut(ctx context.Context, tx pgx.Tx, v visit) (yes bool, err error) {
	ids := []string{logoutID(v.id.Issuer, "sub", v.id.Subject), logoutID(v.id.Issuer, "unnamed", v.id.Subject)}
	if v.id.SessionID != "" {
		ids[1] = logoutID(v.id.Issuer, "sid", v.id.SessionID)
	}
	_, err = tx.Exec(ctx, `
		SELECT pg_advisory_xact_lock_shared(key) FROM (SELECT hashtextextended(id, 0) AS key FROM unnest($1::text[]) AS id
		    ORDER BY key) AS sorted`, ids)
	if err != nil {
		return false, err
	}
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM gatepost.logout_token
		    WHERE id = ANY ($1) AND expires_at > $2::timestamptz + $3::interval)`,
		ids, v.flow.began, loggedOutFor).Scan(&yes)
	return yes, err
}

func logoutKept(ctx context.Context, tx pgx.Tx, issuer, kind, value string) (yes bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost.logout_token WHERE id = $1 AND expires_at > now())`,
		logoutID(issuer, kind, value)).Scan(&yes)
	return yes, err
}

// providerDetails are the details of an event at a provider: its name, and the cause of a failure, for operators.
func providerDetails(name string, err error) audit.Details {
	d := audit.Details{{Name: "provider", Value: name}}
	var fault *provider.Error
	switch {
	case errors.As(err, &fault):
		d = append(d, audit.Detail{Name: "cause", Value: fault.Cause()})
	case errors.Is(err, ErrNoFlow), errors.Is(err, ErrLoggedOut):
		d = append(d, audit.Detail{Name: "cause", Value: err.Error()})
	}
	return d
}
