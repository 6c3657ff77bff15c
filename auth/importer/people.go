package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
)

// byID are people of a batch.
type byID map[string]*Person

func (m byID) ids() []string {
	list := make([]string, 0, len(m))
	for id := range m {
		list = append(list, id)
	}
	return list
}

// people reads everybody in the order of their ids, some at a time, and has more added to each batch.
func (r *reader) people(ctx context.Context, sql string, u *table, scan pgx.RowToFunc[Person],
	take Taker, more ...func(context.Context, *reader, byID) error) error {
	var about int64
	if err := r.tx.QueryRow(ctx, `SELECT count(*) FROM `+u.name).Scan(&about); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	order := ` ORDER BY ` + u.text("u", "id") + ` COLLATE "C"`
	if _, err := r.tx.Exec(ctx, `DECLARE people NO SCROLL CURSOR FOR `+sql+order); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	var next []Person // the first one of the next batch: whether it has the id of the last one of this is known then
	for last := ""; ; {
		rows, err := r.tx.Query(ctx, fmt.Sprintf(`FETCH %d FROM people`, batch+1-len(next)))
		if err != nil {
			return fmt.Errorf("the source: %w", err)
		}
		list, err := pgx.CollectRows(rows, scan)
		if err != nil {
			return fmt.Errorf("the source: %w", err)
		}
		list = append(next, list...)
		if len(list) == 0 {
			return nil
		}
		refuseTwice(list, last)
		if next = nil; len(list) > batch {
			list, next = list[:batch], slices.Clone(list[batch:])
		}
		last = list[len(list)-1].ID
		people := byID{}
		for i := range list {
			people[list[i].ID], list[i].unsaid = &list[i], r.unsaid
		}
		for _, add := range more {
			if err := add(ctx, r, people); err != nil {
				return fmt.Errorf("the source: %w", err)
			}
		}
		for i := range list {
			list[i].bound()
		}
		if err := take(list, about); err != nil {
			return err
		}
	}
}

// refuseTwice refuses everybody in a list by id who has the id of the one before or after. A table has none twice, but
// a view may, and nobody knows which one counts.
func refuseTwice(list []Person, last string) {
	for i := range list {
		before := i > 0 && list[i-1].ID == list[i].ID || i == 0 && last == list[i].ID
		after := i+1 < len(list) && list[i+1].ID == list[i].ID
		if (before || after) && list[i].ID != "" {
			list[i].fail(errTwiceThere)
		}
	}
}

// errTwiceThere is why somebody is not brought over of whom a view has several rows.
var errTwiceThere = errors.New("has an id that another row there has: nobody knows which one counts")

// sessionsMost bounds the sessions of one person that are brought over: those that last the longest.
const sessionsMost = 1000

// sessions adds the sessions that are alive and meet a condition. They are known by the hash of their token.
func (r *reader) sessions(ctx context.Context, s *table, token, expires, condition string, people byID) error {
	rows, err := r.tx.Query(ctx, `
		SELECT `+s.text("s", "userId")+`, `+s.text("s", token)+`, `+s.moment("s", expires)+`,
		    `+s.moment("s", "createdAt")+`, left(`+s.text("s", "ipAddress")+`, 64),
		    left(`+s.text("s", "userAgent")+`, 1024)
		FROM (SELECT s.*, row_number() OVER (PARTITION BY s.`+s.columns["userId"]+` ORDER BY s.`+s.columns[expires]+` DESC)
		    AS gatepost_row FROM `+s.name+` s WHERE s.`+s.columns["userId"]+`::text = ANY ($1)
		    AND `+s.moment("s", expires)+` > now() AND `+condition+`) s
		WHERE gatepost_row <= $2`, people.ids(), sessionsMost+1)
	if err != nil {
		return err
	}
	var user, presented, address, agent string
	var until, created *time.Time
	_, err = pgx.ForEachRow(rows, []any{&user, &presented, &until, &created, &address, &agent}, func() error {
		if presented == "" {
			return nil
		}
		p := people[user]
		if len(p.Sessions) == sessionsMost {
			p.Notes = append(p.Notes, fmt.Sprintf("has more than %d sessions: some are left out", sessionsMost))
			return nil
		}
		p.Sessions = append(p.Sessions, Session{secret.Token(presented).Hash(), madeAt(created, *until), *until,
			address, agent})
		return nil
	})
	return err
}

// authJSLasts is how long sessions of Auth.js last after a use, unless the app says otherwise.
const authJSLasts = 30 * 24 * time.Hour

// provedBefore is how long ago the user of a session was proved, at least, where the source does not say when. It is
// too long for a deed that needs a fresh proof (session.FreshFor).
const provedBefore = time.Hour

// madeAt is when a session was made. Auth.js does not say: then it was made when one that ends so would have been that
// was never used, and not lately.
func madeAt(created *time.Time, until time.Time) time.Time {
	if created != nil {
		return *created
	}
	guess, latest := until.Add(-authJSLasts), time.Now().Add(-provedBefore)
	if guess.After(latest) {
		return latest
	}
	return guess
}
