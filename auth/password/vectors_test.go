package password

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

type vector struct{ source, kind, password, stored string }

// vectors are hashes that others have published, or that the program made that is named.
var vectors = []vector{
	{"supabase/auth, password_test.go", "argon2", "test",
		"$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk"},
	{"argon2 20190702 -i (argon2-cffi)", "argon2", "correct horse",
		"$argon2i$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$wvHBhBhQHYcspfiYgoy+Wg"},
	{"argon2 20190702 -d (argon2-cffi)", "argon2", "password",
		"$argon2d$v=19$m=1024,t=2,p=2$c29tZXNhbHQ$ayUQTTOKxXNzqYpsSH5m7B0G4AtWWYHd"},
	{"better-auth 1.7.1", "better-auth", "correct horse battery staple", "00112233445566778899aabbccddeeff:" +
		"f5b22309b28fe412c82a4b2cab57498b8f8a42c849af16cb908974048f61c139" +
		"33421858db3a8f111430bdc493c7cef90f61f904061c77206e3820a2e8b11bc2"},
	{"@better-auth/utils 0.5.1", "better-auth", "\ufb01sh-\u00c5ngstrom", "314f23d6a97fb4b8ad80b5c292ef8f38:" +
		"520ad0fb8d575068560fae733569a0ffed581ab93bf4eb8733e032990a04423d" +
		"088e8a938d75ebf8c7912a2e93f5b79f10a0cf81add631660e07ed3de04a2956"},
	{"supabase/auth, password_test.go", "bcrypt", "test",
		"$2y$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu"},
	{"Auth0, bulk user import schema", "bcrypt", "hello",
		"$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"},
	{"Openwall crypt_blowfish, wrapper.c", "bcrypt", "U*U",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"Openwall crypt_blowfish, wrapper.c", "bcrypt",
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
		"$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"},
	{"Django 3.2, tests/auth_tests/test_hashers.py", "pbkdf2", "lètmein",
		"pbkdf2_sha256$260000$seasalt$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo="},
	{"RFC 6070, in Werkzeug's form", "pbkdf2", "password",
		"pbkdf2:sha1:4096$salt$4b007901b765489abead49d926f721d065a429c1"},
	{"passlib documentation", "pbkdf2", "password", "$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI"},
	{"passlib documentation", "pbkdf2", "password", "$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$" +
		"eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww"},
	{"RFC 7914 section 12, in Werkzeug's form", "scrypt", "pleaseletmein", "scrypt:16384:8:1$SodiumChloride$" +
		"7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
		"d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"},
	{"Django 4.0, tests/auth_tests/test_hashers.py", "scrypt", "lètmein",
		"scrypt$16384$seasalt$8$1$" +
			"Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw=="},
	{"passlib 1.7.4", "scrypt", "p",
		"$scrypt$ln=5,r=8,p=1$dU7JWWsNQYixFiLkHAPg3A$UyeKvId4oX/8quWagKei2fBTsYwHelVfmv/5lAt5MXY"},
	{"firebase/scrypt, README; as supabase/auth writes it", "firebase-scrypt", "user1password",
		"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0Qs" +
			"EmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHj" +
			"oZilo78198JAdRuid5lQ=="},
	{"supabase/auth, password_test.go", "firebase-scrypt", "mytestpassword",
		"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3" +
			"MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8d" +
			"bjvEJlM5tQaJP84+hfTw=="},
	{"Drepper, SHA-crypt.txt", "sha-crypt", "Hello world!",
		"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
	{"OpenSSL 3 passwd -5", "sha-crypt", "Hello world!",
		"$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"},
	{"Drepper, SHA-crypt.txt", "sha-crypt", "Hello world!", "$6$saltstring$" +
		"svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},
	{"OpenSSL 3 passwd -6", "sha-crypt", "Hello world!", "$6$rounds=10000$saltstringsaltst$" +
		"OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."},
	{"OpenSSL 3 passwd -1", "md5-crypt", "password", "$1$xxxxxxxx$UYCIxa628.9qXjpQCjM4a."},
	{"OpenSSL 3 passwd -apr1", "md5-crypt", "password", "$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0"},
	{"Apache htpasswd documentation", "md5-crypt", "myPassword", "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"},
	{"Openwall phpass 0.3, test.php", "phpass", "test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"},
	{"passlib documentation", "phpass", "password", "$P$8ohUJ.1sdFw09/bMaAQPTGDNi2BIUt1"},
	{"RFC 3174, TEST1", "ldap", "abc", "{SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0="},
	{"RFC 1321, A.5", "ldap", "abc", "{MD5}kAFQmDzST7DWlj99KOF/cg=="},
	{"RFC 1320, A.5", "digest", "abc", "$digest$a=md4,pos=none$$pEgBeq8h2FJfwQroeqZynQ"},
	{"passlib documentation, nthash", "digest", "password", "$digest$a=md4,pos=none,enc=utf16le$$iEb36u6PsRetBr3YMLdYbA"},
	{"RFC 4231, test case 2", "digest", "what do ya want for nothing?",
		"$hmac$a=sha256,pos=none$SmVmZQ$$W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM"},
	{"symfony/password-hasher", "symfony", "correct horse", "sha512_symfony$5000$abcd1234$" +
		"UhhZAmKjmRFrIpZzgkF7Nl4O0LiNq24T23Tlx2IWV5XKt8RjyVwFJ0mnnUH3KhNDmrv+F79DjQauffBMsbrpuw=="},
	{"symfony/password-hasher", "symfony", "pässwörd", "sha512_symfony$3$$" +
		"lGszmB0DCYHkjRgxz3FA9Jnrc0uOoLXg2t6LLjATKtmPPxOhdbnhiChB82o0SddV7AY1VuZg+6s4wuHFjVBTog=="},
}

// What others published is verified, nothing else is, and the first right password replaces it.
func TestPublishedHashesAreVerified(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		stored, kind, err := Recognise(v.stored)
		if err != nil || stored != v.stored || kind != v.kind {
			t.Errorf("%s: %s is recognised as %q of kind %q: %v", v.source, v.stored, stored, kind, err)
		}
		if !Verify(secret.Password(v.password), v.stored, Derive) {
			t.Errorf("%s: %q is wrong for %s", v.source, v.password, v.stored)
		}
		for _, wrong := range []string{"x" + v.password, strings.ToUpper(v.password) + "x", "x"} {
			if Verify(secret.Password(wrong), v.stored, Derive) {
				t.Errorf("%s: %q is right for %s", v.source, wrong, v.stored)
			}
		}
		if !Outdated(v.stored) {
			t.Errorf("%s: %s is not replaced", v.source, v.stored)
		}
	}
}
