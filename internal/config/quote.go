package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxQuoted is in characters. More of what is wrong than that helps nobody.
const maxQuoted = 200

// hidden stands in a sentence for what may hold a password.
const hidden = "what is there (not shown, as it may hold a password)"

// Quote is the one way in which a sentence repeats what an operator wrote: in quotation marks, so that no byte of it
// does anything to a terminal, and not at all when it may hold a secret.
func Quote(s string) string {
	switch {
	case mayHoldSecret(s):
		return hidden
	case utf8.RuneCountInString(s) > maxQuoted:
		return strconv.Quote(string([]rune(s)[:maxQuoted])) + "…"
	}
	return strconv.Quote(s)
}

var (
	// userinfo is a user and a password before a host, as in URLs.
	userinfo = regexp.MustCompile(`[^\s:@]*:[^\s@][^@<>"]*@\S`)
	// passwordWord names a password, as connection strings and env files do.
	passwordWord = regexp.MustCompile(`(?i)(^|[\s;&?"',])(pass|password|passwd|passphrase|pwd|pgpassword|sslpassword|secret|client_secret)\s*[=:]`)
	// key is a random one in an alphabet of base64 or hex.
	key = regexp.MustCompile(`^[A-Za-z0-9+/_-]{24,}={0,2}$`)
)

// mayHoldSecret is for what stands where no secret belongs: an address with a password, a connection string, a key. It
// would rather hide too much.
func mayHoldSecret(s string) bool {
	return strings.Contains(s, "-----BEGIN") || passwordWord.MatchString(s) || randomKey(s) || urlWithSecret(s) || userinfo.MatchString(withoutPaths(s))
}

// urlWithSecret reads every address in a text. Of a web address the host ends where the path begins, so an @ behind it
// is harmless; all others are for databases and the like.
func urlWithSecret(s string) bool {
	for {
		before, rest, ok := strings.Cut(s, "://")
		if !ok {
			return false
		}
		scheme := strings.ToLower(before[strings.LastIndexAny(before, " \t\r\n,'\"=|(<")+1:])
		host := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"))]
		switch scheme {
		case "unix":
			if strings.Contains(rest, "@") && !strings.HasPrefix(rest, "/") {
				return true
			}
		case "http", "https", "h2c":
			if strings.Contains(rest, "@") && !plainAuthority(rest) {
				return true
			}
		default:
			if host == "" || strings.ContainsAny(rest, "@?") || strings.Contains(rest, ":") {
				return true
			}
		}
		s = rest
	}
}

// plainAuthority says that a web address names a host and perhaps a port, and nobody.
func plainAuthority(rest string) bool {
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	u, err := url.Parse("http://" + authority)
	return err == nil && u.User == nil && u.Hostname() != "" && ValidPort(u)
}

// withoutPaths leaves out what begins with a slash: the rule /users:all, /@me is none of a password.
func withoutPaths(s string) string {
	words := strings.Fields(s)
	for i, word := range words {
		parts := strings.Split(word, ",")
		for j, part := range parts {
			if strings.HasPrefix(part, "/") {
				parts[j] = ""
			}
		}
		if words[i] = strings.Join(parts, ","); strings.Contains(word, "://") { // looked at as an address
			words[i] = ""
		}
	}
	return strings.Join(words, " ")
}

// randomKey tells a key from a word: it mixes letters and digits as no name does.
func randomKey(s string) bool {
	return !strings.HasPrefix(s, "/") && key.MatchString(s) && strings.ContainsAny(s, "0123456789") &&
		strings.ToLower(s) != s && strings.ToUpper(s) != s || hexKey.MatchString(s)
}

var hexKey = regexp.MustCompile(`^[0-9a-fA-F]{32,}$`)

// namesThings are settings that take names, which programs make up: SSESS and 32 digits is a cookie of Drupal.
var namesThings = map[string]bool{"GATEPOST_APP_COOKIES": true, "GATEPOST_STRIP_HEADERS": true}

// nameOnly says that something would be hidden only because it looks like a random key.
func nameOnly(s string) bool { return randomKey(s) && !strings.ContainsAny(s, "+/=") }

// misplaced finds secrets in settings that take none, before anything reads them: each is one fault, and as good as not
// set from then on.
func misplaced(values map[string]string) Faults {
	var list Faults
	for _, k := range (Settings{}).All() {
		file := k.Name + "_FILE"
		if k.Secret && mayHoldSecret(values[file]) {
			list.Add(fmt.Errorf("%s names a file, and holds what may be a password itself, so it is not shown: write that into a file, or set %s", file, k.Name))
			delete(values, file)
		}
		if !k.Secret && mayHoldSecret(values[k.Name]) && !(namesThings[k.Name] && nameOnly(values[k.Name])) {
			list.Add(fmt.Errorf("%s%s; what is there is not shown, as it may hold a password", k.Name, expected(k.Name)))
			delete(values, k.Name)
		}
	}
	return list
}

// expected is what a setting that was given a secret takes.
func expected(name string) string {
	switch name {
	case "GATEPOST_UPSTREAM":
		return " takes no user name or password: name only scheme, host and port of the app (example: http://localhost:3000)"
	case "GATEPOST_PUBLIC_URL":
		return " takes no user name or password: name only scheme, host and port (example: https://app.example.com)"
	case "GATEPOST_MAIL_FROM":
		return ": this is not an address that mail can come from (examples: login@example.com, Example <login@example.com>)"
	}
	return ": this is not what the setting takes (passwords belong into DATABASE_URL and GATEPOST_SMTP_URL)"
}
