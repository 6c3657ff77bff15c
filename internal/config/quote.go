package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxQuoted is how many characters of a wrong value a message repeats.
const maxQuoted = 200

// hidden stands in a message for a value that may hold a password.
const hidden = "what is there (not shown, as it may hold a password)"

// Quote returns a value for a message. All messages that repeat what an operator wrote use it. It quotes and
// escapes the value, so that no byte of it controls a terminal. A value that may hold a secret is not shown.
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
	// userinfo matches a user name and a password before a host, as in URLs.
	userinfo = regexp.MustCompile(`[^\s:@]*:[^\s@][^@<>"]*@\S`)
	// passwordWord matches the name of a password, as in connection strings and env files.
	passwordWord = regexp.MustCompile(`(?i)(^|[\s;&?"',])` +
		`(pass|password|passwd|passphrase|pwd|pgpassword|sslpassword|secret|client_secret)\s*[=:]`)
	// key matches the alphabets of base64 and hex, at the length of a random key.
	key = regexp.MustCompile(`^[A-Za-z0-9+/_-]{24,}={0,2}$`)
)

// mayHoldSecret reports whether a value may hold a secret: an address with a password, a connection string, or a
// key. It prefers false alarms to a leak.
func mayHoldSecret(s string) bool {
	return strings.Contains(s, "-----BEGIN") || passwordWord.MatchString(s) || randomKey(s) || urlWithSecret(s) ||
		clientSecret.MatchString(s) || userinfo.MatchString(withoutPaths(s))
}

// urlWithSecret reports whether an address in s may hold a secret. In a web address the host ends where the path
// begins, so an @ after that is harmless. Addresses of other schemes are taken for databases and the like.
func urlWithSecret(s string) bool {
	for {
		before, rest, ok := strings.Cut(s, "://")
		if !ok {
			return false
		}
		scheme := strings.ToLower(before[strings.LastIndexAny(before, " \t\r\n,'\"=|(<")+1:])
		host := rest[:len(rest)-len(strings.TrimLeft(rest,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"))]
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

// plainAuthority reports whether a web address names a host and perhaps a port, and no user.
func plainAuthority(rest string) bool {
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	u, err := url.Parse("http://" + authority)
	return err == nil && u.User == nil && u.Hostname() != "" && ValidPort(u)
}

// withoutPaths removes words that begin with a slash, such as the rules in "/users:all, /@me", which look like
// user:password@host.
func withoutPaths(s string) string {
	words := strings.Fields(s)
	for i, word := range words {
		parts := strings.Split(word, ",")
		for j, part := range parts {
			if strings.HasPrefix(part, "/") {
				parts[j] = ""
			}
		}
		if words[i] = strings.Join(parts, ","); strings.Contains(word, "://") { // urlWithSecret checks it
			words[i] = ""
		}
	}
	return strings.Join(words, " ")
}

// randomKey reports whether s looks like a random key: 24 or more characters of base64 with both letter cases and
// digits, or 32 or more of hex.
func randomKey(s string) bool {
	return !strings.HasPrefix(s, "/") && key.MatchString(s) && strings.ContainsAny(s, "0123456789") &&
		strings.ToLower(s) != s && strings.ToUpper(s) != s || hexKey.MatchString(s)
}

// hexKey matches a key in hex.
var hexKey = regexp.MustCompile(`^[0-9a-fA-F]{32,}$`)

// clientSecret matches the secrets that Google, GitLab and Microsoft give to an app, which people put where the
// client id belongs.
var clientSecret = regexp.MustCompile(`^(GOCSPX-|gloas-|[A-Za-z0-9._~-]{3}[0-9]Q~)`)

// namesThings reports whether a setting takes names made by programs. Drupal's cookie, for example, is SSESS and 32
// hex digits, and so are the client ids of some providers.
func namesThings(name string) bool {
	return name == "GATEPOST_APP_COOKIES" || name == "GATEPOST_STRIP_HEADERS" || name == "GATEPOST_GITLAB_CLIENT_ID" ||
		strings.HasPrefix(name, oidcPrefix) && strings.HasSuffix(name, "_CLIENT_ID")
}

// nameOnly reports whether a value looks like a random key and could be a name as well.
func nameOnly(s string) bool {
	return randomKey(s) && !strings.ContainsAny(s, "+/=") && !clientSecret.MatchString(s)
}

// MayBeKey reports whether a value that is accepted as a name looks like a random key, so that it is not shown
// either.
func MayBeKey(s string) bool { return randomKey(s) }

// misplaced finds secrets in settings that take none. Each is a fault, and is removed from values before anything
// else reads it.
func misplaced(values map[string]string, known []Setting) Faults {
	var list Faults
	for _, k := range known {
		file := k.Name + "_FILE"
		if k.Secret && mayHoldSecret(values[file]) {
			list.Add(fmt.Errorf("%s names a file, and holds what may be a password itself, so it is not shown: "+
				"write that into a file, or set %s", file, k.Name))
			delete(values, file)
		}
		if !k.Secret && mayHoldSecret(values[k.Name]) && !(namesThings(k.Name) && nameOnly(values[k.Name])) {
			list.Add(fmt.Errorf("%s%s; the value is not shown, as it may hold a password",
				k.Name, expected(k.Name)))
			delete(values, k.Name)
		}
	}
	return list
}

// expected is the end of the message for a secret in a setting: what the setting takes instead.
func expected(name string) string {
	switch name {
	case "GATEPOST_UPSTREAM":
		return " takes no user name or password: name only scheme, host and port of the app (example: " +
			"http://localhost:3000)"
	case "GATEPOST_PUBLIC_URL":
		return " takes no user name or password: name only scheme, host and port (example: https://app.example.com)"
	case "GATEPOST_MAIL_FROM":
		return ": this is not an address that mail can come from (examples: login@example.com, Example " +
			"<login@example.com>)"
	}
	switch {
	case strings.HasSuffix(name, "_ISSUER"):
		return " takes no user name or password: it is the address of a provider (example: " +
			"https://login.example.com/realms/staff)"
	case strings.HasSuffix(name, "_CLIENT_ID"):
		return ": this is not what the setting takes (the secret belongs into " + strings.TrimSuffix(name, "ID") +
			"SECRET)"
	}
	return ": this is not what the setting takes (passwords belong into DATABASE_URL and GATEPOST_SMTP_URL)"
}
