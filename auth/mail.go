package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
)

// MailKind says what a mail is about.
type MailKind string

// The mails there are. Those with a link say for how long it works.
const (
	MailVerify   MailKind = "verify"   // confirm your address; link, 24 h
	MailExists   MailKind = "exists"   // somebody, perhaps you, tried to use your address, and you have an account
	MailReset    MailKind = "reset"    // choose a new password; link, 60 min
	MailPassword MailKind = "password" // your password was changed
	MailChange   MailKind = "change"   // to a new address: confirm it; link, 24 h
	MailChanged  MailKind = "changed"  // to the old address: it was changed to Mail.Email; link to undo that, 24 h
	MailMoved    MailKind = "moved"    // to the new address: it is the account's now
	MailLeft     MailKind = "left"     // to an address that the account had, without a way back
	MailDeleted  MailKind = "deleted"  // the account is gone
	MailSignIn   MailKind = "sign-in"  // somebody signed in with a browser not seen before
	MailInvite   MailKind = "invite"   // an invitation; link, 7 days
)

// MailKinds are all of them.
var MailKinds = []MailKind{MailVerify, MailExists, MailReset, MailPassword, MailChange, MailChanged, MailMoved, MailLeft, MailDeleted, MailSignIn, MailInvite}

// Mail is one mail to one person, for Options.Send. What it says is put into words elsewhere.
type Mail struct {
	ID       string // stays the same when it is sent again
	Kind     MailKind
	To       string       // canonical address
	Language string       // as of Client.Language; may be empty
	Link     secret.Token // what the mail's link carries; empty: it has none
	At       time.Time
	MailFacts
}

// MailFacts are what a mail tells of what happened.
type MailFacts struct {
	Email     string `json:"email,omitempty"`      // the new address
	IPAddress string `json:"ip_address,omitempty"` // where it was done; empty: unknown
	UserAgent string `json:"user_agent,omitempty"`
	Role      string `json:"role,omitempty"`   // roles an invitation gives, comma-separated
	Next      string `json:"next,omitempty"`   // the page that was asked for before signing up
	Claims    bool   `json:"claims,omitempty"` // the address is kept for the user while the link works
}

// ErrMailRefused is for Options.Send to wrap: the mail server will never take this mail, so that it is not tried again.
var ErrMailRefused = errors.New("the mail server refuses this mail for good")

// mailKept is how long it is tried to send a mail.
const mailKept = 24 * time.Hour

// factsOf are those of something done from a client.
func factsOf(c secret.Client) MailFacts {
	f := MailFacts{UserAgent: database.Storable(c.UserAgent)}
	if c.Addr.IsValid() {
		f.IPAddress = c.Addr.String()
	}
	return f
}

// readFacts reads what somebody may have written by hand: what cannot be read is not told.
func readFacts(column string) (f MailFacts) {
	if json.Unmarshal([]byte(column), &f) != nil {
		return MailFacts{}
	}
	return f
}

// letter is a mail before it has an id and a link.
type letter struct {
	kind     MailKind
	userID   string // empty: nobody's yet
	to       string // empty: the user's address
	language string
	facts    MailFacts
}

// mails says whether there is somebody to send mail.
func (s *Store) mails() bool { return s.o.Send != nil }

// post puts mail into the outbox, in the transaction of what it is about. Without somebody to send it there is none.
func (s *Store) post(ctx context.Context, tx pgx.Tx, letters ...letter) error {
	if !s.mails() {
		return nil
	}
	for _, l := range letters {
		facts, err := json.Marshal(l.facts) // here: behind a pooler pgx cannot ask what PostgreSQL wants
		if err != nil {
			return fmt.Errorf("write down a mail's facts: %w", err)
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO gatepost.outbox (id, kind, user_id, email, language, facts, expires_at)
			VALUES ($1, $2, nullif($3, ''), coalesce(nullif($4, ''), (SELECT email FROM gatepost."user" WHERE id = $3)),
			        $5, $6, now() + $7::interval)`,
			secret.NewID(), l.kind, l.userID, l.to, l.language, string(facts), mailKept)
		if err != nil {
			return err
		}
	}
	return nil
}

// postLimited is post for mail that a stranger can have sent: past the limits of its address it is only pretended. posted
// says whether it was not.
func (s *Store) postLimited(ctx context.Context, tx pgx.Tx, l letter) (posted bool, err error) {
	if !s.mails() {
		return false, nil
	}
	err = limitsOf(l).Take(ctx, tx)
	var suppressed *throttle.Error
	if errors.As(err, &suppressed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.post(ctx, tx, l)
}

// limitsOf are those on mail to an address, by what it is about.
func limitsOf(l letter) throttle.Limits {
	switch l.kind {
	case MailReset: // apart from the other link: who has just signed up may have mistyped the password
		return throttle.Mail("reset", l.to)
	case MailVerify:
		return throttle.Mail("link", l.to)
	case MailSignIn:
		return throttle.Mail("warning", l.to)
	case MailPassword: // not one a minute: it may be the second that was not the user's
		return throttle.MailHourly("password", l.to)
	}
	return throttle.Mail("told", l.to)
}
