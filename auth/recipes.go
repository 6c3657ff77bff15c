package auth

import (
	"context"
	"maps"
	"sync"
	"time"

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
	// seen and measured are marks (recipesMark) of what the database has, and of what takes has. While they differ, a
	// step is as long as any can be.
	seen, measured string
	measuring      bool
	// slowest is the longest answer of the system before in the last hour or so (slowestFor), and when it came.
	slowest   time.Duration
	slowestAt time.Time
}

// recipesMark selects a text that is another one whenever the recipes are others, and noRecipes is that of none.
const (
	recipesMark = `concat(count(*), ' ', max(created_at)) FROM gatepost.hash_recipe`
	noRecipes   = "0 "
)

// see notes which recipes there are, and reports whether somebody has to measure them now.
func (r *recipes) see(mark string) (measure bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen = mark; mark == noRecipes {
		r.measured, r.takes = mark, nil
	}
	measure = r.seen != r.measured && !r.measuring
	r.measuring = r.measuring || measure
	return measure
}

// known returns how long the recipes take that were measured.
func (r *recipes) known() map[string]time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.takes)
}

// done ends a measurement. takes is nil if it failed, and the next sign-in has it done again.
func (r *recipes) done(mark string, takes map[string]time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.measuring = false; takes != nil {
		r.measured, r.takes = mark, takes
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
	if r.seen != r.measured {
		longest = stepMost
	}
	need := max(least, min(time.Duration(float64(longest)*stepFactor), stepMost))
	return (need + least - 1) / least * least
}

// learn has the recipes of the database measured if there are others than are known. Nobody waits for it.
func (s *Store) learn(mark string) {
	if s.recipes.see(mark) {
		go s.o.Watch.Run(context.Background(), "measure hashes", s.measure)
	}
}

// measureMost bounds a measurement. It has a turn to hash for each recipe.
const measureMost = time.Minute

// measure derives each recipe that is new, once, in a turn to hash of its own.
func (s *Store) measure(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, measureMost)
	defer cancel()
	var mark string
	var list []string
	takes := s.recipes.known()
	err := s.db.Work.QueryRow(ctx, `SELECT array_agg(recipe), `+recipesMark).Scan(&list, &mark)
	known := make(map[string]time.Duration, len(list))
	for _, recipe := range list {
		if took, ok := takes[recipe]; ok {
			known[recipe] = took
			continue
		}
		if err == nil {
			err = s.hashes.Turn(ctx, func(_ context.Context, crypt password.Crypt) error {
				began := time.Now()
				_ = crypt(recipe, "x")
				known[recipe] = time.Since(began)
				return nil
			})
		}
	}
	if err != nil {
		s.o.Log.Warn("the time that hashes from elsewhere take is not known; refused sign-ins take long", "err", err)
		known = nil
	}
	s.recipes.done(mark, known)
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
		DELETE FROM gatepost.hash_recipe WHERE created_at < now() - interval '1 hour' AND NOT EXISTS (
		    SELECT FROM gatepost.account WHERE provider_id = 'credential' AND password <> ''
		        AND left(password, length($1)) <> $1)`, password.OwnPrefix)
	return tag.RowsAffected(), s.db.Unavailable("forget kinds of hashes", err)
}
