package audit

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// Event is one decision about a person, in words of the program's own: an address field holds a password now and then,
// so that nothing a stranger typed is to stand here.
type Event struct {
	Name      string  // what was decided about, as "sign-in"
	Result    string  // one word; empty: "ok", it was done
	UserID    string  // whose account it is; empty: nobody's that is known
	SessionID string  // the session that did it, or was made by it; empty: none
	Target    string  // what it was done to besides the account, as the id of another session; empty: nothing
	Details   Details // what more is to be known
	Client    secret.Client
}

// Detail is a name and what there is to say of it, as "roles" and "user → admin". Without a name it says whom it is
// about.
type Detail struct{ Name, Value string }

// Details are said in their order.
type Details []Detail

// detailsMost is the most of all details that a row takes, in bytes of JSON. What is longer is left out as a whole.
const detailsMost = 4 << 10

// String is what the log says.
func (d Details) String() string {
	words := make([]string, len(d))
	for i, one := range d {
		words[i] = strings.TrimSpace(one.Name + " " + one.Value)
	}
	return strings.Join(words, ", ")
}

// json is what the column has; nil: nothing to say.
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
