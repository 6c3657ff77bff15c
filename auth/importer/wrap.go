package importer

import (
	"context"
	"runtime"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// wrappedField is where a record keeps the digest of a hash that was wrapped, or made anew at a sign-in: it is of the
// password that the import wrote, in another form.
const wrappedField = "password, wrapped"

// wrapBatch is how many hashes are read at once.
const wrapBatch = 200

// WrapWeak puts ours over each hash that is weak (password.Weak), so that none rests in the database, and returns how
// many. progress, which may be nil, is called with the number of hashes read so far. It can run beside gates, and
// again.
func WrapWeak(ctx context.Context, db *database.DB, progress func(read, about int64)) (wrapped int64, err error) {
	var about int64
	err = db.Work.QueryRow(ctx, `SELECT count(*) FROM gatepost.account WHERE provider_id = 'credential'`).Scan(&about)
	if err != nil {
		return 0, db.Unavailable("wrap hashes", err)
	}
	for last, read := "", int64(0); ; {
		list, err := hashesAfter(ctx, db, last)
		if err != nil || len(list) == 0 {
			return wrapped, err
		}
		n, err := wrapAll(ctx, db, list, func(done int64) {
			if progress != nil {
				progress(read+done, about)
			}
		})
		wrapped += n
		if err != nil {
			return wrapped, err
		}
		last, read = list[len(list)-1].ID, read+int64(len(list))
	}
}

// storedHash is a hash in the table account, and what is to be in its place.
type storedHash struct{ ID, UserID, Hash, Wrapped string }

func hashesAfter(ctx context.Context, db *database.DB, last string) ([]storedHash, error) {
	rows, err := db.Work.Query(ctx, `
		SELECT id, user_id, password, '' FROM gatepost.account WHERE provider_id = 'credential' AND password <> ''
		    AND id > $1 ORDER BY id LIMIT $2`, last, wrapBatch)
	if err != nil {
		return nil, db.Unavailable("wrap hashes", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[storedHash])
	return list, db.Unavailable("wrap hashes", err)
}

// wrapAll wraps those that are weak, on all cores, and writes each at once, so that a run that is stopped has lost
// nothing. progress is called with how many of the list are done.
func wrapAll(ctx context.Context, db *database.DB, list []storedHash, progress func(done int64)) (n int64, err error) {
	var work sync.WaitGroup
	var mu sync.Mutex
	var done int64
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for i := range list {
		turns <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		work.Go(upkeep.Watch{}.Guard("wrap a hash", func() {
			defer func() { <-turns }()
			wrapped, err := list[i].wrap(ctx, db)
			if err != nil {
				stop(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			n, done = n+wrapped, done+1
			progress(done)
		}))
	}
	work.Wait()
	return n, context.Cause(ctx)
}

// wrap puts ours over a hash that is weak, and returns how many that were: 1 or 0. One that cannot be stays as it is.
func (h *storedHash) wrap(ctx context.Context, db *database.DB) (int64, error) {
	if !password.Weak(h.Hash) {
		return 0, nil
	}
	if h.Wrapped, _ = password.Wrap(h.Hash, password.Derive); h.Wrapped == "" {
		return 0, nil
	}
	return 1, db.Patiently(ctx, "wrap a hash", h.write)
}

// write replaces a hash.
func (h *storedHash) write(ctx context.Context, tx pgx.Tx) error {
	if _, err := database.LockUser(ctx, tx, h.UserID, ""); err != nil {
		return err
	}
	if err := noteRecipes(ctx, tx, []string{h.Wrapped}); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `UPDATE gatepost.account SET password = $3 WHERE id = $1 AND password = $2`, h.ID, h.Hash,
		h.Wrapped)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	return Rehashed(ctx, tx, h.UserID, h.Hash, h.Wrapped)
}

// Rehashed remembers that the hash of a locked user was replaced by another one of the same password, as a sign-in
// does: what is here is still what an import wrote, and a later change at the source is no conflict.
func Rehashed(ctx context.Context, tx pgx.Tx, userID, old, renewed string) error {
	_, err := tx.Exec(ctx, `
		UPDATE gatepost.import_record SET wrote = wrote || jsonb_build_object($2::text, $3::text)
		WHERE user_id = $1 AND $5 IN (wrote ->> $4::text, wrote ->> $2::text)`, userID, wrappedField,
		digest(passwordField, renewed), passwordField, digest(passwordField, old))
	return err
}
