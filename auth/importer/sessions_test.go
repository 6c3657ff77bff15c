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

// A session that has ended here does not come back, however long it lasts at the source by now, and whenever what has
// expired was swept.
func TestASessionThatHasEndedStaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		here  string
		alive int
	}{
		"ended":                   {`ended_at = now()`, 0},
		"replaced":                {`replaced_at = now() - interval '2 minutes'`, 0},
		"expired, as it was kept": {`ended_at = NULL`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := betterAuthWorld(t)
			w.run(t, w.betterAuth())
			w.now(t, `UPDATE gatepost.imported_session SET `+c.here)
			for i, days := range []string{"7", "30", "60"} {
				if i != 1 { // between the first two imports it does not expire
					w.now(t, `UPDATE gatepost.imported_session SET expires_at = now() - interval '1 s'`)
				}
				if _, err := w.store.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.old(t, `UPDATE session SET "expiresAt" = now() + interval '`+days+` days'`)
				w.run(t, w.betterAuth())
				var alive, follow int
				err := w.here.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE ended_at IS NULL AND replaced_at IS NULL),
				    count(*) FILTER (WHERE expires_at > now() + interval '`+days+` days' - interval '1 hour')
				    FROM gatepost.imported_session`).Scan(&alive, &follow)
				if err != nil || alive != c.alive || follow != 1 {
					t.Errorf("at %s days: %d alive, %d last as long as there, %v", days, alive, follow, err)
				}
			}
			w.now(t, `UPDATE gatepost.imported_session SET expires_at = now() - interval '91 days'`)
			if _, err := w.store.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			var left int
			if err := w.here.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.imported_session`).Scan(&left); err != nil ||
				left != 0 {
				t.Errorf("%d rows are left for ever, %v", left, err)
			}
		})
	}
}
