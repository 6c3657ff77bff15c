package session

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// Cookie is how the session token travels. Its methods are the only code that reads or writes it.
type Cookie struct {
	// Name is "__Host-gatepost" over https; on plain http it carries the port, so that two gates on one machine do
	// not sign each other out (cookies ignore ports).
	Name string
	// Secure keeps the cookie off plain http. False only when the public URL is http.
	Secure bool
	// MaxAge is how long the browser keeps a remembered session: the session lifetime.
	MaxAge time.Duration
}

// NewCookie is the cookie for a public URL.
func NewCookie(secure bool, port string, lifetime time.Duration) Cookie {
	if secure {
		return Cookie{"__Host-gatepost", true, lifetime}
	}
	return Cookie{"gatepost_" + port, false, lifetime}
}

// Read finds the token. present without a token is a cookie we cannot have issued: malformed, or several of our name,
// of which none is believed.
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

// More cookies are named like the session's with a suffix. Two tell the next page for noteAge what has just happened: a
// log-out, or a change to the account. One keeps the secret of the mailed link that was opened last. The last is by
// which a browser is known again, whoever is signed in.
const (
	markSuffix    = "_left"
	doneSuffix    = "_done"
	noteAge       = time.Minute
	linkSuffix    = "_link"
	linkAge       = time.Hour
	browserSuffix = "_known"
)

// Marked says whether Mark was called in this browser a moment ago.
func (c Cookie) Marked(r *http.Request) bool {
	_, err := r.Cookie(c.Name + markSuffix)
	return err == nil
}

// Mark notes a log-out, so that the next page can make the browser forget the pages it keeps in memory.
func (c Cookie) Mark(h http.Header) { c.add(h, markSuffix, "1", noteAge) }

// SetDone notes what was done to the account, a word of ours, for the next page to say.
func (c Cookie) SetDone(h http.Header, what string) { c.add(h, doneSuffix, what, noteAge) }

// Done is what SetDone noted; whatever the browser sends, when it was not us.
func (c Cookie) Done(r *http.Request) string {
	noted, err := r.Cookie(c.Name + doneSuffix)
	if err != nil {
		return ""
	}
	return noted.Value
}

// ClearDone is for when it has been said.
func (c Cookie) ClearDone(h http.Header) { c.add(h, doneSuffix, "", 0) }

// SetLink keeps the secret of a mailed link, as it stands in the link's address, for the pages that it opens. It
// reports false for what is none of ours.
func (c Cookie) SetLink(h http.Header, typed string) bool {
	t, ok := secret.ParseToken(typed)
	if ok {
		c.add(h, linkSuffix, string(t), linkAge)
	}
	return ok
}

// ReadLink finds the secret of the link opened last; empty when there is none, or several.
func (c Cookie) ReadLink(h http.Header) secret.Token {
	t, _ := Cookie{Name: c.Name + linkSuffix}.Read(h)
	return t
}

// ClearLink is for when the link was used.
func (c Cookie) ClearLink(h http.Header) { c.add(h, linkSuffix, "", 0) }

// ReadBrowser finds the token of the browser; empty when there is none, or several.
func (c Cookie) ReadBrowser(h http.Header) secret.Token {
	t, _ := Cookie{Name: c.Name + browserSuffix}.Read(h)
	return t
}

// SetBrowser gives the browser a new token to be known by, for as long as it stays familiar.
func (c Cookie) SetBrowser(h http.Header, t secret.Token, familiar time.Duration) {
	c.add(h, browserSuffix, string(t), familiar)
}

func (c Cookie) add(h http.Header, suffix, value string, age time.Duration) {
	h.Add("Set-Cookie", c.Name+suffix+"="+value+c.attributes()+"; Max-Age="+strconv.Itoa(int(age.Seconds())))
}

// Strip cuts our cookies out of the Cookie headers, leaving every other byte as it came, and removes other headers that
// hold one: proxies and programs copy cookies into headers of their own.
func (c Cookie) Strip(h http.Header) {
	for name, values := range h {
		if name != "Cookie" && c.copied(values) {
			delete(h, name)
		}
	}
	lines := h["Cookie"]
	if !c.mentioned(lines) {
		return
	}
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		if line = c.cut(line); line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

// copied says whether a header other than Cookie holds one of ours.
func (c Cookie) copied(values []string) bool {
	for _, value := range values {
		if strings.Contains(value, c.Name) && c.begins(value) {
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

// cut removes our pairs from one header line. A pair goes with the separator before it, or, when it was the first,
// with the one after it.
func (c Cookie) cut(line string) string {
	var out strings.Builder
	kept, cut := 0, false
	for pair := range strings.SplitSeq(line, ";") {
		if c.holds(pair) {
			cut = true
			continue
		}
		if kept > 0 {
			out.WriteByte(';')
		} else if cut {
			pair = strings.TrimLeft(pair, " \t")
		}
		out.WriteString(pair)
		kept++
	}
	return out.String()
}

// Set gives the browser a new session. Without remember the cookie ends with the browser.
func (c Cookie) Set(h http.Header, t secret.Token, remember bool) {
	v := c.Name + "=" + string(t) + c.attributes()
	if remember {
		v += "; Max-Age=" + strconv.Itoa(int(c.MaxAge.Seconds()))
	}
	h.Add("Set-Cookie", v)
}

// Clear makes the browser forget the session.
func (c Cookie) Clear(h http.Header) { h.Add("Set-Cookie", c.Name+"="+c.attributes()+"; Max-Age=0") }

func (c Cookie) attributes() string {
	a := "; Path=/; HttpOnly; SameSite=Lax"
	if c.Secure {
		a += "; Secure"
	}
	return a
}

// DropSet removes every Set-Cookie of our names from an answer of the app, which may not speak for us, and every other
// in which some client could find one.
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
