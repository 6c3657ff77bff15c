package proxy

import (
	"encoding/base64"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"github.com/gatepost/gatepost/auth/session"
)

// Each format writes the same user in its way.
func TestFormatsOfIdentity(t *testing.T) {
	t.Parallel()
	zoe := session.User{ID: "JCE7", Name: "Zoë \r\nØre 李 =?utf-8?b?YQ==?=\u0085", Email: "zoë@example.com",
		EmailVerified: true,
		Roles:         []string{"user", "a:b", "ad\nmin", "x y;z"}}
	const name = "Zoë Øre 李 =?utf-8?b?YQ==?="
	for written, want := range map[string]string{
		"name":          "Zo%C3%AB %0D%0A%C3%98re %E6%9D%8E =?utf-8?b?YQ==?=%C2%85",
		"name:percent":  "Zo%C3%AB %0D%0A%C3%98re %E6%9D%8E =?utf-8?b?YQ==?=%C2%85",
		"name:utf8":     name,
		"name:base64":   base64.StdEncoding.EncodeToString([]byte(name)),
		"name:rfc2047":  "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(name)) + "?=",
		"name:ascii":    "Zoe Ore ? =?utf-8?b?YQ==?=",
		"email:utf8":    "zoë@example.com",
		"email:rfc2047": mime.BEncoding.Encode("utf-8", "zoë@example.com"),
		"roles":         "user,a:b,ad%0Amin,x y;z", "roles:utf8": "user,a:b",
		"roles:space":                    "user a:b",
		"roles:semicolon":                "user;a:b",
		"roles:pipe":                     "user|a:b",
		"email_verified":                 "true",
		"u-{id}":                         "u-JCE7",
		"({name:utf8}, really) no. {id}": "(Zoë Øre 李 =?utf-8?b?YQ==?=, really) no. JCE7",
	} {
		value, _, err := parseValue(written)
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		if got := value(&session.Session{User: zoe}); got != want {
			t.Errorf("%s: got %q, want %q", written, got, want)
		}
	}
}

// Two people are never one to the app, whatever SQL wrote: a server cuts blanks off at the ends of a value.
func TestAnIdentityIsNeverCut(t *testing.T) {
	t.Parallel()
	ids := []string{"ada", "a\x01da", "a%01da", "a%2501da", " ada", "ada ", "  ada", "%20ada", "%2520ada", "ada%20",
		"ada\t", "ada%09", "ada\u00a0", "ada%C2%A0", "ada\uFFFD", "ada%EF%BF%BD", " ", "  ", "%20", "a da", "50% ada",
		"=?utf-8?b?YWRh?=", "YWRh", "adä", "ad%C3%A4", "\u0085ada", "\u3000ada", "%zz", " %zz"}
	for format := range formats {
		if format == "ascii" { // no format of these
			continue
		}
		for _, attribute := range []string{"id", "email"} {
			value, _, err := parseValue(attribute + ":" + format)
			if err != nil {
				t.Fatal(err)
			}
			whose := map[string]string{}
			for _, id := range ids {
				got := value(&session.Session{User: session.User{ID: id, Email: id}})
				arrives := strings.TrimSpace(got)
				if before, met := whose[arrives]; met || arrives != got || !httpguts.ValidHeaderFieldValue(got) {
					t.Errorf("%s:%s of %q is %q, as of %q", attribute, format, id, got, before)
				}
				whose[arrives] = id
			}
		}
	}
}

// What could make two people one, or is misspelt, is a fault that says how to write it.
func TestFormatsThatAreRefused(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"id:ascii": "can make one value of two", "email:ascii": "can make one value of two",
		"x-{email:ascii}": "can make one value of two", "username:ascii": "can make one value of two",
		"login": "no attribute", "name:latin1": "there are percent, utf8",
		"roles:comma": "space, semicolon and pipe", "name:space": "no format", "name:": "no format", "{name": "not closed",
		"{username}{name}": "run into each other", "{name}-{id}": "run into each other", "{email} {id}": "take one of them",
		"{roles}{name} <{id}{name}": "run into each other", "{id}{email_verified}": "run into each other",
		"a}": "plain", "{}": "no attribute", "é{name}": "plain", "{name}}": "plain", "": "no attribute", "{": "not closed",
	} {
		if _, _, err := parseValue(written); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", written, err, want)
		}
	}
	id, err := ParseIdentity("X-Full={name:utf8} <{email}>", "")
	if err != nil || !id.Renames("email", "X-Auth-Email") || id.Renames("id", "X-Auth-User") {
		t.Errorf("an address in a text is not known as one: %v", err)
	}
}

// Whatever a name is, no format lets it end a header, and two of the formats that identify are never the same.
func FuzzFormats(f *testing.F) {
	f.Add("Zoë", "Zoe\u0308")
	f.Add("=?utf-8?b?YQ==?=", "a")
	f.Add("a\r\nX-Auth-Roles: admin", "a%0D%0A")
	f.Fuzz(func(t *testing.T, a, b string) {
		one, other := withoutControls(a), withoutControls(b)
		for name, write := range formats {
			if v := write(one); !httpguts.ValidHeaderFieldValue(v) {
				t.Errorf("%s makes %q of %q", name, v, a)
			}
			if name != "ascii" && one != other && write(one) == write(other) {
				t.Errorf("%s makes %q of %q and %q", name, write(one), one, other)
			}
		}
		if back, err := new(mime.WordDecoder).DecodeHeader(encodeWords(one)); err != nil || back != one {
			t.Errorf("%q comes back as %q, %v", one, back, err)
		}
		if back, err := url.PathUnescape(encode(one)); err != nil || back != one {
			t.Errorf("%q comes back as %q, %v", one, back, err)
		}
	})
}

// A username is sent if an operator gave it, or if those that users choose may be. Whoever has none is not what stands
// around it in a text.
func TestUsernamesThatAreSent(t *testing.T) {
	t.Parallel()
	id, err := ParseIdentity("X-WEBAUTH-USER=username, X-Mail={username:utf8}@corp.example, X-Auth-User=id", "")
	if err != nil || !id.Carries("username") || id.Carries("name") {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		id        Identity
		user      session.User
		name, box string
	}{
		"given":  {id, session.User{Username: "ada"}, "ada", "ada@corp.example"},
		"chosen": {id, session.User{Username: "ada", UsernameChosen: true}, "", ""},
		"chosen, trusted": {id.WithChosenUsernames(), session.User{Username: "ada", UsernameChosen: true}, "ada",
			"ada@corp.example"},
		"none": {id.WithChosenUsernames(), session.User{}, "", ""},
	} {
		h := http.Header{}
		c.user.ID = "7"
		c.id.set(h, &session.Session{User: c.user})
		want := http.Header{"X-Auth-User": {"7"}}
		if c.name != "" {
			want["X-Webauth-User"], want["X-Mail"] = []string{c.name}, []string{c.box}
		}
		if !maps.EqualFunc(h, want, slices.Equal) {
			t.Errorf("%s: the headers are %v", name, h)
		}
	}
}

// The formats reach the app.
func TestFormatsReachTheApp(t *testing.T) {
	t.Parallel()
	id, err := ParseIdentity("X-WEBAUTH-FULLNAME=name:utf8, X-WEBAUTH-USER=u-{id}", "")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	id.set(h, &session.Session{User: session.User{ID: "7", Name: "Zoë"}})
	if h.Get("X-Webauth-Fullname") != "Zoë" || h.Get("X-Webauth-User") != "u-7" {
		t.Errorf("the headers are %v", h)
	}
}

// Whatever people call themselves, an app that reads a text takes nobody for another.
func TestATextTellsPeopleApart(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{name:utf8} <{id}>", "{id} ({name:ascii})", "[{name}] {id} ({roles:pipe})"} {
		value, _, err := parseValue(text)
		if err != nil {
			t.Fatal(err)
		}
		met := map[string]string{}
		for _, id := range []string{"a", "b", "a> b", "<a", "a (x)"} {
			for _, name := range []string{"", "x", "b> <a", "a>", "<b> x", "(x) a", "] b (["} {
				got := value(&session.Session{User: session.User{ID: id, Name: name, Roles: []string{"user", "<b>", "(x)"}}})
				if other, is := met[got]; is && other != id {
					t.Errorf("%s: %q and %q are both %q", text, id, other, got)
				}
				met[got] = id
			}
		}
	}
}
