package session

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// Cookie carries the session token. Its methods are the only code that reads or writes it.
type Cookie struct {
	// Name is "__Host-gatepost" over https. On plain http it includes the port, so that two gates on one machine do
	// not sign each other's visitors out (cookies ignore ports).
	Name string
	// Secure keeps the cookie off plain http. It is false only when the public URL is http.
	Secure bool
	// MaxAge is how long the browser keeps a remembered session: the session lifetime.
	MaxAge time.Duration
	// old are names of cookies of the system before, with which those begin that the app neither sees nor sets.
	old   []string
	until time.Time // when none of them counts any more
}

// NewCookie returns the cookie for a public URL. lifetime is the session lifetime.
func NewCookie(secure bool, port string, lifetime time.Duration) Cookie {
	if secure {
		return Cookie{Name: "__Host-gatepost", Secure: true, MaxAge: lifetime}
	}
	return Cookie{Name: "gatepost_" + port, MaxAge: lifetime}
}

// Read returns the session token of a request. present without a token means a cookie that the gate cannot have
// issued: it is malformed, or there are several of its name, of which none is trusted.
func (c Cookie) Read(h http.Header) (t secret.Token, present bool) {
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			name, value, _ := strings.Cut(pair, "=")
			if trim(name) != c.Name {
				continue
			}
			if present {
				return "", true
			}
			present = true
			t, _ = secret.ParseToken(trim(value))
		}
	}
	return t, present
}

// The suffixes of further cookies, added to the name of the session's. _left and _done tell the next page, for noteAge,
// about a log-out or a change to the account, and _email which address it was about. _link holds the secret of the
// mailed link that was opened last. _known identifies the browser, whoever is signed in. _kept is the key of the forms
// that are kept in pages of this browser. _on is where a log-out leads that goes by way of a provider, for onAge.
const (
	markSuffix    = "_left"
	doneSuffix    = "_done"
	addressSuffix = "_email"
	noteAge       = time.Minute
	linkSuffix    = "_link"
	linkAge       = time.Hour
	browserSuffix = "_known"
	keptSuffix    = "_kept"
	onSuffix      = "_on"
	onAge         = 5 * time.Minute
	// onMost is the longest address that SetOn keeps, in bytes: browsers keep 4,096 of a cookie.
	onMost = 2048
)

// Marked reports whether Mark was called in this browser within noteAge.
func (c Cookie) Marked(r *http.Request) bool {
	_, err := r.Cookie(c.Name + markSuffix)
	return err == nil
}

// Mark notes a log-out, so that the next page can make the browser drop the pages it keeps in memory.
func (c Cookie) Mark(h http.Header) { c.add(h, markSuffix, "1", noteAge) }

// SetDone notes what was done to the account, as a word of the gate's, for the next page to report.
func (c Cookie) SetDone(h http.Header, what string) { c.add(h, doneSuffix, what, noteAge) }

// Done returns what SetDone noted. It is not authenticated: a browser may send any value.
func (c Cookie) Done(r *http.Request) string {
	noted, err := r.Cookie(c.Name + doneSuffix)
	if err != nil {
		return ""
	}
	return noted.Value
}

// ClearDone removes the note of SetDone after a page has reported it.
func (c Cookie) ClearDone(h http.Header) { c.add(h, doneSuffix, "", 0) }

// SetAddress notes the address of an account for the form in which its user logs in next, for noteAge.
func (c Cookie) SetAddress(h http.Header, email string) {
	c.add(h, addressSuffix, base64.RawURLEncoding.EncodeToString([]byte(email)), noteAge)
}

// ClearAddress removes the note of SetAddress after a form has it.
func (c Cookie) ClearAddress(h http.Header) { c.add(h, addressSuffix, "", 0) }

// Address returns what SetAddress noted, or "". It is not authenticated: a browser may send any value.
func (c Cookie) Address(r *http.Request) string {
	noted, err := r.Cookie(c.Name + addressSuffix)
	if err != nil {
		return ""
	}
	email, _ := base64.RawURLEncoding.DecodeString(noted.Value)
	return string(email)
}

// SetOn notes the address that the next login page leads on to, which is that of a log-out. It keeps none that is too
// long for a cookie.
func (c Cookie) SetOn(h http.Header, to string) {
	if len(to) <= onMost {
		c.add(h, onSuffix, base64.RawURLEncoding.EncodeToString([]byte(to)), onAge)
	}
}

// On returns what SetOn noted, or "". It is not authenticated: a browser may send any value.
func (c Cookie) On(r *http.Request) string {
	noted, err := r.Cookie(c.Name + onSuffix)
	if err != nil {
		return ""
	}
	to, _ := base64.RawURLEncoding.DecodeString(noted.Value)
	return string(to)
}

// ClearOn removes the note of SetOn after a page has led on.
func (c Cookie) ClearOn(h http.Header) { c.add(h, onSuffix, "", 0) }

// SetLink keeps the secret of a mailed link, as it stands in the link's address, for the pages that the link opens.
// It returns false for text that is not a token.
func (c Cookie) SetLink(h http.Header, typed string) bool {
	t, ok := secret.ParseToken(typed)
	if ok {
		c.add(h, linkSuffix, string(t), linkAge)
	}
	return ok
}

// ReadLink returns the secret of the link opened last. It is empty when there is none, or several.
func (c Cookie) ReadLink(h http.Header) secret.Token {
	t, _ := Cookie{Name: c.Name + linkSuffix}.Read(h)
	return t
}

// ClearLink removes the secret of a link that was used.
func (c Cookie) ClearLink(h http.Header) { c.add(h, linkSuffix, "", 0) }

// ReadBrowser returns the token of the browser. It is empty when there is none, or several.
func (c Cookie) ReadBrowser(h http.Header) secret.Token {
	t, _ := Cookie{Name: c.Name + browserSuffix}.Read(h)
	return t
}

// SetBrowser gives the browser a new token that identifies it for the duration familiar.
func (c Cookie) SetBrowser(h http.Header, t secret.Token, familiar time.Duration) {
	c.add(h, browserSuffix, string(t), familiar)
}

// ReadKept returns the key of forms that are kept. It is empty when there is none, or several.
func (c Cookie) ReadKept(h http.Header) secret.Token {
	t, _ := Cookie{Name: c.Name + keptSuffix}.Read(h)
	return t
}

// SetKept keeps the key of forms for a duration.
func (c Cookie) SetKept(h http.Header, t secret.Token, age time.Duration) {
	c.add(h, keptSuffix, string(t), age)
}

func (c Cookie) add(h http.Header, suffix, value string, age time.Duration) {
	put(h, c.Name+suffix+"="+value+c.attributes()+"; Max-Age="+strconv.Itoa(int(age.Seconds())))
}

// put adds a line that sets or removes a cookie, in the place of one before it about the same cookie: an answer may do
// both, as where a browser moves in and signs out at once.
func put(h http.Header, line string) {
	h["Set-Cookie"] = append(slices.DeleteFunc(h["Set-Cookie"], func(before string) bool {
		return setBy(before) == setBy(line)
	}), line)
}

// setBy is which cookie a line of ours is about: its name and domain.
func setBy(line string) [2]string {
	name, rest, _ := strings.Cut(line, "=")
	_, domain, _ := strings.Cut(rest, "; Domain=")
	domain, _, _ = strings.Cut(domain, ";")
	return [2]string{name, domain}
}

// Strip removes the gate's cookies from the Cookie headers and leaves every other byte unchanged. It also removes
// other headers that hold one: proxies and programs copy cookies into headers of their own.
func (c Cookie) Strip(h http.Header) {
	for name, values := range h {
		if name != "Cookie" && c.Within(values) {
			delete(h, name)
		}
	}
	c.StripLines(h)
}

// StripLines is Strip for the Cookie headers alone.
func (c Cookie) StripLines(h http.Header) {
	lines := h["Cookie"]
	var kept []string // nil while nothing was cut
	for i, line := range lines {
		rest := c.cut(line)
		if kept == nil && len(rest) == len(line) {
			continue
		}
		if kept == nil {
			kept = append(make([]string, 0, len(lines)), lines[:i]...)
		}
		if rest != "" {
			kept = append(kept, rest)
		}
	}
	if len(kept) > 0 {
		h["Cookie"] = kept
	} else if kept != nil {
		delete(h, "Cookie")
	}
}

// Within reports whether the values of a header other than Cookie hold one of the gate's cookies.
func (c Cookie) Within(values []string) bool {
	for _, value := range values {
		if c.within(value) {
			return true
		}
	}
	return false
}

func (c Cookie) mentioned(lines []string) bool {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			if c.holds(pair) {
				return true
			}
		}
	}
	return false
}

// cut removes the gate's pairs from one header line. A pair is removed with the separator before it, or, for the
// first pair, with the separator after it.
func (c Cookie) cut(line string) string {
	var out strings.Builder // empty while nothing was cut
	kept, cut, end := 0, false, -1
	for pair := range strings.SplitSeq(line, ";") {
		before := max(end, 0)
		end += 1 + len(pair)
		if c.holds(pair) {
			if !cut {
				out.Grow(len(line) - len(pair))
				out.WriteString(line[:before])
			}
			cut = true
			continue
		}
		if kept++; !cut {
			continue
		}
		if kept > 1 {
			out.WriteByte(';')
		} else {
			pair = strings.TrimLeft(pair, " \t")
		}
		out.WriteString(pair)
	}
	if !cut {
		return line
	}
	return out.String()
}

// Set gives the browser a new session. Without remember the cookie ends when the browser closes. From then on no cookie
// of another system counts there.
func (c Cookie) Set(h http.Header, t secret.Token, remember bool) {
	c.markMoved(h)
	v := c.Name + "=" + string(t) + c.attributes()
	if remember {
		v += "; Max-Age=" + strconv.Itoa(int(c.MaxAge.Seconds()))
	}
	put(h, v)
}

// Clear makes the browser forget the session.
func (c Cookie) Clear(h http.Header) { put(h, c.Name+"="+c.attributes()+"; Max-Age=0") }

func (c Cookie) attributes() string {
	a := "; Path=/; HttpOnly; SameSite=Lax"
	if c.Secure {
		a += "; Secure"
	}
	return a
}

// DropSet removes from a response of the app every Set-Cookie with a name of the gate's, which the app may not set,
// and every Set-Cookie in which some client could find such a name.
func (c Cookie) DropSet(h http.Header) {
	c.dropSet(h, "Set-Cookie")
	c.dropSet(h, "Set-Cookie2")
}

func (c Cookie) dropSet(h http.Header, name string) {
	lines := h[name]
	if !c.mentioned(lines) {
		return
	}
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		if !c.mentioned([]string{line}) {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, name)
		return
	}
	h[name] = kept
}

func trim(s string) string { return strings.Trim(s, " \t") }
