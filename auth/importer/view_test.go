package importer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// A view may have an id twice, also where one batch ends and the next begins: nobody comes of either row, at any run.
func TestAViewWithAnIDTwice(t *testing.T) {
	t.Parallel()
	for _, first := range []int{0, 1, 198, 199, 200, 399, 448} {
		t.Run(fmt.Sprint("before it ", first), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, betterAuthTables)
			w.old(t, `INSERT INTO "user" SELECT 'u' || 1000 + i, '', 'u' || i || '@example.com', false
			    FROM generate_series(0, 449) i; UPDATE "user" SET role = 'editor' WHERE id = 'u`+fmt.Sprint(1000+first)+`';
			    CREATE VIEW people AS SELECT * FROM "user" UNION ALL SELECT id, 'another', 'another' || email, true, image,
			        "createdAt", "updatedAt", 'admin', banned, "banReason", "banExpires", "twoFactorEnabled"
			        FROM "user" WHERE role = 'editor'`)
			from := w.betterAuth()
			from.Tables = map[string]string{"user": "people"}
			for _, want := range []importer.Counts{{Read: 451, Created: 449, Refused: 2},
				{Read: 451, Unchanged: 449, Refused: 2}} {
				counts, told := w.run(t, from)
				told = slices.DeleteFunc(told, func(s string) bool { return strings.HasPrefix(s, "created") })
				line := fmt.Sprintf("refused u%d:  has an id that another row there has: nobody knows which one counts", 1000+first)
				same(t, "told", told, line, line)
				if counts != want {
					t.Errorf("got %+v, want %+v", counts, want)
				}
			}
		})
	}
}
