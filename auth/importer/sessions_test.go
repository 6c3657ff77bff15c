package importer_test

import "testing"

// A session that its user used at the source, so that it ends later, ends later here, too, and is not idle since the
// import before.
func TestASessionThatWasUsedAtTheSource(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		there, here string
		longer      bool
	}{
		"used":            {`UPDATE session SET "expiresAt" = now() + interval '7 days'`, ``, true},
		"not used":        {``, ``, false},
		"ended here":      {`UPDATE session SET "expiresAt" = now() + interval '7 days'`, `ended_at = now()`, false},
		"replaced":        {`UPDATE session SET "expiresAt" = now() + interval '7 days'`, `replaced_at = now()`, false},
		"cut short there": {`UPDATE session SET "expiresAt" = now() + interval '1 hour'`, ``, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := betterAuthWorld(t)
			w.run(t, w.betterAuth())
			w.now(t, `UPDATE gatepost.imported_session SET imported_at = now() - interval '8 days'`)
			if c.here != "" {
				w.now(t, `UPDATE gatepost.imported_session SET `+c.here)
			}
			if c.there != "" {
				w.old(t, c.there)
			}
			counts, _ := w.run(t, w.betterAuth())
			var longer bool
			err := w.here.QueryRow(t.Context(), `SELECT expires_at > now() + interval '6 days' AND
			    imported_at > now() - interval '1 day' FROM gatepost.imported_session`).Scan(&longer)
			if err != nil || longer != c.longer || counts.Sessions != 0 {
				t.Errorf("longer: %t, %v, %+v", longer, err, counts)
			}
		})
	}
}
