package importer

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
)

// write brings people over in one transaction, and returns a line for each and for what is to be told about fields.
func (r *run) write(ctx context.Context, plans []*plan, transact transact) (lines []Line, err error) {
	var sessions int64
	var known, made []*plan
	err = r.inTx(ctx, transact, func(ctx context.Context, tx pgx.Tx) error {
		r.factors, r.passkeys = 0, 0
		var fresh []*plan
		if fresh, known, lines, err = r.sort(ctx, tx, plans); err != nil { // not those of a try before this one
			return err
		}
		factored, err := r.haveFactorNow(ctx, tx, plans)
		if err != nil {
			return err
		}
		arriving, err := r.lockThose(ctx, tx, known, factored)
		if err != nil {
			return err
		}
		lines = append(lines, gone(known)...)
		known, factored = stillHere(known), stillHere(factored)
		told, err := r.bar(ctx, tx, factored)
		if lines = append(lines, told...); err != nil {
			return err
		}
		made, told, err = r.create(ctx, tx, fresh)
		if lines = append(lines, told...); err != nil {
			return err
		}
		told, err = r.change(ctx, tx, known)
		if lines = append(lines, told...); err != nil {
			return err
		}
		sessions, err = r.bringSessions(ctx, tx, append(slices.Clone(made), slices.DeleteFunc(arriving, isGone)...))
		return err
	})
	if err != nil {
		return nil, err
	}
	if r.o.DryRun {
		r.would.note(made, known)
	}
	r.counts.Sessions += sessions
	r.counts.SecondFactorsBrought += r.factors
	r.counts.Passkeys += r.passkeys
	r.wait(known)
	return lines, nil
}

// sort tells those who are new from those who are here, and says who is neither.
func (r *run) sort(ctx context.Context, tx pgx.Tx, plans []*plan) (fresh, known []*plan, lines []Line, err error) {
	var sound []*plan
	for _, p := range plans {
		if p.fault != "" {
			lines = append(lines, p.line(resultRefused, "", p.fault))
			continue
		}
		sound = append(sound, p)
	}
	if err := r.remember(ctx, tx, sound); err != nil {
		return nil, nil, nil, err
	}
	for _, p := range sound {
		switch {
		case p.record == nil && p.errNew != nil:
			lines = append(lines, p.line(resultRefused, "", p.errNew.Error()))
		case p.record == nil:
			fresh = append(fresh, p)
		case p.record.userID == "":
			lines = append(lines, p.deleted())
		default:
			known = append(known, p)
		}
	}
	return fresh, known, lines, nil
}

func (p *plan) deleted() Line { return p.line(resultDeleted, "", "was deleted here, and stays so") }

func wasDeleted(p *plan) bool { return p.record == nil || p.record.userID == "" }

// stillHere are those locked users whom this import may change, and gone the lines of the others.
func stillHere(plans []*plan) []*plan { return slices.DeleteFunc(slices.Clone(plans), isGone) }

func isGone(p *plan) bool { return wasDeleted(p) || p.record.bySignIn }

func gone(plans []*plan) (lines []Line) {
	for _, p := range plans {
		switch {
		case wasDeleted(p):
			lines = append(lines, p.deleted())
		case p.record.bySignIn:
			lines = append(lines, p.line(resultRefused, "",
				"has the id of a user here who came by a sign-in and has another address"))
		}
	}
	return lines
}

// lockThose locks the users of whom anything is to be written, before anything is, in the order of their ids as
// everybody does: of those who are known, and of others. It returns those who have sessions that are not here yet.
// What is remembered of them is read again then: a sign-in changes it under the same lock, and whoever was deleted
// meanwhile has a record without a user.
func (r *run) lockThose(ctx context.Context, tx pgx.Tx, known, others []*plan) (arriving []*plan, err error) {
	if arriving, err = newSessions(ctx, tx, known); err != nil {
		return nil, err
	}
	concerned := slices.Concat(arriving, others)
	for _, p := range known {
		if len(p.news()) > 0 || p.record.bySignIn {
			concerned = append(concerned, p)
		}
	}
	if err := lockUsers(ctx, tx, concerned); err != nil || len(concerned) == 0 {
		return arriving, err
	}
	if err := r.adopt(ctx, tx, concerned); err != nil {
		return arriving, err
	}
	return arriving, r.remember(ctx, tx, concerned)
}

func lockUsers(ctx context.Context, tx pgx.Tx, known []*plan) error {
	var users []string
	for _, p := range known {
		if p.record != nil {
			users = append(users, p.record.userID)
		}
	}
	if len(users) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `SELECT FROM gatepost."user" WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE`, users)
	return err
}

// create makes people who are new, and returns those whom it made.
func (r *run) create(ctx context.Context, tx pgx.Tx, fresh []*plan) (made []*plan, lines []Line, err error) {
	if len(fresh) == 0 {
		return nil, nil, nil
	}
	o, err := find(ctx, tx, fresh)
	if err != nil {
		return nil, nil, err
	}
	if err := r.would.apply(ctx, tx, o, fresh); err != nil {
		return nil, nil, err
	}
	var told []Line // of one of them
	for _, p := range fresh {
		if fault := o.clash(p); fault != "" {
			lines = append(lines, p.line(resultRefused, "", fault))
			continue
		}
		told = append(told[:0], o.name(p)...)
		p.record = &record{userID: p.ID}
		made = append(made, p)
		lines = append(append(lines, p.line(Created, "", "")), told...)
		for _, note := range p.Notes {
			lines = append(lines, p.line(resultNoted, "", note))
		}
		if p.lacks != "" {
			lines = append(lines, p.line(resultNoted, "", p.lacks))
		}
		lines = append(lines, p.leftLines()...)
	}
	if err := insertUsers(ctx, tx, made); err != nil {
		return nil, nil, err
	}
	if err := insertAccounts(ctx, tx, made); err != nil {
		return nil, nil, err
	}
	if err := r.insertRecords(ctx, tx, made); err != nil {
		return nil, nil, err
	}
	if err := r.insertFactors(ctx, tx, made); err != nil {
		return nil, nil, err
	}
	told, err = r.insertPasskeys(ctx, tx, made)
	return made, append(lines, told...), err
}

// insertUsers makes the rows of users. A time in the future becomes now: nobody was made later than that.
func insertUsers(ctx context.Context, tx pgx.Tx, made []*plan) error {
	n := len(made)
	names, emails, images, roles := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	usernames, chosen := make([]string, n), make([]bool, n)
	verified, disabled := make([]bool, n), make([]bool, n)
	created, until := make([]*time.Time, n), make([]*time.Time, n)
	for i, p := range made {
		names[i], emails[i], images[i], roles[i] = p.Name, p.Email, p.Image, p.roles
		usernames[i], chosen[i] = p.Username, p.Username != "" && !p.UsernameGiven
		verified[i], disabled[i], created[i], until[i] = p.Verified, p.Disabled, at(p.Created), at(p.Until)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost."user" (id, name, email, email_verified, image, role, disabled_at, disabled_until,
		    created_at, username, username_chosen)
		SELECT id, name, email, verified, nullif(image, ''), role, CASE WHEN disabled THEN now() END, until,
		    least(coalesce(created, now()), now()), nullif(username, ''), chosen
		FROM unnest($1::text[], $2::text[], $3::text[], $4::bool[], $5::text[], $6::text[], $7::bool[],
		    $8::timestamptz[], $9::timestamptz[], $10::text[], $11::bool[])
		    AS new (id, name, email, verified, image, role, disabled, until, created, username, chosen)`,
		ids(made), names, emails, verified, images, roles, disabled, until, created, usernames, chosen)
	if err != nil {
		return err
	}
	for _, p := range made {
		if err := takeNames(ctx, tx, p.UsernamesTaken, p.ID); err != nil {
			return err
		}
	}
	return nil
}

// at returns a time for the database, nil for none.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// accountRow is a way in to be made.
type accountRow struct {
	userID, issuer, provider, subject, password string
	created                                     time.Time
}

// credential is the issuer and the provider of the account that holds a password.
const (
	credentialIssuer   = "local:credential"
	credentialProvider = "credential"
)

// waysIn are the accounts of a person.
func (p *plan) waysIn() (rows []accountRow) {
	if p.Password != "" {
		rows = append(rows, accountRow{p.record.userID, credentialIssuer, credentialProvider, p.record.userID, p.Password,
			p.Created})
	}
	for _, i := range p.Identities {
		rows = append(rows, accountRow{p.record.userID, i.Issuer, i.Provider, i.Subject, "", i.Created})
	}
	return rows
}

func insertAccounts(ctx context.Context, tx pgx.Tx, made []*plan) error {
	var rows []accountRow
	for _, p := range made {
		rows = append(rows, p.waysIn()...)
	}
	return insertWaysIn(ctx, tx, rows)
}

func insertWaysIn(ctx context.Context, tx pgx.Tx, rows []accountRow) error {
	n := len(rows)
	if n == 0 {
		return nil
	}
	newIDs, users, issuers, providers := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	subjects, passwords, created := make([]string, n), make([]string, n), make([]*time.Time, n)
	for i, a := range rows {
		newIDs[i], users[i], issuers[i], providers[i] = secret.NewID(), a.userID, a.issuer, a.provider
		subjects[i], passwords[i], created[i] = a.subject, a.password, at(a.created)
	}
	if err := noteRecipes(ctx, tx, passwords); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.account (id, user_id, issuer, provider_id, account_id, password, created_at)
		SELECT id, user_id, issuer, provider_id, account_id, nullif(password, ''),
		    least(coalesce(created, now()), now())
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
		    AS new (id, user_id, issuer, provider_id, account_id, password, created)`,
		newIDs, users, issuers, providers, subjects, passwords, created)
	return err
}

// noteRecipes has gates know what verifying these hashes takes, so that the time of a refusal does not tell who has
// one.
func noteRecipes(ctx context.Context, tx pgx.Tx, hashes []string) error {
	var list []string
	for _, hash := range hashes {
		if hash == "" || strings.HasPrefix(hash, password.OwnPrefix) {
			continue
		}
		if recipe := password.Recipe(hash); !slices.Contains(list, recipe) {
			list = append(list, recipe)
		}
	}
	if len(list) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.hash_recipe (recipe) SELECT unnest($1::text[])
		ON CONFLICT (recipe) DO UPDATE SET created_at = now()`, list)
	return err
}

// insertRecords remembers new people.
func (r *run) insertRecords(ctx context.Context, tx pgx.Tx, made []*plan) error {
	wrote := make([]string, len(made))
	for i, p := range made {
		wrote[i] = asJSON(digests(p.fields))
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.import_record (source, source_id, user_id, wrote)
		SELECT $1, id, id, wrote::jsonb FROM unnest($2::text[], $3::text[]) AS new (id, wrote)`,
		r.name, ids(made), wrote)
	return err
}
