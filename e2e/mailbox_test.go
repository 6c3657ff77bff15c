package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// article matches one mail in the demo's mailbox, and its group the mail's own page.
var article = regexp.MustCompile(`(?s)<article.*?href="(/mailbox/[^"]+)".*?</article>`)

// mailed waits for a mail to the person and returns the first path in it that begins with part.
func (p person) mailed(t *testing.T, part string) string {
	t.Helper()
	return site.mailed(t, p, part)
}

// mailed is person.mailed at any demo.
func (g *gateway) mailed(t *testing.T, p person, part string) string {
	t.Helper()
	leads := regexp.MustCompile(`href="(?:` + regexp.QuoteMeta(g.url) + `)?(` + regexp.QuoteMeta(part) + `[^"]+)"`)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, letter := range g.letters(t, p) {
			if found := leads.FindStringSubmatch(newReaderOf(t, g).read(200, letter, nil)); found != nil {
				return html.UnescapeString(found[1])
			}
		}
	}
	t.Fatalf("no mail to %s leads to %s", p.email, part)
	return ""
}

// letters are the paths of the mails to the person, each alone as a mail program shows it. The latest comes first, as
// nobody opens a mail's own page here.
func (g *gateway) letters(t *testing.T, p person) (paths []string) {
	t.Helper()
	for _, letter := range article.FindAllStringSubmatch(newReaderOf(t, g).read(200, "/mailbox", nil), -1) {
		if strings.Contains(letter[0], "<bdi>"+p.email+"</bdi>") {
			paths = append(paths, letter[1]+"/html")
		}
	}
	return paths
}

// latestMail waits for a mail to the person, and returns the path of the latest.
func (p person) latestMail(t *testing.T) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if paths := site.letters(t, p); paths != nil {
			return paths[0]
		}
	}
	t.Fatalf("no mail to %s", p.email)
	return ""
}

// openMailed opens the link to page in the person's latest mail.
func (v *visitor) openMailed(p person, page string) int {
	v.t.Helper()
	return v.open(v.gate.mailed(v.t, p, page+"?token="))
}

// at returns the same person with another address.
func (p person) at(email string) person {
	p.email = email
	return p
}

// wantMore resets the throttle, so that the person gets more mail than the limit for a minute.
func (p person) wantMore(t *testing.T) {
	t.Helper()
	p.change(t, `DELETE FROM gatepost.throttle`)
}

// linked makes a link for the person as a mail would hold it, without the steps that cause such a mail. See
// package auth for purpose and page.
func (p person) linked(t *testing.T, purpose, page string) string {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	token := base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(token))
	from, user := `gatepost."user" WHERE email = :'email'`, "id"
	if purpose == "invitation" {
		from, user = "(VALUES (1)) one", "NULL"
	}
	p.change(t, fmt.Sprintf(`INSERT INTO gatepost.verification (id, identifier, value, user_id, email, expires_at)
		SELECT md5(random()::text), '%s:', '%s', %s, :'email', now() + interval '1 hour' FROM %s`,
		purpose, hex.EncodeToString(hash[:]), user, from))
	return page + "?token=" + token
}

// becomeStrange removes the cookies, so that the gate does not know the browser.
func (v *visitor) becomeStrange() {
	v.t.Helper()
	call(v, "forget the cookies", network.ClearBrowserCookies, cdp.Empty{})
}

func TestVisitorConfirmsAnAddressAndReplacesAForgottenPassword(t *testing.T) {
	t.Run("with scripts", func(t *testing.T) {
		forget(newVisitor(t))
	})
	t.Run("without scripts", func(t *testing.T) {
		v := newVisitor(t)
		v.disableScripts()
		forget(v)
	})
}

// forget walks through signing up, confirming the address, and resetting a forgotten password.
func forget(v *visitor) {
	p := zhangWei()
	v.open("/signup")
	v.signUp(p)
	v.mustSee("false") // X-Auth-Email-Verified
	v.open("/account")
	v.mustSee("not confirmed")
	v.openMailed(p, "/signup/verify")
	v.mustBeAt("/signup/verify")
	v.press("Confirm")
	v.mustBeAt("/account")
	v.mustSee("Your e-mail address is confirmed.")
	v.mustNotSee("not confirmed")
	v.open("/dashboard")
	v.mustSee("true")
	v.press("Log out")

	p.wantMore(v.t)
	v.follow("Forgot?")
	v.fill("email", strings.ToUpper(p.email))
	v.press("Send me a link")
	v.mustSee("a mail is on its way")
	link := p.mailed(v.t, "/login/reset?token=")
	v.open(link)
	v.mustBeAt("/login/reset")
	v.fill("password", "password")
	v.press("Save password")
	v.mustSee("on every list of common passwords")
	p.password = "a noisy river at noon"
	v.fill("password", p.password)
	v.press("Save password")
	v.mustBeAt("/login")
	v.mustSee("Your password is changed.")
	v.logIn(p)
	v.mustSee(p.greeting())
	v.open(link)
	v.mustSee("This link does not work any more")
}

func TestVisitorChangesTheAddressAndTakesItBack(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	moved := p.at("new." + p.email)
	v.open("/signup?next=/account")
	v.signUp(p)
	v.change("/account/email")
	v.fill("email", moved.email)
	v.fill("password", p.password)
	v.press("Change e-mail address")
	v.mustBeAt("/account")
	v.mustSee("Nothing changes until you open the link")
	v.openMailed(moved, "/account/email/confirm")
	v.mustSee("Your account gets the address " + moved.email)
	v.press("Use this address")
	v.mustSee("Your e-mail address is changed.")
	v.open("/dashboard")
	v.mustSee(moved.email)

	owner := newVisitor(t)
	owner.openMailed(p, "/account/email/undo")
	owner.fill("password", "a noisy river at noon")
	owner.press("Take it back")
	owner.mustBeAt("/login")
	owner.mustSee("Your account has your e-mail address again.")
	v.open("/dashboard")
	v.mustBeAt("/login?next=%2Fdashboard")
	p.password = "a noisy river at noon"
	owner.logIn(p)
	owner.mustSee(p.email)
}

// A stranger who signs up with the address of another person loses the account to its owner, whatever the owner
// clicks.
func TestAnAddressIsItsOwners(t *testing.T) {
	stranger, owner, p := newVisitor(t), newVisitor(t), zhangWei()
	stranger.open("/signup")
	stranger.signUp(p)
	owner.openMailed(p, "/signup/verify")
	owner.mustSee("Enter the password you chose")
	owner.follow("I did not choose this password, or do not know it")
	owner.mustBeAt("/login/reset")
	owner.fill("password", "a noisy river at noon")
	owner.press("Save password")
	stranger.open("/dashboard")
	stranger.mustBeAt("/login?next=%2Fdashboard")
	stranger.logIn(p)
	stranger.mustSee("The e-mail address or the password is not right.")
	p.password = "a noisy river at noon"
	owner.logIn(p)
	owner.mustSee(p.greeting())
}

// Mails are read on telephones, in dark mode, from right to left, and with screen readers.
func TestMailIsAccessibleAndFits(t *testing.T) {
	for _, in := range []tongue{{"en-GB", "en", "ltr"}, {"ar-EG", "ar", "rtl"}} {
		v, p := newVisitor(t), zhangWei()
		v.as(look{language: in.accept})
		v.open("/signup?next=/account")
		v.fillIn(p)
		v.submit("/signup")
		p.mailed(t, "/signup/verify?token=")
		v.open("/account/password")
		v.fill("current", p.password)
		v.fill("password", "a noisy river at noon")
		v.submit("/account/password")
		v.open(p.latestMail(t)) // the latest mail, about the password
		for _, l := range []look{{width: 320, height: 640, scale: 1, scheme: "light"},
			{width: 1280, height: 720, scale: 1, scheme: "dark"}} {
			v.as(l)
			v.mustSpeak("the mail", in)
			v.mustBeAccessible("the mail in " + in.lang)
			v.mustFit("the mail in " + in.lang)
		}
		// Mail programs that lay out as in 1999 need these attributes, which browsers read in the style.
		old := regexp.MustCompile(` (width|height|cellpadding|cellspacing|border|bgcolor|align|valign)="[^"]*"`)
		mail := newReader(t).read(200, p.latestMail(t), nil)
		validHTML(t, "mail-"+in.lang, 200, old.ReplaceAllString(mail, ""))
	}
}

// The mailbox lists who mailed what to whom and when. The latest is on top, and what nobody has opened is
// marked. A mail's own page shows it as a mail program does, at the height that it has at any width, and its button
// leads out of the frame.
func TestTheDemosMailbox(t *testing.T) {
	v, p, q := newVisitor(t), zhangWei(), zoe()
	for _, who := range []person{p, q} {
		v.open("/signup")
		v.signUp(who)
		v.press("Log out")
		who.latestMail(t)
	}
	v.open("/mailbox")
	v.mustSee("To " + q.email)
	letter := strings.TrimSuffix(q.latestMail(t), "/html")
	row := func(path string) string {
		return ask(v, "look at a mail in the list", chromedp.Evaluate[string](
			`document.querySelector('article:has(a[href="`+path+`"])').innerText`))
	}
	if said := row(letter); !strings.Contains(said, "New") || !regexp.MustCompile(`\d \w+, \d\d:\d\d`).MatchString(said) {
		t.Errorf("a mail that nobody has opened: %s", said)
	}
	v.examine(letter, "/mailbox")
	if said := row(letter); strings.Contains(said, "New") {
		t.Errorf("a mail that was opened: %s", said)
	}
	list := strings.Join(v.texts(".mails"), "")
	if older, opened := strings.Index(list, p.email), strings.Index(list, q.email); older < 0 || opened > older {
		t.Errorf("the latest mail is below an older one:\n%s", list)
	}
	v.open(letter)
	v.rest()
	v.mustSee("Gatepost demo <login@demo.example>")
	v.mustShowTheWholeMail(1280)
	v.mustShowTheWholeMail(320)
	v.mustShowTheWholeMail(1280)
	at := ask(v, "look for the button in the mail", chromedp.Evaluate[[]float64](`(() => {
		const frame = document.querySelector("iframe")
		frame.scrollIntoView()
		const button = frame.contentDocument.querySelector("a[href*=verify]").getBoundingClientRect()
		const {left, top} = frame.getBoundingClientRect()
		return [left + button.left + button.width / 2, top + button.top + button.height / 2]
	})()`))
	ask(v, "press the button in the mail", chromedp.MouseClickXY(at[0], at[1]))
	v.mustArriveAt("/signup/verify")
}

// mustShowTheWholeMail fails unless the frame is as high as the mail in a window of this width, without a reload.
func (v *visitor) mustShowTheWholeMail(width int64) {
	v.t.Helper()
	v.as(look{width: width, height: 800, scale: 1})
	v.waitFor(fmt.Sprintf("a frame as high as the mail, %d px wide", width), func(ctx context.Context) bool {
		fits, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`(() => {
			const frame = document.querySelector("iframe"), mail = frame.contentDocument.querySelector("main")
			return innerWidth === `+fmt.Sprint(width)+` && Math.abs(frame.clientHeight - mail.offsetHeight) < 2
		})()`))
		return err == nil && fits
	})
}
