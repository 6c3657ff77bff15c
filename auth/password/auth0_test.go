package password

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

// auth0Hashes are examples of Auth0's bulk user import schema whose passwords are known, and the vectors in its form.
var auth0Hashes = []struct{ json, password string }{
	{`{"algorithm":"bcrypt","hash":{"value":"$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"}}`, "hello"},
	{`{"algorithm":"bcrypt","hash":{"value":"$2b$04$KB5ZvsMtTTvABjgQGO3pYutcExRut5cTOYN3RLdqAhL6crnmgOCKa",
		"encoding":"utf8"},"salt":{"value":"pepper"}}`, "password"},
	{`{"algorithm":"bcrypt","hash":{"value":"$2b$04$KB5ZvsMtTTvABjgQGO3pYu2FNSrTqWU/z/kg7PWP8P5kMnQg/ADzy"},
		"salt":{"value":"cGVwJHBlcg==","encoding":"base64","position":"suffix"}}`, "password"},
	{`{"algorithm":"scrypt","hash":{"value":"097f6197e1b41538f723e32aa7a68e8d76227d8e432ce5faa4882a913032db29",
		"encoding":"hex"},"salt":{"value":"abc123","encoding":"utf8"},"keylen":32,"cost":4096}`, "password"},
	{`{"algorithm":"scrypt","hash":{"value":
		"cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
		"encoding":"base64"},"salt":{"value":"SodiumChloride"},"keylen":64}`, "pleaseletmein"},
	{`{"algorithm":"hmac","hash":{"value":"cg7f42jH39/2EaAU4wNd4s2lKIk=","encoding":"base64","digest":"sha1",
		"key":{"value":"736868","encoding":"hex"}}}`, "test"},
	{`{"algorithm":"md5","hash":{"value":"67A1E09BB1F83F5007DC119C14D663AA","encoding":"hex"},"salt":{"value":"salt"}}`,
		"password"},
	{`{"algorithm":"md4","hash":{"value":"8846f7eaee8fb117ad06bdd830b7586c","encoding":"hex"},
		"password":{"encoding":"utf16le"}}`, "password"}, // NT's
	{`{"algorithm":"sha1","hash":{"value":"qZk-NkcGgWq6PiVxeFDCbJzQ2J0","encoding":"base64"}}`, "abc"}, // for URLs
	{`{"algorithm":"ldap","hash":{"value":"{ssha}Ixeqctr6CgfwWvR7qi44j5Xc9vMxMjM0NTY3OA==","encoding":"utf8"}}`,
		"password"},
	{`{"algorithm":"argon2","hash":{"value":
		"$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk"}}`, "test"},
	{`{"algorithm":"pbkdf2","hash":{"value":
		"$pbkdf2-RSA-SHA1$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE","encoding":"utf8"}}`, "password"},
}

func TestHashesOfAuth0AreVerified(t *testing.T) {
	t.Parallel()
	for _, c := range auth0Hashes {
		stored, err := Auth0([]byte(c.json))
		if err != nil || !Verify(secret.Password(c.password), stored, Derive) ||
			Verify(secret.Password("x"+c.password), stored, Derive) {
			t.Errorf("%s is stored as %q, which is wrong for %q: %v", c.json, stored, c.password, err)
		}
	}
}

// Examples of the schema whose passwords are not known are at least read: with the defaults that it names.
func TestExamplesOfAuth0AreRead(t *testing.T) {
	t.Parallel()
	const key = "I2CQGI9H0JxdDf3kERRI97kPCGxh0KWBIV3MxyaS191gDGfzVBGyS4BibhgqWQ0/ails8mHuU9ckASxHOOq58w"
	const ssha384 = "{SSHA384}/cgEjdoZh85DhurDeOQEMO1rMlAur93SVPbYe5XSD4lF7nNuvrBju5hUeg9A6agRemgSXGl5YuE="
	for json, want := range map[string]string{
		`{"algorithm":"md4","hash":{"value":"AbuUujgF0pPPkJPSFRTpmA==","encoding":"base64"}}`: "" +
			"$digest$a=md4,pos=none$$AbuUujgF0pPPkJPSFRTpmA",
		`{"algorithm":"ldap","hash":{"value":"` + ssha384 + `"}}`: ssha384,
		`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-sha512$KNyFsA2rWoE$` + key + `"}}`: "" +
			"$pbkdf2-sha512$100000$KNyFsA2rWoE$" + key,
	} {
		if stored, err := Auth0([]byte(json)); err != nil || stored != want {
			t.Errorf("%s is stored as %q: %v", json, stored, err)
		}
	}
}

func TestWhatAuth0DoesNotWriteIsRefused(t *testing.T) {
	t.Parallel()
	const md5 = `{"algorithm":"md5","hash":{"value":"5f4dcc3b5aa765d61d8327deb882cf99","encoding":"hex"}}`
	for _, json := range []string{
		"", "null", "{}", "[]", md5 + md5, strings.Replace(md5, `"md5"`, `"md6"`, 1),
		strings.Replace(md5, `"hex"`, `"base32"`, 1), strings.Replace(md5, `,"encoding":"hex"`, "", 1),
		strings.Replace(md5, `}}`, `},"rounds":2}`, 1), // a field that would change what it means
		strings.Replace(md5, `}}`, `},"salt":{"value":"a","position":"around"}}`, 1),
		strings.Replace(md5, `}}`, `},"password":{"encoding":"ebcdic"}}`, 1),
		`{"algorithm":"hmac","hash":{"value":"cg7f42jH39/2EaAU4wNd4s2lKIk=","encoding":"base64","digest":"sha1"}}`,
		`{"algorithm":"hmac","hash":{"value":"cg7f42jH39/2EaAU4wNd4s2lKIk=","encoding":"base64","digest":"ripemd160",
			"key":{"value":"key"}}}`,
		`{"algorithm":"argon2","hash":{"value":
			"$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM"},"salt":{"value":"more"}}`,
		`{"algorithm":"bcrypt","hash":{"value":"$2x$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"}}`,
		`{"algorithm":"bcrypt","hash":{"value":"$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"},
			"password":{"encoding":"utf16le"}}`,
		`{"algorithm":"scrypt","hash":{"value":"097f6197e1b41538f723e32aa7a68e8d","encoding":"hex"},"keylen":32}`,
		`{"algorithm":"scrypt","hash":{"value":"097f6197e1b41538f723e32aa7a68e8d","encoding":"hex"},"keylen":16,"cost":5}`,
		`{"algorithm":"scrypt","hash":{"value":"097f6197e1b41538f723e32aa7a68e8d","encoding":"hex"},"keylen":16,"cost":-2}`,
		`{"algorithm":"scrypt","hash":{"value":"097f6197e1b41538f723e32aa7a68e8d","encoding":"hex"},"keylen":16,
			"cost":1048576}`,
		`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-sha512$i=1,l=16$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE"}}`,
		`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-mdc2$i=1,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE"}}`,
	} {
		stored, err := Auth0([]byte(json))
		refused(t, json, stored, err)
	}
}
