package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/internal/seal"
)

// Rotation is what RotateKeys found and did.
type Rotation struct {
	Columns []Rotated // as in seal.Columns
	// Key is the id of the first key. Unused are the ids of other keys, of which nothing is sealed with any: they may be
	// left out. Used are those of other keys with which values are sealed, whether the Store has the key or not.
	Key          string
	Unused, Used []string
}

// Rotated counts the values of one column. What is written during the run may be in none of the counts.
type Rotated struct {
	Column  seal.Column
	Anew    int64 // were sealed with another key, and are now with the first
	Already int64 // were sealed with the first key when the run began
	NoKey   int64 // were sealed with a key that is not here, and stay
	Damaged int64 // are not what was sealed for their row, which no key opens, and stay
	Held    int64 // were held by others each time, and stay for the next run
}

// RotateKeys seals with the first key what another of the keys has sealed, and forgets the keys that nothing is sealed
// with any more, so that gates start without them. It can run beside gates, be broken off, and run again. progress,
// which may be nil, is called with how many of the values to be sealed anew were read. It fails with seal.ErrNoKey or
// database.ErrUnavailable, with what was done until then. It is audited as one event.
func (s *Store) RotateKeys(ctx context.Context, progress func(read, about int64)) (r Rotation, err error) {
	if s.o.Keys.None() {
		return r, seal.ErrNoKey
	}
	r.Key = s.o.Keys.IDs()[0]
	about, err := s.countSealed(ctx, &r)
	if err != nil {
		return r, err
	}
	err = s.sealAnew(ctx, r.Columns, func(read int64) {
		if progress != nil {
			progress(read, about)
		}
	})
	// What was done is audited though the run is broken off.
	if finished := s.finishRotation(context.WithoutCancel(ctx), &r, err); err == nil {
		err = finished
	}
	return r, err
}

// finishRotation forgets the keys that are not used any more, unless the run has failed, and writes the event.
func (s *Store) finishRotation(ctx context.Context, r *Rotation, failed error) error {
	var event audit.Event
	err := s.db.Background(ctx, "change keys", func(ctx context.Context, tx pgx.Tx) error {
		r.Unused, r.Used = nil, nil // the transaction may be tried again
		var forgotten []string
		if failed == nil {
			var err error
			if forgotten, err = s.forgetKeys(ctx, tx, r); err != nil {
				return err
			}
		}
		if event = rotationEvent(*r, forgotten, failed); event.Name == "" {
			return nil
		}
		return s.trail.Write(ctx, tx, event)
	})
	if err == nil && event.Name != "" {
		s.trail.Wrote(ctx, event)
	}
	return err
}

// rotationEvent is the audit event of a run, and none when it has changed nothing.
func rotationEvent(r Rotation, forgotten []string, failed error) audit.Event {
	details := audit.Details{{Name: "key", Value: r.Key}}
	var anew int64
	for _, c := range r.Columns {
		if anew += c.Anew; c.Anew > 0 {
			details = append(details, audit.Detail{Name: c.Column.Table + "." + c.Column.Name, Value: fmt.Sprint(c.Anew)})
		}
	}
	if anew == 0 && len(forgotten) == 0 {
		return audit.Event{}
	}
	if len(forgotten) > 0 {
		details = append(details, audit.Detail{Name: "forgotten", Value: strings.Join(forgotten, " ")})
	}
	return audit.Event{Name: "rotate-keys", Result: importResult(failed), Details: details}
}

// forgetKeys deletes the notes of other keys than the first that nothing is sealed with, and fills Unused and Used. The
// lock on a note waits for whoever is sealing with that key (noteKey), and keeps others from it.
func (s *Store) forgetKeys(ctx context.Context, tx pgx.Tx, r *Rotation) (forgotten []string, err error) {
	rows, _ := tx.Query(ctx, `SELECT id FROM gatepost.encryption_key WHERE id <> $1 ORDER BY id FOR UPDATE`, r.Key)
	noted, err := pgx.CollectRows(rows, pgx.RowTo[string]) // reports an error of Query
	if err != nil {
		return nil, err
	}
	others := append(slices.Clone(noted), s.o.Keys.IDs()[1:]...)
	slices.Sort(others)
	for _, id := range slices.Compact(others) {
		used, err := s.keyInUse(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if used {
			r.Used = append(r.Used, id)
			continue
		}
		r.Unused = append(r.Unused, id)
		if slices.Contains(noted, id) {
			forgotten = append(forgotten, id)
		}
	}
	_, err = tx.Exec(ctx, `DELETE FROM gatepost.encryption_key WHERE id = ANY ($1)`, forgotten)
	return forgotten, err
}

// keyInUse reports whether a value is sealed with a key. Values that the key is here for and does not open, are not.
func (s *Store) keyInUse(ctx context.Context, tx pgx.Tx, id string) (used bool, err error) {
	head, err := seal.Head(id)
	if err != nil {
		return true, nil // not one of our notes: it is left alone
	}
	var most *int // all of them: after a run there are few of a key that is here
	if !slices.Contains(s.o.Keys.IDs(), id) {
		most = new(1)
	}
	for _, c := range seal.Columns {
		rows, _ := tx.Query(ctx, fmt.Sprintf(`
			SELECT %[1]s, %[2]s FROM gatepost.%[3]s WHERE substring(%[2]s FROM 1 FOR $1) = $2 LIMIT $3`,
			c.Row, c.Name, c.Table), len(head), head, most)
		var v sealedValue
		_, err := pgx.ForEachRow(rows, []any{&v.row, &v.sealed}, func() error { // reports an error of Query
			_, err := s.o.Keys.Open(c, v.row, v.sealed)
			used = used || err == nil || errors.Is(err, seal.ErrOtherKey)
			return nil
		})
		if err != nil || used {
			return used, err
		}
	}
	return false, nil
}
