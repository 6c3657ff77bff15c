// Package mail is what is told to people by mail, and the links in it. A mail is a row of the outbox, without a word or
// a secret, written in the transaction of what it is about; senders take one after the other, make its link, and hand
// it to whoever puts it into words and sends it. Any number of gates share the work.
//
// It decides neither who is to be told nor what a link may do: who may spend one is auth's.
package mail

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// Kind says what a mail is about.
type Kind string

// The mails there are. Those with a link say for how long it works.
const (
	Verify   Kind = "verify"   // confirm your address; link, 24 h
	Exists   Kind = "exists"   // somebody, perhaps you, tried to use your address, and you have an account
	Reset    Kind = "reset"    // choose a new password; link, 60 min
	Password Kind = "password" // your password was changed
	Change   Kind = "change"   // to a new address: confirm it; link, 24 h
	Changed  Kind = "changed"  // to the old address: it was changed to Mail.Email; link to undo that, 24 h
	Moved    Kind = "moved"    // to the new address: it is the account's now
	Left     Kind = "left"     // to an address that the account had, without a way back
	Deleted  Kind = "deleted"  // the account is gone
	SignIn   Kind = "sign-in"  // somebody signed in with a browser not seen before
	Invite   Kind = "invite"   // an invitation; link, 7 days
)

// Kinds are all of them.
var Kinds = []Kind{Verify, Exists, Reset, Password, Change, Changed, Moved, Left, Deleted, SignIn, Invite}

// Mail is one mail to one person, for Options.Send. What it says is put into words elsewhere.
type Mail struct {
	ID       string // stays the same when it is sent again
	Kind     Kind
	To       string       // canonical address
	Language string       // as of Client.Language; may be empty
	Link     secret.Token // what the mail's link carries; empty: it has none
	At       time.Time
	Facts
}

// Facts are what a mail tells of what happened.
type Facts struct {
	Email     string `json:"email,omitempty"`      // the new address
	IPAddress string `json:"ip_address,omitempty"` // where it was done; empty: unknown
	UserAgent string `json:"user_agent,omitempty"`
	Role      string `json:"role,omitempty"`   // roles an invitation gives, comma-separated
	Next      string `json:"next,omitempty"`   // the page that was asked for before signing up
	Claims    bool   `json:"claims,omitempty"` // the address is kept for the user while the link works
}

// ErrRefused is for Options.Send to wrap: the mail server will never take this mail, so that it is not tried again.
var ErrRefused = errors.New("the mail server refuses this mail for good")

// mailKept is how long it is tried to send a mail.
const mailKept = 24 * time.Hour

// factsOf are those of something done from a client.
func factsOf(c secret.Client) Facts {
	f := Facts{UserAgent: database.Storable(c.UserAgent)}
	if c.Addr.IsValid() {
		f.IPAddress = c.Addr.String()
	}
	return f
}

// ReadFacts reads what somebody may have written by hand: what cannot be read is not told.
func ReadFacts(column string) (f Facts) {
	if json.Unmarshal([]byte(column), &f) != nil {
		return Facts{}
	}
	return f
}

// Letter is a mail before it has an id and a link.
type Letter struct {
	Kind     Kind
	UserID   string // empty: nobody's yet
	To       string // empty: the user's address
	Language string
	Facts    Facts
}

// NewLetter is a letter about something done from a client, in the client's language.
func NewLetter(kind Kind, userID, to string, c secret.Client) Letter {
	return Letter{kind, userID, to, c.Language, factsOf(c)}
}
