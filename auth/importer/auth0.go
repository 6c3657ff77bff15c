package importer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/password"
)

// Auth0 reads the lines of JSON that Auth0 exports, and the dump with the hashes, which its support hands out.
type Auth0 struct {
	File string
	// Hashes is the dump. Empty: the lines of File may have hashes, else nobody has a password.
	Hashes string
	// Issuers are as in Database.
	Issuers map[string]string
}

// Name implements Source.
func (Auth0) Name() string { return "auth0" }

// Ordered implements Source.
func (Auth0) Ordered() bool { return false }

// auth0User is what of a user is used. user_metadata gives nothing: people write it themselves.
type auth0User struct {
	auth0Key
	Email      string `json:"email"`
	Verified   bool   `json:"email_verified"`
	Name       string `json:"name"`
	Username   string `json:"username"`
	Picture    string `json:"picture"`
	Created    any    `json:"created_at"`
	Blocked    bool   `json:"blocked"`
	Identities []struct {
		Provider string    `json:"provider"`
		Subject  looseText `json:"user_id"` // a number where the provider's ids are numbers
	} `json:"identities"`
	Metadata struct {
		Role  any `json:"role"`
		Roles any `json:"roles"`
	} `json:"app_metadata"`
	Factors []json.RawMessage `json:"mfa_factors"`
	Multi   []string          `json:"multifactor"`
	auth0Hash
}

// auth0Factor is a second factor as the files have it that Auth0 itself takes. Others than totp are a number or an
// address, or say nothing that is used here.
type auth0Factor struct {
	TOTP struct {
		Secret string `json:"secret"`
	} `json:"totp"`
}

// auth0Key is what a user is found by.
type auth0Key struct {
	ID  string          `json:"user_id"`
	Old json.RawMessage `json:"_id"` // of a dump: a text, or an object with $oid
}

// auth0Hash is a hash, under each of the names that it comes by.
type auth0Hash struct {
	Hash      string          `json:"passwordHash"`
	HashSnake string          `json:"password_hash"`
	Custom    json.RawMessage `json:"custom_password_hash"`
}

// auth0Says are the fields of the file that say what a person has. A record lacks one that is empty, the whole file one
// that the export was not told to write.
var auth0Says = map[string][]string{verifiedField: {"email_verified"}, nameField: {"name"},
	usernameField: {"username"}, imageField: {"picture"},
	rolesField: {"app_metadata"}, disabledField: {"blocked"}, accountsField: {"identities"},
	factorField:   {"multifactor", "mfa_factors"},
	passwordField: {"passwordhash", "password_hash", "custom_password_hash"}}

// dumpedID is the id of the user whom a line of the dump is of.
func dumpedID(raw json.RawMessage) (string, error) {
	var u auth0Key
	_ = json.Unmarshal(raw, &u) // what else cannot be read is told with the person
	id := u.ID
	if id == "" {
		var wrapped struct {
			ID string `json:"$oid"`
		}
		if json.Unmarshal(u.Old, &wrapped) == nil {
			id = wrapped.ID
		} else {
			_ = json.Unmarshal(u.Old, &id)
		}
	}
	if id != "" && !strings.Contains(id, "|") {
		id = "auth0|" + id
	}
	return id, onceEach(raw, reflect.TypeFor[auth0Key]())
}

// People implements Source.
func (a Auth0) People(ctx context.Context, f Taker) error {
	return readNamed(ctx, a.Issuers, a.read, f)
}

func (a Auth0) read(ctx context.Context, f Taker) error {
	var dump *index
	if a.Hashes != "" {
		var err error
		dump, err = newIndex(a.Hashes, dumpedID)
		if err != nil {
			return err
		}
		defer dump.close()
	}
	there, err := fieldsIn(a.File, slices.Concat(slices.Collect(maps.Values(auth0Says))...)...)
	if err != nil {
		return err
	}
	unsaid := unsaidBy(auth0Says, func(name string) bool { return there[name] })
	if dump != nil {
		delete(unsaid, passwordField)
	}
	g := newGather(ctx, f, a.File)
	err = objects(a.File, func(o object) error {
		var u auth0User
		if err := readJSON(o.raw, &u); err != nil {
			return g.add(Person{Where: o.where, ID: u.ID, Err: err}, o.offset)
		}
		var more auth0Hash
		found, fault, err := dump.read(u.ID, &more)
		if err != nil {
			return fmt.Errorf("%s: the user %s: %w", a.Hashes, u.ID, err)
		}
		p := a.person(u, more)
		p.unsaid = unsaid
		if p.Where = o.where; fault != nil {
			p.fail(fmt.Errorf("what the dump has of them %w", fault))
		} else if dump != nil && !found && p.Password == "" && p.Unknown == nil &&
			strings.HasPrefix(u.ID, "auth0|") {
			p.lacks = "is not in the dump with the hashes: nothing is known of their password"
			p.unsaid = maps.Clone(unsaid)
			p.unsaid[passwordField] = true
		}
		return g.add(p, o.offset)
	})
	if err != nil {
		return err
	}
	return g.end()
}

// remarks implements remarker. An export job writes only the fields that it was told.
func (a Auth0) remarks() []Line {
	there, err := fieldsIn(a.File, "multifactor", "mfa_factors")
	if err != nil || len(there) > 0 { // the fault is told when people are read
		return nil
	}
	return []Line{{Result: resultNoted, Where: a.File,
		Reason: "no record has multifactor or mfa_factors: if the export was " +
			"not told to write multifactor, new people with a second factor come by their password alone, also who was left " +
			"out for it before"}}
}

func (a Auth0) person(u auth0User, dumped auth0Hash) Person {
	p := Person{ID: u.ID, Email: u.Email, Verified: u.Verified, Name: u.Name, Username: u.Username,
		Image: u.Picture, Disabled: u.Blocked,
		SecondFactor: len(u.Factors)+len(u.Multi) > 0}
	for _, raw := range u.Factors {
		var f auth0Factor
		if json.Unmarshal(raw, &f) == nil && f.TOTP.Secret != "" && p.App == nil {
			p.takeKey(f.TOTP.Secret)
		}
	}
	if text, ok := u.Created.(string); ok {
		p.Created, _ = time.Parse(time.RFC3339, text) // unknown otherwise
	}
	p.takeRoles(u.Metadata.Roles, u.Metadata.Role)
	if p.Name == p.Email { // what Auth0 calls somebody who said no name
		p.Name = ""
	}
	for _, i := range u.Identities {
		if i.Provider != "auth0" {
			Database{Issuers: a.Issuers}.link(&p, i.Provider, string(i.Subject), "", time.Time{})
		}
	}
	p.setAuth0Password(u.auth0Hash)
	if p.Password == "" && p.Unknown == nil {
		p.setAuth0Password(dumped)
	}
	return p
}

func (p *Person) setAuth0Password(h auth0Hash) {
	if len(h.Custom) > 0 {
		p.Password, p.Unknown = password.Auth0(h.Custom)
		return
	}
	p.setPassword(cmp.Or(h.Hash, h.HashSnake))
}

// looseText is a text, or a number as it is written.
type looseText string

// UnmarshalJSON implements json.Unmarshaler.
func (t *looseText) UnmarshalJSON(raw []byte) error {
	var n json.Number
	if err := json.Unmarshal(raw, &n); err == nil {
		*t = looseText(n)
		return nil
	}
	return json.Unmarshal(raw, (*string)(t))
}
