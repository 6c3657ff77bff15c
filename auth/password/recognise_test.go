package password

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

// refused fails a test if something was stored, or if the words about it have a part of the hash: a run of letters that
// is in the text and in none of our words.
func refused(t *testing.T, text, stored string, err error) {
	t.Helper()
	if err == nil || stored != "" {
		t.Errorf("%s is stored as %q", text, stored)
		return
	}
	for _, run := range regexp.MustCompile(`[0-9A-Za-z+/.]{12,}`).FindAllString(text, -1) {
		if strings.Contains(err.Error(), run[:12]) {
			t.Errorf("what is said about %s has a part of it: %v", text, err)
		}
	}
}

// What is stored is what was read, but for LDAP's names, which are written in any case, and its name for crypt(3).
func TestHashesAreStoredInOneSpelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{ssha}Ixeqctr6CgfwWvR7qi44j5Xc9vMxMjM0NTY3OA==":       "{SSHA}Ixeqctr6CgfwWvR7qi44j5Xc9vMxMjM0NTY3OA==",
		"{CRYPT}$1$xxxxxxxx$UYCIxa628.9qXjpQCjM4a.":            "$1$xxxxxxxx$UYCIxa628.9qXjpQCjM4a.",
		"$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0":                "$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0",
		"argon2$argon2id$v=19$m=8,t=1,p=1$MTIzNDU2Nzg$" + zero: "argon2$argon2id$v=19$m=8,t=1,p=1$MTIzNDU2Nzg$" + zero,
	} {
		if stored, kind, err := Recognise(text); err != nil || stored != want || kind == "" {
			t.Errorf("%s is stored as %q of kind %q: %v", text, stored, kind, err)
		}
	}
}

const zero = "AAAAAAAAAAAAAAAAAAAAAA" // sixteen bytes

// What cannot be verified is refused at the import: kinds that are not verified, faulty bcrypt, hashes cut short or
// with something behind them, and costs beyond the bounds. Those of argon2 and Firebase are Supabase's own list.
func TestWhatCannotBeVerifiedIsRefused(t *testing.T) {
	t.Parallel()
	const key64 = zero + zero + zero + zero // enough for a key in base64
	for _, text := range []string{
		"", "x", "$", "correct horse", "5f4dcc3b5aa765d61d8327deb882cf99", "{CLEARTEXT}correct horse",
		"$y$j9T$abcdefghijklmnop$abcdefghijklmnop", "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn",
		"awscognito#pool#client#name", "{SSHA}", "{SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0", "{SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J1=",
		"{SSHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "{MD5}qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
		// supabase/auth, internal/crypto/password_test.go
		"$argon2id$test", "$argon2id$v=16$m=16,t=2,p=1$MTIzNDU2Nzg$" + zero,
		"$argon2id$v=19$m=0,t=2,p=1$MTIzNDU2Nzg$" + zero, "$argon2id$v=19$m=16,t=0,p=1$MTIzNDU2Nzg$" + zero,
		"$argon2id$v=19$m=16,t=2,p=0$MTIzNDU2Nzg$" + zero, "$argon2id$v=19$m=16,t=2,p=1$$" + zero,
		"$argon2id$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$", "$argon2id$v=19$m=16,t=2,p=1$m!$" + zero,
		"$argon2id$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$m!", "$argon2id$v=19$m=2097152,t=2,p=1$MTIzNDU2Nzg$" + zero,
		"$argon2id$v=19$m=16,t=21,p=1$MTIzNDU2Nzg$" + zero,
		"$argon2id$v=19$m=16,t=2,p=1,keyid=1,data=abc$MTIzNDU2Nzg$" + zero,
		"$argon2id$v=19$m=4294967296,t=2,p=1$MTIzNDU2Nzg$" + zero, "$argon2id$v=19$m=16,t=2,p=256$MTIzNDU2Nzg$" + zero,
		"$fbscrypt", "$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk=" + zero + "==$Bw==$" + zero + "==",
		"$fbscrypt$v=1,n=0,r=8,p=1,ss=Bw==,sk=" + zero + "==$Bw==$" + zero + "==",
		"$fbscrypt$v=1,n=32,r=8,p=1,ss=Bw==,sk=" + zero + "==$Bw==$" + zero + "==",
		"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=$Bw==$" + zero + "==",
		"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=" + zero + "==$Bw==$AAAA" + zero + "==", // longer than the key
		"$fbscrypt$v=1,n=14,r=8,p=1,sk=" + zero + "==$$" + zero + "==",
		// ours
		"$argon2id$v=19$m=102401,t=2,p=1$MTIzNDU2Nzg$" + zero, "$argon2id$v=19$m=102400,t=4,p=1$MTIzNDU2Nzg$" + zero,
		"$argon2id$v=19$m=016,t=2,p=1$MTIzNDU2Nzg$" + zero, "$argon2id$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$" + zero + "==",
		"$argon2id$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$" + zero + "$x", "$argon2x$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$" + zero,
		"$2$10$" + strings.Repeat("a", 53), "$2x$10$" + strings.Repeat("a", 53), "$2a$15$" + strings.Repeat("a", 53),
		"$2a$03$" + strings.Repeat("a", 53), "$2a$10$" + strings.Repeat("a", 52), "$2a$10$" + strings.Repeat("a", 54),
		"$2c$10$" + strings.Repeat("a", 53), "bcrypt$2a$10$" + strings.Repeat("a", 53),
		"$bcrypt-salted$around$AAAA$2a$10$" + strings.Repeat("a", 53),
		"$bcrypt-salted$suffix$" + strings.Repeat("A", 1<<10) + "$2a$10$" + strings.Repeat("a", 53),
		"pbkdf2_sha256$2000001$salt$" + zero + "==", "pbkdf2_sha256$1000001$salt$" + strings.Repeat("A", 64), // two blocks

		"pbkdf2_sha256$0$salt$" + zero + "==", "pbkdf2_sha256$-1$salt$" + zero + "==", "pbkdf2_sha256$1$$" + zero + "==",
		"pbkdf2_sha256$1$salt$" + zero, "pbkdf2_md6$1$salt$" + zero + "==", "$pbkdf2-md6$1$AAAA$" + zero,
		"$pbkdf2-sha512$1000001$AAAA$" + zero, "$pbkdf2-sha256$1$AAAA$" + zero[:20], "$pbkdf2-sha256$1$AAAA$" + key64,
		"pbkdf2:sha256:1$salt$AABBCCDDEEFF00112233445566778899",
		"scrypt:131072:8:1$salt$" + strings.Repeat("0", 64), "scrypt:32768:8:5$salt$" + strings.Repeat("0", 64),
		"scrypt:16383:8:1$salt$" + strings.Repeat("0", 64), "scrypt:2:1:65$salt$" + strings.Repeat("0", 64),
		"$scrypt$ln=64,r=8,p=1$AAAA$" + zero, "$scrypt$ln=4,r=99999999999999999999,p=1$AAAA$" + zero,
		"$5$rounds=700001$salt$" + strings.Repeat("a", 43), "$5$rounds=999$salt$" + strings.Repeat("a", 43),
		"$5$salt$" + strings.Repeat("a", 86), "$6$saltsaltsaltsalts$" + strings.Repeat("a", 86),
		"$1$saltsalts$" + zero, "$P$JIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "$P$3IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0",
		"$digest$a=md5,pos=prefix$$" + zero, "$digest$a=md5,pos=none$AAAA$" + zero, "$hmac$a=md5,pos=none$$" + zero,
		"$digest$a=md5,pos=none$AAAA$$" + zero, "$digest$a=sha1,pos=none$$" + zero,
		"sha512_symfony$100001$salt$" + padded.EncodeToString(make([]byte, 64)), "sha512_symfony$1$salt$" + zero + "==",
		"$wrap" + Dummy, "$wrap" + Dummy + "$", "$wrap" + Dummy + "$$wrap" + Dummy + "${SHA}MDAwMDAwMDAwMDAwMDAwMDAwMDA=",
		"$wrap" + Dummy + "${SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", // the digest is there
		"$wrap" + Dummy + "$$2a$10$" + strings.Repeat("0", 53),
		"{SSHA}" + padded.EncodeToString(make([]byte, 20+longestSalt+1)), "{SSHA}" + strings.Repeat("A", 1<<20),
	} {
		stored, kind, err := Recognise(text)
		refused(t, text[:min(len(text), 100)], stored+kind, err)
	}
}

// The words for a report say of which kind the hash is, and how much is too much.
func TestWhatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"$2a$31$" + strings.Repeat("a", 53):          "bcrypt: the hash costs more than a sign-in may (cost 14)",
		"$2x$10$" + strings.Repeat("a", 53):          "bcrypt: $2$ and $2x$ are made by a faulty bcrypt and are not verified",
		"$2a$10$" + strings.Repeat("a", 52):          "bcrypt: the hash is not written as its kind is",
		"$argon2i$v=16$m=8,t=1,p=1$AAAAAAAA$" + zero: "argon2: of argon2, version 19 is verified",
		"5f4dcc3b5aa765d61d8327deb882cf99":           "it is not a hash of a kind that is verified",
	} {
		if _, _, err := Recognise(text); err == nil || err.Error() != want {
			t.Errorf("of %s: got %v, want %s", text, err, want)
		}
	}
}

// No text makes the reading of it panic, take long or end in a hash whose text is another; and no hash that is read
// matches a password by having nothing to compare.
func FuzzRecognise(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.stored)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stored, kind, err := Recognise(text)
		if err != nil {
			return
		}
		if again, _, err := Recognise(stored); err != nil || again != stored || kind == "" {
			t.Errorf("%q is stored as %q, and that as %q: %v", text, stored, again, err)
		}
		if recipe := Recipe(stored); Recipe(recipe) != recipe {
			t.Errorf("%q has the recipe %q, and that another", stored, recipe)
		}
	})
}

// A thousand hashes that are cut, turned and mixed at random match nothing, and cost no more than ours to refuse.
func TestHostileHashesMatchNothing(t *testing.T) {
	t.Parallel()
	derived := 0
	crypt := func(setting, _ string) string { derived++; return setting[:len(setting)-1] + "!" }
	for _, text := range hostile(1000) {
		if Verify("correct horse", text, crypt) {
			t.Errorf("%q matched", text)
		}
	}
	if derived != 1000 {
		t.Errorf("%d hashes were made for 1000 attempts", derived)
	}
}

// An empty answer is no hash, and is never right.
func TestAnEmptyAnswerIsNotRight(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		if Verify(secret.Password(v.password), v.stored, func(string, string) string { return "" }) {
			t.Errorf("an empty answer is right for %s", v.stored)
		}
	}
}
