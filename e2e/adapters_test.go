package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// vendors answer the adapters of docs/move-in/trickle.md, as those vendors do: by the password.
const vendors = `
const user = { sub: 'id-1', email: 'ada@example.com', email_verified: true, name: 'Ada' };
const says = (status, body) => new Response(JSON.stringify(body), { status });
const token = 'x.' + btoa(JSON.stringify(user)) + '.x';
globalThis.fetch = async (url, { body }) => {
  const { password } = JSON.parse(body), auth0 = url.includes('/oauth/token');
  switch (password) {
    case 'right': return says(200, auth0 ? { id_token: token }
      : { localId: 'id-1', email: user.email, idToken: 'x' });
    case 'factor': return auth0 ? says(403, { error: 'mfa_required' })
      : says(200, { localId: 'id-1', mfaPendingCredential: 'x' });
    case 'wrong': return auth0 ? says(403, { error: 'invalid_grant' })
      : says(400, { error: { message: 'INVALID_LOGIN_CREDENTIALS' } });
    case 'often': return auth0 ? says(429, {}) : says(400, { error: { message: 'TOO_MANY_ATTEMPTS_TRY_LATER' } });
  }
  throw new TypeError('fetch failed');
};
class InitiateAuthCommand { constructor(input) { this.input = input; } }
class GetUserCommand extends InitiateAuthCommand {}
const cognito = { async send({ input }) {
  if (input.AccessToken) return {
    UserAttributes: Object.entries(user).map(([Name, v]) => ({ Name, Value: String(v) })) };
  switch (input.AuthParameters.PASSWORD) {
    case 'right': return { AuthenticationResult: { AccessToken: 'x' } };
    case 'factor': return { ChallengeName: 'SOFTWARE_TOKEN_MFA', Session: 'x' };
    case 'wrong': throw Object.assign(new Error('no'), { name: 'NotAuthorizedException' });
  }
  throw Object.assign(new Error('slow down'), { name: 'TooManyRequestsException' });
} };
`

// The adapters that the page has answer what it demands, and go on after whatever the vendor says.
func TestAdaptersOfTheFallback(t *testing.T) {
	page, err := os.ReadFile("../docs/move-in/trickle.md")
	if err != nil {
		t.Fatal(err)
	}
	var checks []string
	var server string
	for _, m := range regexp.MustCompile("(?s)\n```js\n(.*?)```\n").FindAllStringSubmatch(string(page), -1) {
		switch block := m[1]; {
		case strings.Contains(block, "createServer("):
			server = block
		case strings.Contains(block, "function check("):
			checks = append(checks, block)
		}
	}
	if len(checks) != 3 || server == "" {
		t.Fatalf("the page has %d adapters", len(checks))
	}
	for _, check := range checks {
		port := freePort(t)
		script := filepath.Join(t.TempDir(), "adapter.mjs")
		text := vendors + check + strings.Replace(server, "9999, '127.0.0.1'", port+
			", '127.0.0.1', () => console.log('the adapter is up')", 1)
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(nodeFor(t), script)
		cmd.Env = append(cmd.Environ(), "FALLBACK_SECRET=the secret")
		p, err := startProgram("adapter", cmd)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { end(p) })
		if err := p.wait(func() bool { return strings.Contains(p.out.String(), "is up") }); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			password string
			status   int
		}{{"right", 200}, {"wrong", 401}, {"factor", 401}, {"often", 502}, {"out of order", 502}, {"right", 200}} {
			body := fmt.Sprintf(`{"email":"ada@example.com","password":%q}`, c.password)
			r, _ := http.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1:"+port, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer the secret")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatalf("%s: %v\n%s\n%s", c.password, err, p.out, check)
			}
			_ = res.Body.Close()
			if res.StatusCode != c.status {
				t.Errorf("%s: status %d, want %d\n%s\n%s", c.password, res.StatusCode, c.status, p.out, check)
			}
		}
	}
}
