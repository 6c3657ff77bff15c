package acceptance_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// A gate does not start at an address where the passkeys that there are would be dead, and says how many, and neither
// does one without the key of the apps that there are. Each command says so before anything is served.
func TestNoGateStartsWhereFactorsWouldBeDead(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	l.exec(t, `INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, public_key)
		SELECT i::text, u.id, 'app.example.com', i::text::bytea, '' FROM gatepost."user" u, generate_series(1, 3) i`)
	start := func(command, address string, more ...string) (int, string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		port, ops := freePort(t), freePort(t)
		var said bytes.Buffer
		code := run(ctx, []string{"gatepost", command}, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/",
			"DATABASE_URL=" + l.database, "GATEPOST_UPSTREAM=" + l.app.url, "GATEPOST_PUBLIC_URL=" + address,
			"GATEPOST_LISTEN=127.0.0.1:" + port, "GATEPOST_OPS_LISTEN=127.0.0.1:" + ops}, more...), nil, &said, &said)
		return code, said.String()
	}
	for _, address := range []string{"https://new.example.org", "https://192.0.2.1", "https://example.com"} {
		for _, command := range []string{"check", "serve"} {
			code, said := start(command, address)
			if code != 1 || !strings.Contains(said, `3 passkeys were made for "app.example.com", and would not work at `) {
				t.Errorf("%s at %s: %d\n%s", command, address, code, said)
			}
		}
	}
	for _, address := range []string{"https://app.example.com", "https://new.app.example.com"} {
		if code, said := start("check", address); code != 0 {
			t.Errorf("check at %s: %d\n%s", address, code, said)
		}
	}
	l.exec(t, `DELETE FROM gatepost.passkey`)
	l.exec(t, `INSERT INTO gatepost.encryption_key (id) VALUES ('of another gate')`)
	for _, command := range []string{"check", "serve"} {
		code, said := start(command, "https://app.example.com")
		if code != 1 || !strings.Contains(said, "encrypted with a key that is not here (of another gate)") {
			t.Errorf("%s without the key: %d\n%s", command, code, said)
		}
	}
}
