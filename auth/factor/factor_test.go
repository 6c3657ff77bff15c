package factor

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

// The vectors of RFC 6238, appendix B, have eight digits; ours are the last six of them.
func TestVectorsOfTheRFC(t *testing.T) {
	t.Parallel()
	k := Key("12345678901234567890")
	for unix, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471",
		1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130"} {
		step := Step(time.Unix(unix, 0))
		if got := fmt.Sprintf("%08d", k.truncated(step)%100_000_000); got != want {
			t.Errorf("%d: %s, want %s", unix, got, want)
		}
		if got := k.Code(step); got != want[2:] {
			t.Errorf("%d: six digits are %s, want %s", unix, got, want[2:])
		}
	}
	if Step(time.Unix(29, 0)) != 0 || Step(time.Unix(30, 0)) != 1 || Step(time.Unix(-1, 0)) != 0 {
		t.Error("steps are not 30 seconds long from 1970 on")
	}
}

// A code is right while it is shown, and in the periods before and after it.
func TestACodeIsRightForThreePeriods(t *testing.T) {
	t.Parallel()
	k := NewKey()
	for _, now := range []int64{0, 1, 57_000_000} {
		for d := int64(-3); d <= 3; d++ {
			of := now + d
			if of < 0 {
				continue
			}
			step, ok := k.Match(k.Code(of), now)
			near := slices.ContainsFunc([]int64{now - 1, now, now + 1}, func(s int64) bool {
				return s >= 0 && k.Code(s) == k.Code(of) // by chance, others may have the same code
			})
			if ok != near || ok && k.Code(step) != k.Code(of) {
				t.Errorf("the code of %d at %d: %t of %d", of, now, ok, step)
			}
		}
	}
	for _, code := range []string{"", "1", "1234567", "abcdef", "９９９９９９"} {
		if _, ok := k.Match(code, 5); ok {
			t.Errorf("%q is right", code)
		}
	}
}

func TestKeysAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	k := NewKey()
	if len(k.Base32()) != 32 || len(k.Groups()) != 39 {
		t.Errorf("%s is %s", k.Base32(), k.Groups())
	}
	for _, typed := range []string{k.Base32(), k.Groups(), strings.ToLower(k.Groups()), " " + k.Base32() + "\n",
		k.Base32() + "===="} {
		if got, err := ParseKey(typed); err != nil || string(got) != string(k) {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for _, typed := range []string{"", "A", "JBSWY3DP", "01189998", k.Base32() + "!", strings.Repeat("A", 1000)} {
		if _, err := ParseKey(typed); err != ErrKey {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	k, c := NewKey(), NewRecoveryCodes()[0]
	for _, verb := range []string{"%v", "%s", "%x", "%q", "%#v", "%+v", "%d"} {
		said := fmt.Sprintf(verb, k)
		if strings.Contains(said, k.Base32()) || strings.Contains(said, fmt.Sprintf("%x", []byte(k))) || said != "key" {
			t.Errorf("%s prints %s", verb, said)
		}
	}
	for _, verb := range []string{"%v", "%s", "%q", "%#v", "%+v"} {
		if said := fmt.Sprintf(verb, c); strings.Contains(said, string(c)) {
			t.Errorf("%s prints a recovery code: %s", verb, said)
		}
	}
}

func TestTheURIOfAnApp(t *testing.T) {
	t.Parallel()
	k := Key("12345678901234567890")
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for _, c := range []struct{ issuer, account, want string }{
		{"Acme Shop", "ada@example.com",
			"otpauth://totp/Acme%20Shop:ada%40example.com?secret=" + secret + "&issuer=Acme%20Shop"},
		{"", "ada", "otpauth://totp/ada?secret=" + secret},
		{"a:b & c=d", "x:y+z", "otpauth://totp/a%20b%20%26%20c%3Dd:x%20y%2Bz?secret=" + secret +
			"&issuer=a%20b%20%26%20c%3Dd"},
	} {
		got := k.URI(c.issuer, c.account)
		if got != c.want {
			t.Errorf("%q of %q:\n%s, want\n%s", c.account, c.issuer, got, c.want)
		}
		if u, err := url.Parse(got); err != nil || u.Query().Get("secret") != secret {
			t.Errorf("%s is not read: %v", got, err)
		}
	}
}

// People type codes with blanks, hyphens, full-width digits and digits of their script.
func TestCodesAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"123456", "123 456", " 1 2 3 4 5 6\t", "123-456", "１２３４５６", "１２３　４５６", "١٢٣٤٥٦",
		"۱۲۳۴۵۶", "१२३४५६", "123\u00a0456", "\u200e123456", "123.456", "𝟏𝟐𝟑𝟒𝟓𝟔", "123–456"} {
		if got := Read(typed); got != (Typed{App: "123456"}) {
			t.Errorf("%q: %+v", typed, got)
		}
	}
	c := RecoveryCode("0a1bcdefghjkmnp")
	for _, typed := range []string{c.Groups(), string(c), strings.ToUpper(c.Groups()), "oaibc defgh jkmnp",
		"OALBC-DEFGH-JKMNP", "０ａ１ｂｃ－ｄｅｆｇｈ－ｊｋｍｎｐ", "0a1bc–defgh–jkmnp\n"} {
		if got := Read(typed); got != (Typed{Recovery: string(c)}) {
			t.Errorf("%q: %+v", typed, got)
		}
	}
	// as Better Auth makes them
	for _, typed := range []string{"aB3dE-fG7hI", " aB3dE fG7hI", "aB3dEfG7hI", "ａB3dE－fG7hI"} {
		if got := Read(typed); got != (Typed{Recovery: "aB3dEfG7hI"}) {
			t.Errorf("%q: %+v", typed, got)
		}
		if got, ok := BroughtCode(typed); !ok || got != "aB3dEfG7hI" {
			t.Errorf("%q was brought as %q", typed, string(got))
		}
	}
	for _, brought := range []string{"123456", "1234567", "abc", "äbcdefghij", strings.Repeat("a", 33)} {
		if got, ok := BroughtCode(brought); ok {
			t.Errorf("%q was brought as %q", brought, string(got))
		}
	}
	for _, typed := range []string{"", " ", "12345", "1234567", "12345a", "u1234-12345-12345", "12345-12345-1234",
		"\xff123456", strings.Repeat(" ", 300) + "123456", "123456\x00"} {
		if got := Read(typed); got != (Typed{}) {
			t.Errorf("%q: %+v", typed, got)
		}
	}
}

// digit takes each range of unicode.Nd for whole sets of ten.
func TestDigitsOfEveryScript(t *testing.T) {
	t.Parallel()
	for _, r := range unicode.Nd.R16 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%x to %x", r.Lo, r.Hi)
		}
	}
	for _, r := range unicode.Nd.R32 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%x to %x", r.Lo, r.Hi)
		}
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	seen := map[RecoveryCode]bool{}
	letters := map[rune]bool{}
	for range 20 {
		set := NewRecoveryCodes()
		if len(set) != 10 {
			t.Fatalf("a set has %d", len(set))
		}
		for _, c := range set {
			if seen[c] || Read(c.Groups()) != (Typed{Recovery: string(c)}) || len(c.Groups()) != 17 {
				t.Errorf("%q", c.Groups())
			}
			seen[c] = true
			for _, r := range string(c) {
				letters[r] = true
			}
		}
	}
	if len(letters) != 32 {
		t.Errorf("%d letters are used", len(letters))
	}
}

// The longest names still give a code, and the picture has nothing that a page refuses.
func TestTheQRCode(t *testing.T) {
	t.Parallel()
	k := NewKey()
	for _, issuer := range []string{"Acme", strings.Repeat("店", 200)} {
		svg, err := QR(k.URI(issuer, strings.Repeat("a", 250)+"@example.com"))
		if err != nil || !strings.HasPrefix(string(svg), "<svg ") || strings.Contains(string(svg), "style=") {
			t.Errorf("%.10s: %.80s, %v", issuer, svg, err)
		}
	}
	if _, err := QR(base64.StdEncoding.EncodeToString(make([]byte, 9000))); err == nil {
		t.Error("a text that is too long gives a code")
	}
}

func FuzzRead(f *testing.F) {
	f.Add("123 456")
	f.Add("4xk2p-9w0tm-c7hqe")
	f.Fuzz(func(t *testing.T, typed string) {
		c := Read(typed)
		if c.App != "" && (len(c.App) != Digits || c.Recovery != "") ||
			c.Recovery != "" && len(c.Recovery) != recoveryLength && !broughtLength(len(c.Recovery)) {
			t.Errorf("%q: %+v", typed, c)
		}
		if again := Read(c.App + c.Recovery); again != c {
			t.Errorf("%q: %+v, and read again %+v", typed, c, again)
		}
	})
}
