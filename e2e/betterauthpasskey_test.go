package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// registered makes a passkey at Better Auth, as the user of these credentials, and entered signs in by it there.
const (
	registered = `(async () => {
	const post = (path, body) => fetch("/api/auth/" + path, {method: "POST", body: JSON.stringify(body),
		headers: {"Content-Type": "application/json"}})
	await post("sign-in/email", %s)
	const options = await (await fetch("/api/auth/passkey/generate-register-options")).json()
	const response = await navigator.credentials.create({publicKey:
		PublicKeyCredential.parseCreationOptionsFromJSON({...options, authenticatorSelection: {residentKey: "required"}})})
	return (await post("passkey/verify-registration", {response: response.toJSON(), name: "Blue key"})).status
})()`
	entered = `(async () => {
	const options = await (await fetch("/api/auth/passkey/generate-authenticate-options")).json()
	const response = await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)})
	const answer = await fetch("/api/auth/passkey/verify-authentication", {method: "POST",
		headers: {"Content-Type": "application/json"}, body: JSON.stringify({response: response.toJSON()})})
	return (await answer.json()).user?.id ?? ""
})()`
)

// A passkey that was registered at the real Better Auth signs in here, once a second run has brought it, and there
// again after the way back.
func TestAPasskeyOfBetterAuth(t *testing.T) {
	for _, l := range layouts[2:] {
		t.Run(l.name, func(t *testing.T) {
			old := l.start(t, "PASSKEY=1")
			ada := old.join(t, "ada", "a quiet river at noon")
			ada.confirm()
			v := newVisitorOf(t, &gateway{url: old.url})
			v.hasKeyring(true)
			v.open("/")
			who, _ := json.Marshal(map[string]string{"email": ada.email, "password": ada.password})
			if got := judge[int](v, "register a passkey", fmt.Sprintf(registered, who)); got != 200 {
				t.Fatalf("Better Auth answers %d to a new passkey", got)
			}
			app := httptest.NewServer(http.HandlerFunc(tellHeaders))
			t.Cleanup(app.Close)
			h := moveInto(t, "better-auth", old.source, app.URL, freePort(t)).serve(t)
			if n, report := h.bring(t, "--passkey-domain", "old.example"); n.Created != 1 || n.Passkeys != 0 ||
				!tells(report, ada.id, `the passkey "Blue key" is left out: it was made for "old.example"`) {
				t.Fatalf("of another domain: %+v of %v", n, report)
			}
			if n, report := h.bring(t); n.Changed != 1 || n.Passkeys != 1 {
				t.Fatalf("a second run: %+v of %v", n, report)
			}
			v.gate = h.gateway
			v.open("/login?next=%2Fdashboard")
			v.press("Log in with a passkey")
			v.mustArriveAt("/dashboard")
			if _, r := h.tryPassword(t, ada.email, ada.password); r != nil {
				r.mustBeOut() // the passkey is a second factor here
			}

			out, said, code := h.command(t, "export", "--format", "better-auth", "--drop-second-factors")
			if code != 0 {
				t.Fatalf("the export: code %d: %s", code, said)
			}
			empty := l.start(t, "PASSKEY=1")
			for _, to := range []*betterAuth{old, empty} {
				for range 2 { // once more changes nothing
					site.psql(t, to.base, out)
				}
				if got := sql(t, to.base, `SELECT count(*) FROM passkey`); got[0] != "1" {
					t.Errorf("there are %s passkeys", got[0])
				}
				v.gate = &gateway{url: to.url}
				v.open("/")
				if got := judge[string](v, "sign in by the passkey", entered); got != ada.id {
					t.Errorf("at Better Auth the passkey is %q, want %q", got, ada.id)
				}
			}
		})
	}
}
