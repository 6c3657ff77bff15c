package auth

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/password"
)

const (
	// stepFactor is how many times the slowest kind of hash a step is: some kinds are tried in two spellings.
	stepFactor = 5.0 / 2
	// stepMost bounds a step. No hash within the bounds of package password takes half of it.
	stepMost = 5 * time.Second
)

// recipes are the kinds of hashes that came from other systems, and how long each takes here. A hash that takes longer
// than AnswerStep would tell that an address has an account.
type recipes struct {
	mu    sync.Mutex
	takes map[string]time.Duration
	mark  string // of the table's state when they were read
	// slowest is the longest answer of the system before in the last hour or so (slowestFor), and when it came.
	slowest   time.Duration
	slowestAt time.Time
}

// recipesMark selects a text that is another one whenever the recipes are others.
const recipesMark = `SELECT concat(count(*), ' ', max(created_at)) FROM gatepost.hash_recipe`

func (r *recipes) known(mark string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mark == mark
}

// measure derives each recipe that is new, once.
func (r *recipes) measure(mark string, list []string, crypt password.Crypt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mark = mark
	before := r.takes
	r.takes = make(map[string]time.Duration, len(list))
	for _, recipe := range list {
		took, ok := before[recipe]
		if !ok {
			began := time.Now()
			_ = crypt(recipe, "x")
			took = time.Since(began)
		}
		r.takes[recipe] = took
	}
}

// slowestFor is how long one slow answer counts.
const slowestFor = time.Hour

// note has steps last longer than an answer of the system before that took this long.
func (r *recipes) note(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if took > r.slowest || time.Since(r.slowestAt) > slowestFor {
		r.slowest, r.slowestAt = took, time.Now()
	}
}

// step is the step of refusals that is at least as long as the given one: a multiple of it that no check exceeds.
func (r *recipes) step(least time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	longest := r.slowest
	for _, took := range r.takes {
		longest = max(longest, took)
	}
	need := max(least, min(time.Duration(float64(longest)*stepFactor), stepMost))
	return (need + least - 1) / least * least
}

// learn measures the recipes of the database if there are others than are known. It runs in a turn to hash.
func (s *Store) learn(ctx context.Context, mark string, crypt password.Crypt) error {
	if s.recipes.known(mark) {
		return nil
	}
	var list []string
	err := s.db.Again(ctx, func(ctx context.Context) error {
		rows, err := s.db.Pages.Query(ctx, `SELECT recipe FROM gatepost.hash_recipe`)
		if err == nil {
			list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return err
	})
	if err != nil {
		return s.db.Unavailable("read the kinds of hashes", err)
	}
	s.recipes.measure(mark, list, crypt)
	return nil
}

// forgetRecipes deletes the recipes when no hash from elsewhere is left, an hour after the last import, which writes
// a recipe before its hash. It reads the accounts up to the first such hash, and none if there are no recipes.
func (s *Store) forgetRecipes(ctx context.Context) (int64, error) {
	var due bool
	err := s.db.Work.QueryRow(ctx, `
		SELECT coalesce(max(created_at) < now() - interval '1 hour', false) FROM gatepost.hash_recipe`).Scan(&due)
	if err != nil || !due {
		return 0, s.db.Unavailable("forget kinds of hashes", err)
	}
	tag, err := s.db.Work.Exec(ctx, `
		DELETE FROM gatepost.hash_recipe WHERE NOT EXISTS (SELECT FROM gatepost.account
		    WHERE provider_id = 'credential' AND password <> '' AND left(password, length($1)) <> $1)`, password.OwnPrefix)
	return tag.RowsAffected(), s.db.Unavailable("forget kinds of hashes", err)
}
