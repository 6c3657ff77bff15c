package assertion

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrUnknown means that there is no such key. ErrComing means that the next key is published already.
var (
	ErrUnknown = errors.New("there is no such key of the assertion")
	ErrComing  = errors.New("the next key of the assertion is published already, and signs soon")
)

// Key is a key as operators see it.
type Key struct {
	ID string
	// Signs says that it is the one that signs now. SignsIn is in how long another one begins to, or how long ago it has.
	Signs   bool
	SignsIn time.Duration
}

// List returns the keys, the latest first.
func (k *Keyring) List(ctx context.Context) (list []Key, err error) {
	rows, err := k.read(ctx, k.db.Work)
	if err != nil {
		return nil, k.db.Unavailable("read the keys of the assertion", err)
	}
	keys := known(rows)
	slices.Reverse(keys)
	signs := slices.IndexFunc(keys, dated.active)
	for i, d := range keys {
		list = append(list, Key{ID: d.id, Signs: i == signs, SignsIn: d.activeIn})
	}
	return list, nil
}

// Rotate publishes the next key, which signs after lead, and returns its id. did runs in the transaction. Rotate fails
// with ErrComing.
func (k *Keyring) Rotate(ctx context.Context, did func(ctx context.Context, tx pgx.Tx, id string) error) (
	id string, in time.Duration, err error) {
	_, err = k.advance(ctx, func(ctx context.Context, tx pgx.Tx, rows []dated) error {
		in = lead
		list := known(rows)
		if len(list) > 0 && !list[len(list)-1].active() {
			return ErrComing
		}
		if !slices.ContainsFunc(list, dated.active) {
			in = 0 // there is none that signs until then
		}
		if id, err = k.insert(ctx, tx, in); err != nil {
			return err
		}
		return did(ctx, tx, id)
	})
	return id, in, err
}

// Revoke deletes a key, whether it can be read or not. If it was the one that signs, another one does at once, which it
// makes if there is none. did runs in the transaction. Revoke fails with ErrUnknown.
func (k *Keyring) Revoke(ctx context.Context, id string, did func(context.Context, pgx.Tx) error) error {
	_, err := k.advance(ctx, func(ctx context.Context, tx pgx.Tx, _ []dated) error {
		tag, err := tx.Exec(ctx, `DELETE FROM gatepost.assertion_key WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrUnknown
		}
		return did(ctx, tx)
	})
	return err
}
