package importer

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/secret"
)

// dropped is the value of factorField for people who came without their second factor.
const dropped = "dropped"

// factorValue is what factorField has of somebody with a second factor.
func (p *plan) factorValue() string {
	if p.App == nil {
		return dropped
	}
	return "app " + p.App.Base32()
}

// hasFactor reports whether somebody has a second factor at the source that is asked for here.
func (p *Person) hasFactor() bool { return p.SecondFactor || len(p.Passkeys) > 0 }

// factorBroughtSQL is whether the record r says that a second factor was brought over.
var factorBroughtSQL = fmt.Sprintf(`coalesce(r.wrote ->> '%s' <> '%s', false)`, factorField,
	digest(factorField, dropped))

// FactorBrought reports whether an import has brought the second factor of a user over. It is the factor of whoever
// was the user before, also where the source had not confirmed their address.
func FactorBrought(ctx context.Context, tx pgx.Tx, userID string) (yes bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost.import_record r WHERE r.user_id = $1 AND `+
		factorBroughtSQL+`)`, userID).Scan(&yes)
	return yes, err
}

// errOtherFactor is why a second factor is not brought over that is no authenticator app.
var errOtherFactor = errors.New("it is no authenticator app whose key the source has, as codes by mail or SMS are none")

// errNoSealing is why no second factor is brought over where none can be kept.
var errNoSealing = errors.New("its key is kept encrypted here, which needs GATEPOST_ENCRYPTION_KEY (`gatepost key " +
	"new` makes one)")

// takeKey takes the key of an authenticator app as Base32.
func (p *Person) takeKey(text string) {
	p.SecondFactor = true
	if p.App, p.errFactor = factor.ParseKey(text); p.errFactor != nil {
		p.App = nil
	}
}

// takeCodes takes recovery codes of the source. What is none stays there, which is told.
func (p *Person) takeCodes(list []string) {
	for _, text := range list {
		code, ok := factor.BroughtCode(text)
		switch {
		case len(p.RecoveryCodes) == codesMost:
			p.Notes = append(p.Notes, fmt.Sprintf("has more than %d recovery codes: the others are left out", codesMost))
			return
		case !ok:
			p.Notes = append(p.Notes, "a recovery code is left out: it has not 8 to 12 or 17 to 32 letters and digits")
		default:
			p.RecoveryCodes = append(p.RecoveryCodes, code)
		}
	}
}

// codesMost bounds the recovery codes of one person: each is hashed.
const codesMost = 20

// withoutFactor is why the second factor that somebody has cannot be brought over; nil: it can.
func (p *plan) withoutFactor(rules Rules) error {
	switch {
	case p.errFactor != nil:
		return p.errFactor
	case p.App == nil && len(p.Passkeys) > 0:
		return nil
	case p.App == nil:
		return errOtherFactor
	case !rules.Seals:
		return errNoSealing
	}
	return nil
}

// dropFactor leaves out the second factor that cannot be brought over.
func (p *plan) dropFactor(why error) {
	p.App, p.RecoveryCodes = nil, nil
	p.Notes = append(p.Notes, "is brought over without the second factor: "+why.Error())
}

// haveFactorNow returns the users here who have a second factor at the source now that is not brought over, and had
// none when they were brought over. Those who were brought over without theirs on request are not among them.
func (r *run) haveFactorNow(ctx context.Context, tx pgx.Tx, plans []*plan) (factored []*plan, err error) {
	var with []*plan
	for _, p := range plans {
		if p.SecondFactor && p.fault != "" && secret.ValidID(p.ID) && (!r.o.DropSecondFactors || p.App != nil) {
			with = append(with, p)
		}
	}
	if len(with) == 0 {
		return nil, nil
	}
	if err := r.remember(ctx, tx, with); err != nil {
		return nil, err
	}
	for _, p := range with {
		if p.record != nil && p.record.userID != "" && p.record.wrote[factorField] == "" {
			factored = append(factored, p)
		}
	}
	return factored, nil
}

// bar takes the imported password of locked users: it alone lets nobody in at the source any more. One that was chosen
// here stays, and so does that of somebody who has a second factor here.
func (r *run) bar(ctx context.Context, tx pgx.Tx, factored []*plan) (lines []Line, err error) {
	if len(factored) == 0 {
		return nil, nil
	}
	here, err := readHere(ctx, tx, factored)
	if err != nil {
		return nil, err
	}
	for _, p := range factored {
		hash := here[p.record.userID][passwordField]
		if hash == "" || !p.record.isOf(hash) {
			continue
		}
		if has, err := r.o.Rules.HasFactor(ctx, tx, p.record.userID); err != nil || has {
			if err != nil {
				return nil, err
			}
			continue
		}
		if err := r.takePassword(ctx, tx, p); err != nil {
			return nil, err
		}
		lines = append(lines, p.line(resultBarred, passwordField,
			"no longer lets them in here, as they have a second factor "+
				"there now; they choose a new one by mail"))
	}
	return lines, nil
}

// takePassword empties the password of a locked user. Once the source says that they have no second factor, or it is
// brought over, it is written again.
func (r *run) takePassword(ctx context.Context, tx pgx.Tx, p *plan) error {
	if err := r.o.Rules.SetPassword(ctx, tx, p.record.userID, ""); err != nil {
		return err
	}
	wrote := maps.Clone(p.record.wrote)
	wrote[passwordField], wrote[barredField] = digest(passwordField, ""), digest(barredField)
	delete(wrote, wrappedField)
	return r.keep(ctx, tx, p, wrote)
}
