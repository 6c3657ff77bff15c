package e2e

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

// zitadel is the example provider of github.com/zitadel/oidc. Its issuer ends with a slash.
type zitadel struct{ issuer string }

const zitadelSecret = "zitadel-secret"

// startZitadel runs the provider until the test ends. It knows no client before serve.
func startZitadel(t *testing.T) *zitadel {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	z := &zitadel{"http://localhost:" + port + "/"}
	said, before := &output{}, slog.Default()
	users := storage.NewStorage(storage.NewUserStore(z.issuer))
	s := &http.Server{Handler: exampleop.SetupServer(z.issuer, users, slog.New(slog.NewTextHandler(said, nil)), false)}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		slog.SetDefault(before) // the example has replaced it
		if t.Failed() {
			t.Logf("what zitadel's example wrote:\n%s", said)
		}
	})
	return z
}

func (z *zitadel) serve(gate string) {
	storage.RegisterClients(storage.WebClient("gate", zitadelSecret, gate+"/api/auth/callback/zitadel"))
}

func (z *zitadel) settings() []string {
	const of = "GATEPOST_OIDC_ZITADEL_"
	return []string{of + "ISSUER=" + z.issuer, of + "CLIENT_ID=gate", of + "CLIENT_SECRET=" + zitadelSecret,
		of + "LABEL=Zitadel"}
}

// walk signs in twice, each time with the password.
func (z *zitadel) walk(v *visitor) {
	before := ""
	for range 2 {
		v.open("/dashboard")
		v.goWith("/login/with/zitadel")
		if at := v.mustCome(z.issuer + "login/username"); strings.Contains(at, "//login") {
			v.t.Errorf("the slash of the issuer is there twice: %s", at)
		}
		v.fill("username", "test-user@localhost")
		v.fill("password", "verysecure")
		v.press("Login")
		v.mustBeAt("/dashboard")
		v.mustSee("Email: test-user@zitadel.ch\n")
		v.mustSee("Email-Verified: false\n") // nobody vouches for this provider
		v.mustSee("Roles: user")
		if now := v.text(); before != "" && now != before {
			v.t.Errorf("the second time the app is told\n%s\nand at first it was\n%s", now, before)
		}
		before = v.text()
		v.press("Log out")
		v.mustBeAt("/login") // and is not signed out there, which nobody asked for
	}
}
