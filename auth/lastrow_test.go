package auth_test

import (
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/importer"
)

// What commands do to many people, or take away of them, has its row in the audit log.
func TestCommandsOnManyPeopleHaveTheirRow(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) { o.AuditRetention = time.Hour })
	if err := s.ExportAll(t.Context(), false, false, func(importer.Exported) error { return nil }); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `INSERT INTO gatepost."user" (id, email) VALUES ('ada', 'ada@example.com');
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
		VALUES ('a', 'local:credential', 'credential', 'ada', 'ada', '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/')`)
	if n, err := s.WrapWeak(t.Context(), func(int64, int64) {}); n != 1 || err != nil {
		t.Fatalf("wrapped %d, %v", n, err)
	}
	for _, event := range []string{"export-users", "wrap-hashes"} {
		if n := count(t, db, `audit_event WHERE result = 'ok' AND event = '`+event+`'`); n != 1 {
			t.Errorf("%s has %d rows", event, n)
		}
	}
}
