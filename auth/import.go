package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/seal"
)

// Import brings people of another system over. See importer.Run; the rules for accounts are this Store's. It is
// audited as one event.
func (s *Store) Import(ctx context.Context, from importer.Source, o importer.Options) (importer.Counts, error) {
	o.Rules = importer.Rules{Email: CanonicalEmail, Name: canonicalName, Username: s.importedUsername,
		Roles: canonicalRoles, Provider: s.providerOf,
		Image: func(typed string) error { return checkImage(typed).orNil() }, SetPassword: setHash,
		Seals: !s.o.Keys.None(), HasFactor: hasFactor, AddFactor: s.addFactor, AddPasskey: s.addBroughtPasskey}
	var own string
	err := s.db.Repeat(ctx, "find the domain of passkeys", func(ctx context.Context) error {
		return s.db.Work.QueryRow(ctx, `SELECT coalesce(min(rp_id), '') FROM gatepost.passkey`).Scan(&own)
	})
	if err != nil {
		return importer.Counts{}, err
	}
	o.Rules.PasskeyDomain = func(said string) (domain string, err error) {
		if domain, err = importer.FitsDomain(s.site, said, own); err == nil {
			own = domain
		}
		return domain, err
	}
	counts, err := importer.Run(ctx, s.db, from, o)
	if o.DryRun || !counts.Any() {
		return counts, err
	}
	event := audit.Event{Name: "import", Result: importResult(err), Details: audit.Details{
		{Name: "source", Value: from.Name()},
		{Name: "created", Value: fmt.Sprint(counts.Created)}, {Name: "changed", Value: fmt.Sprint(counts.Changed)},
		{Name: "factors", Value: fmt.Sprint(counts.SecondFactorsBrought)},
		{Name: "passkeys", Value: fmt.Sprint(counts.Passkeys)},
		{Name: "barred", Value: fmt.Sprint(counts.Barred)}, {Name: "sessions", Value: fmt.Sprint(counts.Sessions)},
		{Name: "ended", Value: fmt.Sprint(counts.Ended)}}}
	return counts, cmp.Or(err, s.recordLast(ctx, event))
}

// addFactor gives a locked user who has no second factor the authenticator app and the recovery codes that they had
// elsewhere, and ends the sessions of one who was here before. No code of the app was used here yet.
func (s *Store) addFactor(ctx context.Context, tx pgx.Tx, userID string, key factor.Key, codes []string,
	before bool) error {
	sealed, err := s.seal(ctx, tx, seal.TOTPSecret, userID, key)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		WITH begun AS (DELETE FROM gatepost.totp_pending WHERE user_id = $1)
		INSERT INTO gatepost.totp (user_id, secret, last_step) VALUES ($1, $2, 0)`, userID, sealed)
	if err == nil {
		err = recoverySet{hashes: codes}.store(ctx, tx, userID)
	}
	if err == nil && before {
		_, err = s.sessions.EndAll(ctx, tx, userID)
	}
	return err
}

// addBroughtPasskey gives a locked user a passkey that they had elsewhere. Of one who was here before, half sign-ins
// and the trust in browsers end, and the sessions too if they had no second factor. Whether it signs in alone is known
// once it has told here who the person is.
func (s *Store) addBroughtPasskey(ctx context.Context, tx pgx.Tx, userID string, k importer.Passkey,
	before bool) (obstacle, err error) {
	had, err := hasFactor(ctx, tx, userID)
	if err != nil {
		return nil, err
	}
	if obstacle, here, err := takenHere(ctx, tx, userID, k.ID); here || err != nil {
		return obstacle, err
	}
	if k.Name, err = canonicalName(k.Name); err != nil {
		k.Name = ""
	}
	p := Passkey{ID: secret.NewID(), Name: cmp.Or(k.Name, k.Model()), key: k.Key, rpID: k.Domain}
	switch err := s.insertPasskey(ctx, tx, userID, &p); {
	case errors.Is(err, ErrManyPasskeys):
		return fmt.Errorf("is one too many: a user has at most %d here", PasskeysMost), nil
	case errors.Is(err, ErrNoCeremony): // somebody was first, since the import began
		return fmt.Errorf("was made for %q, and those that are here by now for another domain", k.Domain), nil
	case errors.Is(err, ErrPasskeyTaken): // at the same moment
		obstacle, _, err := takenHere(ctx, tx, userID, k.ID)
		return obstacle, err
	case err != nil:
		return nil, err
	}
	_, err = tx.Exec(ctx, `UPDATE gatepost.passkey SET created_at = least(created_at, $2) WHERE id = $1`, p.ID,
		orNull(k.Created))
	switch {
	case err != nil || !before:
	case had:
		err = s.sessions.EndSteps(ctx, tx, userID)
	default:
		_, err = s.sessions.EndAll(ctx, tx, userID)
	}
	return nil, err
}

// takenHere reports whether a passkey that a user had elsewhere is here already. If it is somebody else's, that is an
// obstacle.
func takenHere(ctx context.Context, tx pgx.Tx, userID string, credentialID []byte) (obstacle error, here bool,
	err error) {
	switch _, owner, err := passkeyBy(ctx, tx, credentialID); {
	case errors.Is(err, ErrNoPasskey):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case owner != userID:
		return errors.New("is one of the user " + owner + " here"), true, nil
	}
	return nil, true, nil
}

// importedUsername is CanonicalUsername, and where the user chose it chosenUsername.
func (s *Store) importedUsername(typed string, chosen bool) (string, error) {
	if chosen {
		return s.chosenUsername(typed)
	}
	return CanonicalUsername(typed)
}

// recordLast records what was done in many transactions, when it is over.
func (s *Store) recordLast(ctx context.Context, event audit.Event) error {
	err := s.db.Background(context.WithoutCancel(ctx), event.Name, func(ctx context.Context, tx pgx.Tx) error {
		return s.trail.Write(ctx, tx, event)
	})
	if err == nil {
		s.trail.Wrote(ctx, event)
	}
	return err
}

// importResult is the outcome of an import, or of another command on many people, that has done something.
func importResult(err error) string {
	if err != nil {
		return "broken-off"
	}
	return "ok"
}

// providerOf returns the name that the settings have for the provider with an issuer; empty: there is none.
func (s *Store) providerOf(issuer string) string {
	for _, p := range s.o.Providers {
		if p.Spec().Issuer == issuer {
			return p.Spec().Name
		}
	}
	return ""
}

// WrapWeak puts argon2id over each weak hash that came from elsewhere. See importer.WrapWeak.
func (s *Store) WrapWeak(ctx context.Context, progress func(read, about int64)) (int64, error) {
	n, err := importer.WrapWeak(ctx, s.db, progress)
	if n == 0 {
		return n, err
	}
	return n, cmp.Or(err, s.recordLast(ctx, audit.Event{Name: "wrap-hashes", Result: importResult(err),
		Details: audit.Details{{Name: "hashes", Value: fmt.Sprint(n)}}}))
}

// ExportAll calls f with every user; with their live sessions and the keys of their authenticator apps, which are
// secrets, if asked for. See importer.Export. It is audited as one event.
func (s *Store) ExportAll(ctx context.Context, sessions, keys bool, f func(importer.Exported) error) error {
	o := importer.ExportOptions{Sessions: sessions}
	if keys {
		o.Open = func(userID string, sealed []byte) (factor.Key, error) {
			b, err := s.o.Keys.Open(seal.TOTPSecret, userID, sealed)
			if err != nil {
				return nil, err
			}
			return factor.KeyOf(b)
		}
	}
	var n int64
	err := importer.Export(ctx, s.db, o, func(e importer.Exported) error {
		if e.ID != "" {
			n++
		}
		return f(e)
	})
	return cmp.Or(err, s.recordLast(ctx, audit.Event{Name: "export-users", Result: importResult(err),
		Details: audit.Details{{Name: "users", Value: fmt.Sprint(n)}}}))
}
