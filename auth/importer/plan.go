package importer

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// The fields of a person that the report names and wrote has digests of. An identity has a field of its own, whose
// name begins with identityField.
const (
	addressField  = "address" // and whether it is confirmed: neither says much without the other
	nameField     = "name"
	usernameField = "username" // there is none of people without one
	imageField    = "image"
	rolesField    = "roles"
	disabledField = "disabled"
	passwordField = "password"
	identityField = "identity "
	// factorField is there of people with a second factor, and says whether it was dropped (Options.DropSecondFactors).
	factorField = "second factor"
	// passkeyField is how the field of a passkey begins. It comes after factorField in order.
	passkeyField = factorField + ", passkey "
)

// plan is what is to become of one person.
type plan struct {
	Person
	fault  string // why they cannot be taken; empty: nothing is known against it
	roles  string
	fields map[string]string // the values to write, by field
	record *record           // what earlier imports know of them; nil: nothing

	codeHashes []string // of their recovery codes, if these are to be written

	subjects map[string]string // the ids of their accounts at providers that are here, by field

	changed bool     // a field of theirs was written
	moved   []string // their address and the accounts at providers that were, by field
	waits   bool     // somebody else has the address that they have at the source
}

// first judges people by what the source alone says.
func (r *run) first(people []Person) []*plan {
	plans := make([]*plan, len(people))
	for i, p := range people {
		plans[i] = &plan{Person: p}
		if plans[i].fault = plans[i].judge(r); plans[i].fault == "" {
			plans[i].fields = plans[i].values()
		}
	}
	return plans
}

// judge brings a person into the form of accounts here, and returns why they cannot be taken.
func (p *plan) judge(r *run) (fault string) {
	var noFactor error
	if p.SecondFactor {
		r.counts.SecondFactors++
		noFactor = p.withoutFactor(r.o.Rules)
	}
	switch {
	case p.Err != nil:
		return p.Err.Error()
	case p.ID == "":
		return "has no id"
	case !secret.ValidID(p.ID):
		return "has an id that cannot be one here: it takes text that shows, of at most 255 bytes, without blanks at its ends"
	case !r.from.Ordered() && r.ids.again(p.ID):
		return "has an id that another record before it has"
	case strings.TrimSpace(p.Email) == "":
		return "has no e-mail address"
	case noFactor != nil && !r.o.DropSecondFactors:
		return "has a second factor that is not brought over: " + noFactor.Error() +
			" (--drop-second-factors brings them without)"
	case p.Unknown != nil && !r.o.DropPasswords:
		return "has a password that cannot be verified here: " + p.Unknown.Error() + " (--drop-passwords brings them without)"
	}
	if noFactor != nil {
		p.dropFactor(noFactor)
	}
	if fault := p.canonical(r.o.Rules); fault != "" {
		return fault
	}
	if !r.from.Ordered() && r.addresses.again(p.Email) {
		return "has the address of another record"
	}
	return ""
}

func (p *plan) canonical(rules Rules) (fault string) {
	email, err := rules.Email(p.Email)
	if err != nil {
		return "has an address that cannot be one here: it has not the form of an address, or is too long"
	}
	p.Email = email
	name, err := rules.Name(p.Name)
	if p.Name = name; err != nil {
		p.leaveOut(&p.Name, "name", "it is too long, or has characters that no name has")
	}
	if p.Username != "" {
		if p.Username, err = rules.Username(p.Username, !p.UsernameGiven); err != nil {
			p.leaveOut(&p.Username, "username", "it has another form than those here, or is kept for operators")
		}
	}
	if err := rules.Image(p.Image); err != nil {
		p.leaveOut(&p.Image, "picture", "it is too long, or no https:// address")
	}
	if p.Unknown != nil {
		p.Notes = append(p.Notes, "is brought over without the password, which cannot be verified here: "+p.Unknown.Error())
	}
	if p.Roles == nil {
		p.Roles = []string{"user"}
	}
	if p.roles, err = rules.Roles(p.Roles); err != nil {
		return "has a role that cannot be one here: use letters, digits and _ . : -"
	}
	slices.SortFunc(p.Identities, func(a, b Identity) int { return strings.Compare(a.field(), b.field()) })
	p.Identities = slices.CompactFunc(p.Identities, func(a, b Identity) bool { return a.field() == b.field() })
	for i := range p.Identities {
		p.Identities[i].Provider = cmp.Or(rules.Provider(p.Identities[i].Issuer), p.Identities[i].Provider)
	}
	if !p.Disabled || !p.Until.IsZero() && p.Until.Before(time.Now()) {
		p.Disabled, p.Until = false, time.Time{}
	}
	return ""
}

// leaveOut empties a field that cannot be one here, which the report tells.
func (p *plan) leaveOut(field *string, name, why string) {
	p.Notes, *field = append(p.Notes, "the "+name+" is left out: "+why), ""
}

// values are the fields of a person as they are written.
func (p *plan) values() map[string]string {
	v := map[string]string{addressField: address(p.Email, p.Verified), nameField: p.Name, imageField: p.Image,
		rolesField: p.roles, disabledField: disabled(p.Disabled, p.Until), passwordField: p.Password}
	if p.Username != "" {
		v[usernameField] = username(p.Username, p.UsernameGiven)
	}
	for _, i := range p.Identities {
		v[i.field()] = "here"
	}
	if p.SecondFactor {
		v[factorField] = p.factorValue()
	}
	for _, k := range p.Passkeys {
		v[k.field()] = "here"
	}
	return v
}

func address(email string, verified bool) string { return fmt.Sprintf("%s %t", email, verified) }

// username is a username as a value.
func username(name string, given bool) string { return fmt.Sprintf("%s %t", name, given) }

// disabled is a ban as a value. Those that end are told apart to the second.
func disabled(yes bool, until time.Time) string {
	switch {
	case !yes:
		return ""
	case until.IsZero():
		return "for good"
	}
	return "until " + until.UTC().Format(time.RFC3339)
}

// field names an identity without saying it: subjects may be addresses.
func (i Identity) field() string { return identityField + digest(i.Issuer, i.Subject) }

// key is what find knows an identity by.
func (i Identity) key() [2]string { return [2]string{i.Issuer, i.Subject} }

// digest tells values apart. It is one of random ids, hashes and of what the row of the user has anyway, and goes with
// that row.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:15])
}

// digests are what the record keeps of values. An empty value is kept, too: it was written.
func digests(values map[string]string) map[string]string {
	d := make(map[string]string, len(values))
	for field, value := range values {
		d[field] = digest(field, value)
	}
	return d
}

// news returns the fields that the source says something else of than at the last import, in order. A field that is
// gone at the source is among them, one that the source says nothing of is not.
func (p *plan) news() (fields []string) {
	now := digests(p.fields)
	for field, d := range now {
		if p.record.wrote[field] != d && p.says(field) {
			fields = append(fields, field)
		}
	}
	for field := range maps.Keys(p.record.wrote) {
		if _, still := now[field]; !still && field != wrappedField && field != barredField && p.says(field) {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	return fields
}
