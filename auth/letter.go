package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/throttle"
)

// postLimited is post for mail that a stranger can have sent: past the limits of its address it is only pretended.
// posted says whether it was not.
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

// mailLimits are those on mail to an address, by what it is about.
func mailLimits(l mail.Letter) throttle.Limits {
	switch l.Kind {
	case mail.Reset: // apart from the other link: who has just signed up may have mistyped the password
		return throttle.Mail("reset", l.To)
	case mail.Verify:
		return throttle.Mail("link", l.To)
	case mail.SignIn:
		return throttle.Mail("warning", l.To)
	case mail.Password: // not one a minute: it may be the second that was not the user's
		return throttle.MailHourly("password", l.To)
	}
	return throttle.Mail("told", l.To)
}
