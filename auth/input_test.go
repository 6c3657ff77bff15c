package auth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
)

func TestCanonicalEmail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Ada@Example.COM":                         "ada@example.com",
		"  ada@example.com\t":                     "ada@example.com",
		"a.b+tag@example.co.uk":                   "a.b+tag@example.co.uk",
		"o'neil@example.com":                      "o'neil@example.com",
		"ada@BÜCHER.example":                      "ada@xn--bcher-kva.example",
		"ada@ｅｘａｍｐｌｅ.com":                         "ada@example.com",
		"ada@xn--bcher-kva.test":                  "ada@xn--bcher-kva.test",
		"":                                        "",
		"ada":                                     "",
		"@example.com":                            "",
		"ada@":                                    "",
		"ada@localhost":                           "",
		"ada@127.0.0.1":                           "",
		"ada@[127.0.0.1]":                         "",
		"ada@@example.com":                        "",
		"a@b@example.com":                         "",
		"ada@example.com.":                        "",
		"ada@.example.com":                        "",
		"ada@exa mple.com":                        "",
		"a da@example.com":                        "",
		".ada@example.com":                        "",
		"ada.@example.com":                        "",
		"a..da@example.com":                       "",
		`"ada"@example.com`:                       "",
		"Ada <ada@example.com>":                   "",
		"ada@example.com,b@x.org":                 "",
		"ada@example.com\r\nBcc:":                 "",
		"ada\x00@example.com":                     "",
		"ada@example.com\x00":                     "",
		"\xff\xfe@example.com":                    "",
		"ａda@example.com":                         "", // a full-width letter is not folded into another user
		"ſ@example.com":                           "", // nor the long s into s
		"ada@-example.com":                        "",
		strings.Repeat("a", 65) + "@example.com":  "",
		"a@" + strings.Repeat("a.", 130) + "com":  "",
		strings.Repeat("a", 64) + "@example.com":  strings.Repeat("a", 64) + "@example.com",
		"ada@" + strings.Repeat("a", 64) + ".com": "",
		"ada@" + strings.Repeat("a", 63) + ".com": "ada@" + strings.Repeat("a", 63) + ".com",
	} {
		got, err := auth.CanonicalEmail(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
}

// What some mail system reads as another address, or as none, is nobody's; what people have is theirs.
func TestAddressesThatMailSystemsReadOtherwise(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"=?utf-8?q?ada?=@example.com", "=?iso-8859-1?b?YWRh?=@example.com",
		"a=?utf-8?q?=40evil.example=3e?=b@example.com", "x?=@example.com", "=?x@example.com",
		"ada%evil.example@example.com", "evil.example!ada@example.com", "|sh@example.com", "/etc/passwd@example.com",
		"-oX@example.com", "`id`@example.com",
		"(comment)ada@example.com", "ada(comment)@example.com", "ada@(comment)example.com", "ada@example.com(comment)",
		"@a.example,@b.example:ada@example.com",
		"ada@evil.example:ada@example.com", `"ada@evil.example"@example.com`, `"ada"@example.com`, `ad\a@example.com`,
		"Ada <ada@example.com>", "<ada@example.com>", "mailto:ada@example.com",
		"ada@example.com, eve@example.com", "ada@example.com;eve@example.com", "ada@example.com\nBcc: eve@example.com",
		"ada@example.com\r\nBcc: eve@example.com", "ada@example.com%0d%0aBcc:x",
		"ada@[127.0.0.1]", "ada@[IPv6:::1]", "ada@127.0.0.1", "ada@1.2.3.0x7f", "ada@0x7f.0x1",
		"ada@[tag:content]", "ada@2130706433",
		"adä@example.com", "ada\u200b@example.com", "ada@exam\u200bple.com", "ada@exam\u00adple.com",
		"\u202eada@example.com", "ada@\u202eexample.com", "ada@example\ufe0f.com", "ada@example\ufeff.com",
		"ada\x7f@example.com", "ada\x1b[31m@example.com", "ada@example.com\u2028", "\ufeffada@example.com",
		"ada@xn--.com", "ada@xn--0117.example.com", "ada@xn--svg/-9x6.com", "ada@xn--a-.com", "ada@xn--zz.com",
		"ada@example.xn--", "ada@a_b.com", "ada@example.com-", "ada@example.-com",
		"ada@" + strings.Repeat("a", 64) + ".com", "ada@a." + strings.Repeat("b", 64), "ada@example..com", "ada@.com",
		"ada@com", "ada@@example.com",
	} {
		if got, err := auth.CanonicalEmail(in); err == nil {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
	for _, in := range []string{
		"ada@example.com", "a@b.co", "ada.lovelace+tag@mail.example.co.uk", "o'neil@example.com", "a_b-c@example.com",
		"user=tag@example.com", "bounce+ada=example.org@example.com", "12345@qq.com",
		"a&b@example.com", "x#y@example.com", "{ada}@example.com", "ada*@example.com", "ada$@example.com",
		"a~b@example.com", "what?@example.com", "a/b@example.com", "ada@xn--bcher-kva.example",
		"ada@bücher.example", "ada@例え.jp", "ada@例え。jp", "ada@ｅｘａｍｐｌｅ.com", "ada@xn--80ak6aa92e.com", "ada@mail.corp1",
		"ada@1and1.com", "ada@123.com", "ada@example.museum", "ada@" + strings.Repeat("a", 63) + ".com",
	} {
		if _, err := auth.CanonicalEmail(in); err != nil {
			t.Errorf("%q is refused: %v", in, err)
		}
	}
}

// Who signed up before there was a rule against the address goes on with it.
func TestAnOddAddressOfBeforeStillSignsIn(t *testing.T) {
	t.Parallel()
	s, pool := authtest.NewStore(t)
	for _, odd := range []string{"=?utf-8?q?ada?=@example.com", "ada%evil@example.com",
		"-ada@example.com", "ada@example.0x7f"} {
		_, err := s.CreateUser(t.Context(), auth.NewUser{Email: odd, Password: "correct horse battery"})
		if err == nil {
			t.Errorf("%s is let in", odd)
		}
		u, err := s.CreateUser(t.Context(), auth.NewUser{Email: "later@example.com", Password: "correct horse battery"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = pool.Exec(t.Context(), `UPDATE gatepost."user" SET email = $2 WHERE id = $1`, u.ID, odd)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.SignIn(t.Context(), auth.Credentials{Email: odd, Password: "correct horse battery"})
		if err != nil {
			t.Errorf("%s: %v", odd, err)
		}
		if found, err := s.FindUser(t.Context(), odd); err != nil || found.ID != u.ID {
			t.Errorf("%s: %v, %v", odd, found, err)
		}
	}
}

func FuzzCanonicalEmail(f *testing.F) {
	for _, s := range []string{"Ada@Example.COM", "ada@BÜCHER.example", "a@b@c.de", "\xff@x.yz",
		"a\x00@b.cd", `"a b"@c.de`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := auth.CanonicalEmail(s)
		if err != nil {
			return
		}
		if again, err := auth.CanonicalEmail(got); err != nil || again != got {
			t.Errorf("%q: canonical %q becomes %q, %v", s, got, again, err)
		}
		if len(got) > 254 || strings.Count(got, "@") != 1 || strings.ToLower(got) != got || !isASCII(got) {
			t.Errorf("%q: not canonical: %q", s, got)
		}
	})
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7F {
			return false
		}
	}
	return true
}

func TestNewPasswords(t *testing.T) {
	t.Parallel()
	long := strings.Join(strings.Fields(`
		It was a bright cold day in April, and everybody knew that the clocks would soon be wrong by an hour. Nobody
		minded; in the harbour a boat was painted green, two children counted gulls, and somewhere behind the church
		a baker opened the first window of the street to let the smell of bread out.`), " ")
	s, _ := authtest.NewStore(t, func(o *auth.Options) { o.SiteName = "Example Shop" })
	for p, want := range map[secret.Password]auth.Problem{
		"":                                 auth.Missing,
		"seven77":                          auth.TooShort,
		"äöüßéèà":                          auth.TooShort, // 7 characters, though 14 bytes
		"äöüßéèàç":                         "",
		"🙂🙃🐙🦊🍋🚲🎈🌵":                         "",
		"password1":                        auth.TooCommon,
		"PassWord1":                        auth.TooCommon,
		"ada@example.com":                  auth.TooPersonal,
		"example shop":                     auth.TooPersonal,
		"only lower case words":            "",
		"  blanks around count  ":          "",
		"nul\x00nul\x00nul":                auth.Malformed,
		"\xff\xfe\xff\xfe\xff\xfe\xff\xfe": auth.Malformed,
		secret.Password(strings.Repeat("x", 256)): auth.TooSimple,
		secret.Password(long[:256]):               "",
		secret.Password(strings.Repeat("x", 257)): auth.TooLong,
	} {
		_, err := s.CreateUser(t.Context(), auth.NewUser{Email: "ada@example.com", Password: p})
		var input auth.InputError
		var got auth.Problem
		if errors.As(err, &input) {
			got = input[0].Problem
		}
		if got != want || want == "" && err != nil {
			t.Errorf("%.20q: got %v, want %q", string(p), err, want)
		}
		if err == nil {
			u, _ := s.FindUser(t.Context(), "ada@example.com")
			if err := s.DeleteUser(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNamesAreTidiedOrRefused(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	for in, want := range map[string]string{"  Ada  ": "Ada", "张伟": "张伟", "": "", "<b>x</b>": "<b>x</b>",
		"\u200fعدة": "\u200fعدة", "👩\u200d👧": "👩\u200d👧", strings.Repeat("ä", 100): strings.Repeat("ä", 100)} {
		u, err := s.CreateUser(t.Context(), auth.NewUser{Email: "ada@example.com", Name: in, Password: goodPassword})
		if err != nil || u.Name != want {
			t.Errorf("%q: got %q, %v", in, u.Name, err)
		}
		if err := s.DeleteUser(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	for _, in := range []string{"a\nb", "a\x00b", "\xff", strings.Repeat("a", 101), "a\r\nX-Roles: admin", "\u200b",
		"\u202e\u2069", "\u200f \ufeff"} {
		_, err := s.CreateUser(t.Context(), auth.NewUser{Email: "eve@example.com", Name: in, Password: goodPassword})
		if err == nil {
			t.Errorf("%q was accepted", in)
		}
	}
}
