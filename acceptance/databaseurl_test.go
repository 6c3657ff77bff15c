package acceptance_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// The gate works with the database URL of an app that uses Prisma behind a pooler, and then prepares no
// statement at the server.
func TestTheAddressOfAnAppWithPrismaWorks(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(authtest.NewEmptyDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	direct := u.String()
	q := u.Query()
	for _, name := range []string{"schema=public", "pgbouncer=true", "connection_limit=5", "pool_timeout=10",
		"gssencmode=disable", "keepalives_idle=30"} {
		key, value, _ := strings.Cut(name, "=")
		q.Set(key, value)
	}
	u.RawQuery = q.Encode()
	g := startGate(t, "DATABASE_URL="+u.String(), "GATEPOST_DIRECT_DATABASE_URL="+direct,
		"GATEPOST_UPSTREAM="+newApp(t).url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("the dashboard: %d %s", r.status, r.body)
	}
}
