package importer_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// A ban of which a file has the end alone is one, and what can be read either way brings nobody.
func TestABanByItsEnd(t *testing.T) {
	t.Parallel()
	const later, before = "2126-06-01T00:00:00Z", "2024-06-01T00:00:00Z"
	const both = "has a time in disabled_until that is not over, and false in disabled"
	const user, banned = "1|a@example.com|f||user", "1|a@example.com|f||user|disabled"
	csv := func(s string) importer.Source { return importer.CSV{File: file(t, s+"\n")} }
	json := func(s string) importer.Source {
		return importer.JSON{File: file(t, `{"id":"1","email":"a@example.com",`+s+"}\n")}
	}
	const columns = "id,email,disabled,disabled_until\n1,a@example.com,"
	for name, c := range map[string]struct {
		from importer.Source
		user string // none: they are refused
	}{
		"CSV, nothing said":           {csv(columns + "," + later), banned},
		"CSV, no such column":         {csv("id,email,disabled_until\n1,a@example.com," + later), banned},
		"CSV, said":                   {csv(columns + "true," + later), banned},
		"CSV, denied":                 {csv(columns + "false," + later), ""},
		"CSV, over":                   {csv(columns + "," + before), user},
		"CSV, denied and over":        {csv(columns + "false," + before), user},
		"JSON, nothing said":          {json(`"disabled_until":"` + later + `"`), banned},
		"JSON, null said":             {json(`"disabled":null,"disabled_until":"` + later + `"`), banned},
		"JSON, said":                  {json(`"disabled":true,"disabled_until":"` + later + `"`), banned},
		"JSON, denied":                {json(`"disabled_until":"` + later + `","disabled":false`), ""},
		"JSON, denied in other case":  {json(`"disabled_until":"` + later + `","Disabled":false`), ""},
		"JSON, over":                  {json(`"disabled_until":"` + before + `"`), user},
		"JSON, both in another order": {json(`"disabled":true,"disabled_until":"` + before + `"`), user},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ``)
			said := w.says(t, c.from)
			if users := strings.Join(w.users(t), "\n"); users != c.user || (c.user == "") != strings.Contains(said, both) {
				t.Errorf("here is %q, want %q; it said %q", users, c.user, said)
			}
		})
	}
}
