package importer

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// unsaid are the fields of people that a source says nothing of, as a file, a column or a flag is missing. For somebody
// who is here they stay as they are, and what the last import wrote of them stays remembered. Somebody new gets the
// default.
type unsaid map[string]bool

// Some fields of a Person are part of one in the record, or many of them.
const (
	verifiedField = "email_verified" // part of addressField
	untilField    = "disabled_until" // part of disabledField
	accountsField = "accounts"       // each identityField
	passkeysField = "passkeys"       // each passkeyField
	sessionsField = "sessions"       // in no record: recognise looks for them
)

// barredField is where a record keeps that the password was taken from somebody because of a second factor. A source
// that says nothing of second factors does not give it back.
const barredField = "password, taken"

// says reports whether the source says anything of a field that the record of somebody has.
func (p *plan) says(field string) bool {
	switch {
	case strings.HasPrefix(field, identityField):
		return !p.unsaid[accountsField]
	case strings.HasPrefix(field, passkeyField):
		return !p.unsaid[passkeysField]
	case field == passwordField && p.unsaid[factorField] && p.record.wrote[barredField] != "", field == barredField:
		return !p.unsaid[factorField]
	case field == disabledField && p.unsaid[untilField] && p.Disabled && !p.unsaid[disabledField]:
		// Only the end of a ban is unknown. One that had none, or was not there, has none now.
		wrote := p.record.wrote[field]
		return wrote == digest(field, disabled(false, p.Until)) || wrote == digest(field, disabled(true, p.Until))
	}
	return !p.unsaid[field]
}

// recall takes from the record what the source does not say, and what the value of another field, or whether a session
// counts, depends on.
func (p *plan) recall() {
	if p.record == nil || p.fields == nil { // new, or refused
		return
	}
	if p.unsaid[verifiedField] {
		p.Verified = p.record.wrote[addressField] == digest(addressField, address(p.Email, true))
		p.fields[addressField] = address(p.Email, p.Verified)
	}
	if p.unsaid[factorField] && p.record.wrote[factorField] != "" {
		p.SecondFactor, p.fields[factorField] = true, dropped
	}
}

// missing are the fields of which an import has written something, and the source says nothing now, as they are called
// in files.
func (p *plan) missing() (fields []string) {
	for field, wrote := range p.record.wrote {
		switch {
		case field == wrappedField || p.says(field) || wrote == digest(field, map[string]string{rolesField: "user"}[field]):
		case strings.HasPrefix(field, identityField):
			fields = append(fields, accountsField)
		case strings.HasPrefix(field, passkeyField):
			fields = append(fields, passkeysField)
		case field == barredField:
			fields = append(fields, factorField)
		case field == disabledField && !p.unsaid[disabledField]:
			fields = append(fields, untilField)
		default:
			fields = append(fields, field)
		}
	}
	if p.unsaid[verifiedField] && p.Verified {
		fields = append(fields, verifiedField)
	}
	return fields
}

// unnamed returns the provider at which an account that the import wrote, and the source does not say any more, may be
// there still: whose accounts these are, this run was not told. Empty: it is gone. A field that is not here, either,
// may be of any of them.
func (p *plan) unnamed(field string) (provider string) {
	if !strings.HasPrefix(field, identityField) || p.fields[field] != "" || len(p.unissued) == 0 {
		return ""
	}
	if subject, here := p.subjects[field]; here {
		return p.unissued[subject]
	}
	return slices.Min(slices.Collect(maps.Values(p.unissued)))
}

// miss notes what is missing of people, for one line at the end.
func (r *run) miss(fields ...string) {
	if r.missed == nil {
		r.missed = map[string]bool{}
	}
	for _, field := range fields {
		r.missed[field] = true
	}
}

// tellMissed reports which fields stay as they are because the source says less than before.
func (r *run) tellMissed() error {
	if len(r.missed) == 0 {
		return nil
	}
	return r.say([]Line{{Result: resultNoted, Reason: "the source said " +
		strings.Join(slices.Sorted(maps.Keys(r.missed)), ", ") + " of people who are here, and says nothing of that now: " +
		"it stays as it is here; is a file, a column or a flag missing, as --api, --hashes, --issuer or --column?"}})
}

// fieldsIn returns which of some fields any record of a file of JSON has.
func fieldsIn(file string, wanted ...string) (there map[string]bool, err error) {
	there = map[string]bool{}
	errAll := errors.New("all fields are there")
	err = objects(file, func(o object) error {
		var fields map[string]json.RawMessage
		_ = json.Unmarshal(o.raw, &fields) // what cannot be read is told with the person
		for name := range fields {
			if name = strings.ToLower(name); slices.Contains(wanted, name) { // in any case, as readJSON has it
				there[name] = true
			}
		}
		if len(there) == len(wanted) {
			return errAll
		}
		return nil
	})
	if errors.Is(err, errAll) {
		err = nil
	}
	return there, err
}

// unsaidBy are the fields of which nothing is known, as none of what would say it is there.
func unsaidBy(sayers map[string][]string, there func(string) bool) unsaid {
	u := unsaid{}
	for field, names := range sayers {
		if !slices.ContainsFunc(names, there) {
			u[field] = true
		}
	}
	return u
}
