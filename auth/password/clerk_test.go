package password

import (
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

// sha512Key is of "password" and "salt" in one round.
const sha512Key = "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252" +
	"c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce"

// clerkDigests are hashes in the forms of Clerk's documentation of createUser: the vectors, and what passlib made.
var clerkDigests = []struct{ hasher, digest, password string }{
	{"argon2i", "$argon2i$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$wvHBhBhQHYcspfiYgoy+Wg", "correct horse"},
	{"argon2id", "$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk", "test"},
	{"bcrypt", "$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K", "hello"},
	{"bcrypt_sha256_django", "bcrypt_sha256$$2b$04$IuiuGYCMrZiWbDijqPZbz.oiDMGKsENz8IQzVRb6IAMQtGJWrS/ZC", "lètmein"},
	{"bcrypt_peppered", "$2b$04$KB5ZvsMtTTvABjgQGO3pYu2FNSrTqWU/z/kg7PWP8P5kMnQg/ADzy$pep$per", "password"},
	{"ldap_ssha", "{SSHA}Ixeqctr6CgfwWvR7qi44j5Xc9vMxMjM0NTY3OA==", "password"},
	{"md5", "5f4dcc3b5aa765d61d8327deb882cf99", "password"},
	{"md5", "5F4DCC3B5AA765D61D8327DEB882CF99", "password"},
	{"md5_salted", "salt$67a1e09bb1f83f5007dc119c14d663aa", "password"},
	{"md5_phpass", "$P$5abcdefghZClWUq.iallZqcSpxxY5A.", "password"},
	{"pbkdf2_sha1", "pbkdf2_sha1$4096$73616c74$4b007901b765489abead49d926f721d065a429c1", "password"},
	{"pbkdf2_sha1", "pbkdf2_sha1$4096$salt$4b007901b765489abead49d926f721d065a429c1$20", "password"},
	{"pbkdf2_sha256", "pbkdf2_sha256$260000$c2Vhc2FsdA==$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo=", "lètmein"},
	{"pbkdf2_sha256_django", "pbkdf2_sha256$260000$seasalt$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo=", "lètmein"},
	{"pbkdf2_sha512", "pbkdf2_sha512$1$salt$" + sha512Key, "password"},
	{"pbkdf2_sha512_hex", "pbkdf2_sha512_hex$1$73616c74$" + sha512Key, "password"},
	{"phpass", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"},
	{"scrypt_firebase", "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==$" +
		"42xEC+ixf3L2lw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$" +
		"Bw==$8$14", "user1password"},
	{"scrypt_werkzeug", "scrypt:16384:8:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545d" +
		"a1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887", "pleaseletmein"},
	{"sha256", "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "password"},
	{"sha256_salted", "salt$13601bda4ea78e55a07b98866d2be6be0744e3866f13c00c811cab608a28f322", "password"},
	{"sha512_symfony", "sha512_symfony$5000$abcd1234$" +
		"UhhZAmKjmRFrIpZzgkF7Nl4O0LiNq24T23Tlx2IWV5XKt8RjyVwFJ0mnnUH3KhNDmrv+F79DjQauffBMsbrpuw==", "correct horse"},
}

func TestHashesOfClerkAreVerified(t *testing.T) {
	t.Parallel()
	for _, c := range clerkDigests {
		stored, err := Clerk(c.hasher, c.digest)
		if err != nil || !Verify(secret.Password(c.password), stored, Derive) ||
			Verify(secret.Password("x"+c.password), stored, Derive) {
			t.Errorf("%s: %s is stored as %q, which is wrong for %q: %v", c.hasher, c.digest, stored, c.password, err)
		}
	}
}

// A digest that is not of its hasher is refused, in words that have nothing of it.
func TestWhatClerkDoesNotWriteIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ hasher, digest string }{
		{"", "5f4dcc3b5aa765d61d8327deb882cf99"},
		{"5f4dcc3b5aa765d61d8327deb882cf99", "md5"}, // mixed up
		{"awscognito", "awscognito#pool#client#secret"},
		{"md5", ""}, {"md5", "5f4dcc3b5aa765d61d8327deb882cf9"}, {"md5", "salt$5f4dcc3b5aa765d61d8327deb882cf99"},
		{"md5", "zf4dcc3b5aa765d61d8327deb882cf99"},
		{"md5_salted", "67a1e09bb1f83f5007dc119c14d663aa"}, {"md5_salted", "$67a1e09bb1f83f5007dc119c14d663aa"},
		{"sha256", "5f4dcc3b5aa765d61d8327deb882cf99"},
		{"argon2i", "$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk"},
		{"bcrypt", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"},
		{"bcrypt", "$2b$31$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"},
		{"bcrypt_peppered", "$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"},
		{"bcrypt_peppered", "$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K$"},
		{"md5_phpass", "$md5$P$5abcdefghZClWUq.iallZqcSpxxY5A."},
		{"pbkdf2_sha1", "pbkdf2_sha1$4096$salt$4b007901b765489abead49d926f721d065a429c1$32"}, // another length
		{"pbkdf2_sha256", "pbkdf2_sha512$1$salt$867f70cf1ade02cff3752599a3a53dc4"},
		{"pbkdf2_sha512", "pbkdf2_sha512$99999999$salt$867f70cf1ade02cff3752599a3a53dc4"},
		{"scrypt_firebase", "lSrfV15cpx95$42xEC+ixf3L2lw==$Bw==$8$14"},
		{"ldap_ssha", "Ixeqctr6CgfwWvR7qi44j5Xc9vMxMjM0NTY3OA=="},
	} {
		stored, err := Clerk(c.hasher, c.digest)
		refused(t, c.digest, stored, err)
	}
}
