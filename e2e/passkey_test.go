package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// keyring is a virtual authenticator in the tab of a visitor.
type keyring struct {
	v  *visitor
	id webauthn.AuthenticatorID
}

// hasKeyring gives the visitor an authenticator, which says who they are or cannot.
func (v *visitor) hasKeyring(verifies bool) *keyring {
	v.t.Helper()
	call(v, "enable Web Authentication", webauthn.Enable, webauthn.EnableParams{})
	ctx, cancel := v.limit()
	defer cancel()
	got, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{Protocol: "ctap2", Transport: "internal", HasResidentKey: true,
			HasUserVerification: verifies, IsUserVerified: verifies, AutomaticPresenceSimulation: true}})
	if err != nil {
		v.t.Fatalf("add an authenticator: %v", err)
	}
	return &keyring{v, got.AuthenticatorID}
}

// present has the authenticator answer, or wait for a person who does nothing.
func (k *keyring) present(yes bool) {
	k.v.t.Helper()
	call(k.v, "be there", webauthn.SetAutomaticPresenceSimulation,
		webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: k.id, Enabled: yes})
}

func (k *keyring) keys() []*webauthn.Credential {
	k.v.t.Helper()
	ctx, cancel := k.v.limit()
	defer cancel()
	got, err := chromedp.Call(ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: k.id})
	if err != nil {
		k.v.t.Fatalf("list passkeys: %v", err)
	}
	return got.Credentials
}

// enrolled is a new person with a passkey, who is logged out.
func (v *visitor) enrolled(k *keyring) person {
	v.t.Helper()
	p := zhangWei()
	v.open("/signup")
	v.signUp(p)
	p.change(v.t, `UPDATE gatepost."user" SET email_verified = true WHERE email = :'email'`)
	v.open("/account")
	v.submit("/account/passkeys")
	v.mustBeAt("/account/passkeys/add")
	v.fill("name", "Blue key")
	v.press("Add the passkey")
	v.mustSee("Recovery codes")
	if len(k.keys()) == 0 {
		v.t.Fatal("the authenticator has no passkey")
	}
	v.open("/account")
	v.mustSee("Blue key")
	v.press("Log out")
	return p
}

// moves is what somebody does on a page, upon which it asks for a challenge.
const moves = `dispatchEvent(new Event("pointermove"))`

// A visitor adds a passkey, logs in by it from the field and by the button, and removes it.
func TestAPasskeyFromTheFirstToTheLast(t *testing.T) {
	v := newVisitor(t)
	k := v.hasKeyring(true)
	v.enrolled(k)

	k.present(false) // else the button's request would be answered by the field's
	v.open("/login?next=%2Fdashboard")
	v.mustBeAccessible("the login")
	judge[any](v, "do something", moves)
	k.present(true)
	v.mustArriveAt("/dashboard") // from the field
	v.open("/account")
	v.press("Log out")

	k.present(true)
	v.open("/login?next=%2Fdashboard")
	v.press("Log in with a passkey")
	v.mustArriveAt("/dashboard")

	v.open("/account")
	v.mustBeAccessible("the account page")
	v.follow("Remove")
	v.press("Remove the passkey")
	v.mustSee("The passkey is removed.")
	v.press("Log out")
	v.open("/login")
	v.press("Log in with a passkey")
	v.mustComeToSee("This passkey is not known here any more.")
}

// Without verification a passkey is the second step, and not a way in.
func TestAPasskeyWithoutVerification(t *testing.T) {
	v := newVisitor(t)
	k := v.hasKeyring(true)
	p := v.enrolled(k)
	call(v, "clear the bit", webauthn.SetResponseOverrideBits,
		webauthn.SetResponseOverrideBitsParams{AuthenticatorID: k.id, IsBadUV: new(true)})
	v.open("/login?next=%2Fdashboard")
	v.press("Log in with a passkey")
	v.mustComeToSee("Your passkey did not check that it is you")
	v.open("/login?next=%2Fdashboard")
	k.present(false) // else the field's request would be answered, which waits since the mouse has moved
	v.logIn(p)
	k.present(true)
	v.mustLandAt("/login/code")
	v.mustBeAccessible("the second step")
	v.press("Log in with a passkey")
	v.mustArriveAt("/dashboard")
}

// A counter that goes back asks for another factor.
func TestACopiedPasskey(t *testing.T) {
	v := newVisitor(t)
	k := v.hasKeyring(true)
	p := v.enrolled(k)
	p.change(t, `UPDATE gatepost.passkey SET sign_count = 1000
		WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = :'email')`)
	v.open("/login")
	v.press("Log in with a passkey")
	v.mustLandAt("/login/code")
	v.open("/account")
	v.mustBeAt("/login?next=%2Faccount")
}

// signed is what the browser of a visitor answers, without sending it. edit changes the options before.
const signed = `(async () => {
	const bytes = t => Uint8Array.from(atob(t.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0))
	const text = b => btoa(String.fromCharCode(...new Uint8Array(b)))
		.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
	const body = new URLSearchParams({for: "sign-in"})
	const asked = await (await fetch("/.gatepost/passkey", {method: "POST", body})).json()
	const key = await navigator.credentials.get({publicKey: {...asked, challenge: bytes(asked.challenge)}})
	const r = key.response
	return JSON.stringify({id: key.id, rawId: key.id, type: key.type, response: {clientDataJSON: text(r.clientDataJSON),
		authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: text(r.userHandle)}})
})()`

// send sends an answer, and returns the status of what comes.
const send = `fetch("/login/passkey", {method: "POST", redirect: "manual", body: new URLSearchParams({answer: %s})})
	.then(r => r.type === "opaqueredirect" ? 303 : r.status)`

// What a browser has signed counts once, in it, and unchanged.
func TestSignedAnswersElsewhere(t *testing.T) {
	v := newVisitor(t)
	k := v.hasKeyring(true)
	v.enrolled(k)
	answer := func() string { v.open("/"); return judge[string](v, "sign", signed) }
	status := func(at *visitor, a string) int {
		text, _ := json.Marshal(a)
		return judge[int](at, "send", fmt.Sprintf(send, text))
	}
	changed := func(part, from, to string) string {
		var fields map[string]any
		if err := json.Unmarshal([]byte(answer()), &fields); err != nil {
			t.Fatal(err)
		}
		response := fields["response"].(map[string]any)
		data, _ := base64.RawURLEncoding.DecodeString(response[part].(string))
		response[part] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(data), from, to, 1)))
		b, _ := json.Marshal(fields)
		return string(b)
	}
	if got := status(v, changed("clientDataJSON", site.url, "https://evil.example")); got != 401 {
		t.Errorf("another origin: %d", got)
	}
	hers := newVisitor(t)
	other := hers.hasKeyring(true)
	hers.enrolled(other)
	another := other.keys()[0]
	var mine struct{ ID, Handle string }
	mine.ID = base64.RawURLEncoding.EncodeToString(k.keys()[0].CredentialID)
	mine.Handle = base64.RawURLEncoding.EncodeToString(k.keys()[0].UserHandle)
	for what, swap := range map[string][2]string{
		"another user's id":     {mine.ID, base64.RawURLEncoding.EncodeToString(another.CredentialID)},
		"another user's handle": {mine.Handle, base64.RawURLEncoding.EncodeToString(another.UserHandle)},
	} {
		if got := status(v, strings.ReplaceAll(answer(), swap[0], swap[1])); got != 401 {
			t.Errorf("%s: %d", what, got)
		}
	}
	right := answer()
	_, after, _ := strings.Cut(right, `"authenticatorData":"`)
	text, _, _ := strings.Cut(after, `"`)
	first, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := status(v, changed("authenticatorData", string(first[:32]), strings.Repeat("x", 32))); got != 401 {
		t.Errorf("another domain: %d", got)
	}
	stranger := newVisitor(t)
	stranger.open("/")
	judge[any](stranger, "have a challenge of their own",
		`fetch("/.gatepost/passkey", {method: "POST", body: new URLSearchParams({for: "sign-in"})}).then(r => r.status)`)
	if got := status(stranger, right); got != 409 {
		t.Errorf("in another browser: %d", got)
	}
	if got := status(v, right); got != 303 {
		t.Errorf("in its own: %d", got)
	}
	if got := status(v, right); got != 409 {
		t.Errorf("again: %d", got)
	}
}

// Without scripts the login says that passkeys need them, and everything else is there.
func TestPasskeysWithoutScripts(t *testing.T) {
	v := newVisitor(t)
	v.disableScripts()
	v.open("/login")
	v.mustSee("Passkeys need JavaScript. Everything else works without it.")
	v.mustNotSee("Log in with a passkey")
}

// A visitor signs up with a passkey and no password, which they make after the mailed link, and logs in by it.
func TestASignUpWithAPasskey(t *testing.T) {
	v := newVisitor(t)
	k := v.hasKeyring(true)
	p := zhangWei()
	v.open("/signup?next=%2Fdashboard")
	v.mustBeAccessible("the sign-up")
	v.fill("email", p.email)
	v.press("Sign up with a passkey")
	v.mustComeToSee("Check your e-mail")
	v.openMailed(p, "/signup/verify")
	v.press("Confirm")
	v.mustLandAt("/account/passkeys/add?next=%2Fdashboard")
	v.press("Add the passkey")
	v.mustComeToSee("Recovery codes")
	if len(k.keys()) != 1 {
		t.Fatalf("the authenticator has %d passkeys", len(k.keys()))
	}
	v.follow("I have kept them")
	v.mustArriveAt("/dashboard")
	v.open("/account")
	v.press("Log out")
	v.open("/login?next=%2Fdashboard")
	v.press("Log in with a passkey")
	v.mustArriveAt("/dashboard")
}
