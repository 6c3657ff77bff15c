// Package mail sends mail to users, and makes the links in it. A mail is a row of the outbox, without text or
// secret, written in the transaction of its event. Senders take one mail at a time, make its link, and call
// Options.Send, which words and sends it. Any number of gates share the work.
//
// The package decides neither who gets mail nor what a link may do; package auth decides who may use one.
package mail

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// Kind is what a mail is about.
type Kind string

// The kinds of mail. For those with a link, the comment says how long the link works.
const (
	Verify   Kind = "verify"   // confirm your address; link, 24 h
	Exists   Kind = "exists"   // somebody tried to use your address, which has an account
	Reset    Kind = "reset"    // choose a new password; link, 60 min
	Password Kind = "password" // your password was changed
	Change   Kind = "change"   // to a new address: confirm it; link, 24 h
	Changed  Kind = "changed"  // to the old address: it was changed to Mail.Email; link to undo that, 24 h
	Moved    Kind = "moved"    // to the new address: it is the account's now
	Left     Kind = "left"     // to an address that the account had, without a way back
	Deleted  Kind = "deleted"  // the account is gone
	SignIn   Kind = "sign-in"  // somebody signed in with a browser not seen before
	Invite   Kind = "invite"   // an invitation; link, 7 days
	Connect  Kind = "connect"  // connect Mail.Provider to the account with this address; link, 60 min
	Prove    Kind = "prove"    // prove who you are, in the browser you are signed in with; link, 10 min
	Linked   Kind = "linked"   // Mail.Provider signs in to the account now
	Unlinked Kind = "unlinked" // and does not any more
	Taken    Kind = "taken"    // the account was made by somebody who never confirmed the address; it is the reader's now
	// The second factors.
	FactorOn     Kind = "factor-on"     // an authenticator app was added, or replaced
	FactorOff    Kind = "factor-off"    // the second factor is gone, by the user or by an operator
	PasskeyOn    Kind = "passkey-on"    // a passkey was added; the first one has Mail.OthersEnded
	PasskeyOff   Kind = "passkey-off"   // a passkey was removed, or an operator removed all of them
	RecoveryNew  Kind = "recovery-new"  // there is a new set of recovery codes
	RecoveryUsed Kind = "recovery-used" // a recovery code was used; Mail.Left are left
	// API tokens.
	TokenNew  Kind = "token-new"  // Mail.Token was made
	TokenEnds Kind = "token-ends" // Mail.Token ends soon, at Mail.Ends
)

// Kinds lists all kinds.
var Kinds = []Kind{Verify, Exists, Reset, Password, Change, Changed, Moved, Left, Deleted, SignIn, Invite,
	Connect, Prove, Linked, Unlinked, Taken, FactorOn, FactorOff, PasskeyOn, PasskeyOff, RecoveryNew, RecoveryUsed,
	TokenNew, TokenEnds}

// Mail is one mail to one person, for Options.Send, which puts it into words.
type Mail struct {
	ID   string // stays the same when the mail is sent again
	Kind Kind
	To   string // canonical address
	// Name is how the reader calls themselves; empty if they do not, or if nobody has proved that the address is
	// theirs: a stranger could have mail sent to it that greets with words of the stranger's.
	Name     string
	Language string       // as of Client.Language; may be empty
	Link     secret.Token // the secret of the mail's link; empty: no link
	At       time.Time
	Facts
}

// Facts are the details of an event that a mail reports.
type Facts struct {
	Email     string `json:"email,omitempty"`      // the new address
	IPAddress string `json:"ip_address,omitempty"` // where the event came from; empty: unknown
	UserAgent string `json:"user_agent,omitempty"`
	Provider  string `json:"provider,omitempty"` // how people call the provider
	Role      string `json:"role,omitempty"`     // roles an invitation gives, comma-separated
	Next      string `json:"next,omitempty"`     // the page requested before the sign-up or the proof
	Left      int    `json:"left,omitempty"`     // how many recovery codes are left
	Claims    bool   `json:"claims,omitempty"`   // the address is kept for the user while the link works
	Token     string `json:"token,omitempty"`    // how an API token begins
	// OthersEnded says that the deed logged out every other device of the user.
	OthersEnded bool `json:"others_ended,omitempty"`
	// Ends is when it ends; zero: never.
	Ends time.Time `json:"ends,omitzero"`
}

// ErrRefused is for Options.Send to wrap: the mail server will never accept this mail, so it is not retried.
var ErrRefused = errors.New("the mail server refuses this mail for good")

// mailKept is how long sending a mail is retried.
const mailKept = 24 * time.Hour

// factsOf returns the facts of an event caused by a client.
func factsOf(c secret.Client) Facts {
	f := Facts{UserAgent: database.Storable(c.UserAgent)}
	if c.Addr.IsValid() {
		f.IPAddress = c.Addr.String()
	}
	return f
}

// ReadFacts reads the column facts. A value that cannot be read, as an operator may have written, gives no facts.
func ReadFacts(column string) (f Facts) {
	if json.Unmarshal([]byte(column), &f) != nil {
		return Facts{}
	}
	return f
}

// Letter is a mail before it has an id and a link.
type Letter struct {
	Kind     Kind
	UserID   string // empty: no user yet
	To       string // empty: the user's address
	Language string
	Facts    Facts
}

// NewLetter returns a letter about an event caused by a client, in the client's language.
func NewLetter(kind Kind, userID, to string, c secret.Client) Letter {
	return Letter{kind, userID, to, c.Language, factsOf(c)}
}
