package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/throttle"
)

// postLimited posts mail that a stranger can cause. Beyond the limits of the address the mail is dropped. posted
// reports whether it was posted.
func (s *Store) postLimited(ctx context.Context, tx pgx.Tx, l mail.Letter) (posted bool, err error) {
	if !s.outbox.Sends() {
		return false, nil
	}
	err = mailLimits(l).Take(ctx, tx)
	var suppressed *throttle.Error
	if errors.As(err, &suppressed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.outbox.Post(ctx, tx, l)
}

// mailLimits returns the limits on mail to an address, by kind.
func mailLimits(l mail.Letter) throttle.Limits {
	switch l.Kind {
	case mail.Reset: // apart from Verify: a new user may have mistyped the password
		return throttle.Mail("reset", l.To)
	case mail.Verify:
		return throttle.Mail("link", l.To)
	case mail.SignIn:
		return throttle.Mail("warning", l.To)
	case mail.Password: // not one a minute: the second change may be the one by a stranger
		return throttle.MailHourly("password", l.To)
	}
	return throttle.Mail("told", l.To)
}
