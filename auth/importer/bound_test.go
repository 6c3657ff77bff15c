package importer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// No source decides how much memory an import takes: what is too long for anybody is refused, with its place, and a
// batch ends where it has grown large.
func TestHowMuchAFileMayHold(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("x", 10<<20)
	const auth0 = `{"user_id":"auth0|1","email":"a@example.com"`
	var many, large strings.Builder
	for i := range 200 {
		fmt.Fprintf(&large, `{"id":"%d","email":"%[1]d@example.com","image":%q,"name":%[2]q}`+"\n", i, huge[:60<<10])
		many.WriteString(`{"provider":"` + huge[:6<<10] + `","subject":"1"},`)
	}
	accounts := strings.TrimSuffix(many.String(), ",")
	json := func(s string) importer.Source { return importer.JSON{File: file(t, s)} }
	for name, c := range map[string]struct {
		from importer.Source
		told string
	}{
		"a name":   {json(`{"id":"1","email":"a@example.com","name":"` + huge + `"}`), "bytes or more in the field name"},
		"an id":    {json(`{"id":"` + huge + `","email":"a@example.com"}`), "bytes or more in the field id"},
		"a field":  {json(`{"id":"1","email":"a@example.com","` + huge + `":1}`), `has a field "xxx`},
		"accounts": {json(`{"id":"1","email":"a@example.com","accounts":[` + accounts + `]}`), "1048576 are the most"},
		"of Auth0": {importer.Auth0{File: file(t, auth0+`,"name":"`+huge+`"}`)},
			"in the field name, where 65536 are the most"},
		"many of 120": {json(large.String()), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.from.People(t.Context(), func(some []importer.Person, _ int64) error {
				if held := len(fmt.Sprint(some)); held > 5<<20 {
					t.Errorf("%d people at once take %d bytes", len(some), held)
				}
				for _, p := range some {
					if told := fmt.Sprint(p.Err); c.told != "" && !strings.Contains(told, c.told) || len(told) > 2<<10 ||
						p.Where == "" || (p.Err != nil) != (c.told != "") {
						t.Errorf("%s: told %.200q, want %q", p.Where, told, c.told)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// The same is true of a database, and of how many sessions somebody has.
func TestHowMuchADatabaseMayHold(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	w.old(t, `INSERT INTO "user" (id, email, name, "emailVerified") VALUES
	    ('long', 'long@example.com', repeat('x', 10 << 20), true),
	    ('busy', 'busy@example.com', 'Busy', true)`)
	w.old(t, `INSERT INTO session SELECT 's' || n, now() + n * interval '1 hour', 'token ' || n, now(), '', 
	    repeat('x', 9999), 'busy' FROM generate_series(1, 1500) n`)
	err := w.betterAuth().People(t.Context(), func(some []importer.Person, _ int64) error {
		if held := len(fmt.Sprint(some)); held > 2<<20 {
			t.Errorf("%d people take %d bytes", len(some), held)
		}
		return nil
	})
	counts, told := w.run(t, w.betterAuth())
	all := strings.Join(told, "\n")
	for _, want := range []string{"refused long:  has 65537 bytes or more in the field name",
		"note busy:  has more than 1000 sessions: some are left out"} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing says %q in %.1000q", want, all)
		}
	}
	var first int
	if err := w.here.QueryRow(t.Context(), `SELECT (extract(epoch FROM min(expires_at) - now()) / 3600)::int
	    FROM gatepost.imported_session WHERE user_id = 'busy'`).Scan(&first); err != nil || first < 499 {
		t.Errorf("the first session ends after %d h (%v)", first, err)
	}
	if err != nil || counts.Sessions < 1000 {
		t.Errorf("%+v, %v", counts, err)
	}
}
