package auth

import (
	"context"
	"errors"
	"time"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
)

// settle holds a refused attempt back until a multiple of step has passed since it began, so that the time it took does
// not tell why: an account that exists costs one row more than one that does not. A random delay of up to half a
// step is added: clients that came together would otherwise be answered, and try again, together.
func (s *Store) settle(ctx context.Context, began time.Time, err error) {
	var throttled *throttle.Error
	if errors.Is(err, ErrBadCredentials) || errors.As(err, &throttled) || errors.Is(err, captcha.ErrMissing) ||
		errors.Is(err, captcha.ErrWrong) {
		s.hold(ctx, began, s.recipes.step(s.o.AnswerStep))
	}
}

func hold(ctx context.Context, began time.Time, step time.Duration) {
	database.Wait(ctx, step-time.Since(began)%step+secret.Chance(step/2))
}
