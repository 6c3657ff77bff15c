package importer

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/gatepost/gatepost/auth/factor"
)

// Person is one user as a source has them. Text is as it is there: Run brings it into the form of accounts here.
type Person struct {
	Where    string // where the source has them, as in "line 12"; empty: the id says it
	ID       string // their id there, which they keep
	Email    string
	Verified bool // the source knows that the address is theirs
	Name     string
	// Username is for apps; empty: they have none. UsernameGiven says that an operator gave it; else they chose it.
	Username      string
	UsernameGiven bool
	// UsernamesTaken are hashes of names that they had before. A Person with nothing else is names of people who are gone.
	UsernamesTaken []string
	Image          string    // the address of a picture
	Roles          []string  // nil: the source says nothing of them
	Created        time.Time // zero: unknown
	// Disabled bars them. Until is when that ends; zero: never.
	Disabled bool
	Until    time.Time
	// Password is a stored hash as package password reads it; empty: they have none. Unknown is why the hash that the
	// source has cannot be verified here; nil: it can.
	Password string
	Unknown  error
	// Identities are the accounts at providers that they sign in with.
	Identities []Identity
	// Sessions are those that are alive at the source, if it was asked for them.
	Sessions  []Session
	providers []string // the names there of all providers at which they have an account
	// SecondFactor is whether they have proved to have one. App is the key of the authenticator app that it is; nil: it
	// is something else, or cannot be read, as errFactor says. RecoveryCodes are those that are left.
	SecondFactor  bool
	App           factor.Key
	RecoveryCodes []factor.RecoveryCode
	errFactor     error
	// Passkeys are those that were made at the source.
	Passkeys []Passkey
	left     []string // why some of their passkeys are not brought over, for the report
	stay     []string // the fields of those
	unsaid   unsaid
	// unissued are their accounts at providers whose issuer is not known: the names of the providers by their ids there.
	unissued map[string]string
	// Notes say what of them is not brought over, for the report.
	Notes []string
	// lacks says of whom the source lacks what it has of others, which is told at each import; errNew is why they are
	// not taken for that if they are new.
	lacks  string
	errNew error
	// Err is why they cannot be taken at all.
	Err error
}

// takeRoles takes roles that a source keeps in JSON, as a text with commas or a list of texts. Of another kind they may
// be something else of the app's, which is told.
func (p *Person) takeRoles(list ...any) {
	for _, value := range list {
		roles, ok := rolesIn(value)
		if !ok {
			p.Notes = append(p.Notes, "the roles are left out: they are neither a text nor a list of texts")
		}
		if p.Roles = roles; len(roles) > 0 {
			return
		}
	}
}

func rolesIn(value any) (roles []string, ok bool) {
	switch v := value.(type) {
	case nil:
		return nil, true
	case string:
		return splitRoles(v), true
	case []any:
		for _, one := range v {
			role, ok := one.(string)
			if !ok {
				return nil, false
			}
			roles = append(roles, role)
		}
		return roles, true
	}
	return nil, false
}

// Identity is an account at a provider. Issuer and Subject name it for all time, Provider is the name that settings
// here have for it.
type Identity struct {
	Issuer, Provider, Subject string
	Created                   time.Time
}

// Session is a session of the source.
type Session struct {
	Token     string // hex SHA-256 of the token that its cookie carries
	Created   time.Time
	Expires   time.Time
	Address   string
	UserAgent string
}

// Source is where people come from.
type Source interface {
	// Name names the kind of source, as in "better-auth". Ids are remembered by it.
	Name() string
	// People calls f with everybody, some at a time, all as they were at one moment. An error of f ends it and is
	// returned.
	People(ctx context.Context, f Taker) error
	// Ordered reports whether people come by id, byte by byte, each once, with all their sessions. What is missing in
	// between is then known to be gone.
	Ordered() bool
}

// remarker is a Source with something to say about itself as a whole, which Run reports first.
type remarker interface {
	remarks() []Line
}

// Taker takes some people. about is how many there are in all, as far as the source can say.
type Taker func(some []Person, about int64) error

// seen are texts that were met, by their digests.
type seen map[[12]byte]struct{}

// again reports whether s was met before.
func (m *seen) again(s string) bool {
	if *m == nil {
		*m = seen{}
	}
	key := digestOf(s)
	_, before := (*m)[key]
	(*m)[key] = struct{}{}
	return before
}

// has reports whether s was met.
func (m seen) has(s string) bool {
	_, met := m[digestOf(s)]
	return met
}

// digestOf stands for a text in memory, of which there may be a million.
func digestOf(s string) [12]byte {
	sum := sha256.Sum256([]byte(s))
	return [12]byte(sum[:12])
}
