package e2e

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// shownCode is what an authenticator app with a key shows now, or some periods later (RFC 6238). The gate's own code
// for it is not used, so that both have to be right.
func shownCode(t *testing.T, key string, later int64) string {
	t.Helper()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(key, " ", ""))
	if err != nil {
		t.Fatalf("the key %q: %v", key, err)
	}
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30+later)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}

// texts returns the texts of all elements that a selector finds.
func (v *visitor) texts(selector string) []string {
	v.t.Helper()
	joined := ask(v, "read "+selector, chromedp.Evaluate[string](fmt.Sprintf(
		`[...document.querySelectorAll(%q)].map(e => e.textContent).join("\n")`, selector)))
	return strings.Split(joined, "\n")
}

// judged looks at a page in a narrow and a wide window.
func (v *visitor) judged(page string) {
	v.t.Helper()
	for _, l := range []look{{width: 320, height: 640, scale: 1, scheme: "dark"},
		{width: 1280, height: 720, scale: 1, scheme: "light"}} {
		v.as(l)
		v.mustBeAccessible(page)
		v.mustFit(page)
	}
}

// A user adds an app, logs in with a code and with a recovery code, and removes the app.
func TestASecondFactorFromItsKeyToItsEnd(t *testing.T) {
	t.Run("with scripts", func(t *testing.T) { newVisitor(t).liveWithASecondFactor() })
	t.Run("without scripts", func(t *testing.T) {
		v := newVisitor(t)
		v.disableScripts()
		v.liveWithASecondFactor()
	})
}

func (v *visitor) liveWithASecondFactor() {
	v.t.Helper()
	p := zhangWei()
	v.open("/signup?next=/account")
	v.signUp(p)
	v.openMailed(p, "/signup/verify")
	v.press("Confirm")
	v.open("/account")
	v.judged("the account page, before an app is added")
	v.submit("/account/app")
	v.mustBeAt("/account/app")
	v.judged("the page with the key")
	key := v.texts("p.key code")[0]
	v.fill("code", shownCode(v.t, key, 0))
	v.press("Add the app")
	codes := v.texts(".codes li")
	if len(codes) != 10 {
		v.t.Fatalf("%d recovery codes\n%s", len(codes), v.view())
	}
	v.judged("the recovery codes")
	v.follow("I have kept them")
	v.mustBeAt("/account")
	v.mustSee("10 codes are left")
	v.judged("the account page with an app")

	v.press("Log out")
	v.open("/login?next=/account")
	v.logIn(p)
	v.mustSee("Enter your code")
	v.judged("the page for a code")
	v.enterByKey("code", "000000")
	if status := v.keyLoads(enter); status != 401 {
		v.t.Errorf("a wrong code: status %d\n%s", status, v.view())
	}
	v.judged("the page after a wrong code")
	v.enterByKey("code", shownCode(v.t, key, 1)) // the one before was used
	v.keyLoads(enter)
	v.mustBeAt("/account")

	v.press("Log out")
	v.open("/login?next=/account")
	v.logIn(p)
	v.follow("Use a recovery code")
	v.judged("the page for a recovery code")
	v.fill("code", codes[4])
	v.press("Log in")
	v.mustBeAt("/account")
	v.mustSee("9 codes are left")

	v.change("/account/app/remove")
	v.judged("the page to remove the app")
	v.press("Remove the app")
	v.mustBeAt("/account")
	v.mustSee("The authenticator app is removed.")
	v.press("Log out")
	v.open("/login?next=/account")
	v.logIn(p)
	v.mustBeAt("/account")
}
