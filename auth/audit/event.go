package audit

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// Event is one decision about a person. No field but Client may hold text that a visitor typed: people type passwords
// into the field for the address.
type Event struct {
	Name      string  // the kind of decision, such as "sign-in"
	Result    string  // the outcome in one word; empty: "ok", the deed was done
	UserID    string  // the user whose account it is about; empty: no known user
	SessionID string  // the session that did the deed, or that the deed made; empty: none
	Target    string  // what else was changed, such as the id of another session; empty: only the account
	Details   Details // further facts
	Client    secret.Client
}

// Detail is a fact, such as "roles" and "user → admin". A Value without a Name names the person concerned.
type Detail struct{ Name, Value string }

// Details are facts in the order in which the log has them.
type Details []Detail

// detailsMost limits the details of a row, in bytes of JSON. Longer details are replaced by a mark, all of them.
const detailsMost = 4 << 10

// String returns the details as the log has them.
func (d Details) String() string {
	words := make([]string, len(d))
	for i, one := range d {
		words[i] = strings.TrimSpace(one.Name + " " + one.Value)
	}
	return strings.Join(words, ", ")
}

// json returns the details as the column details has them, and nil when there are none.
func (d Details) json() *string {
	if len(d) == 0 {
		return nil
	}
	values := map[string]string{}
	for _, one := range d {
		values[cmp.Or(one.Name, "about")] = database.Clean(one.Value)
	}
	b, err := json.Marshal(values)
	if err != nil || len(b) > detailsMost {
		b = []byte(`{"too_long":"true"}`)
	}
	s := string(b)
	return &s
}
