package auth

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Problem is what is wrong with a field. The pages put it into words.
type Problem string

// The problems of a field.
const (
	Missing     Problem = Problem(password.Missing)
	Malformed   Problem = Problem(password.Malformed)   // not an address, or unusable characters
	TooShort    Problem = Problem(password.TooShort)    // Limit is the least number of characters
	TooLong     Problem = Problem(password.TooLong)     // Limit is the largest number of characters
	TooCommon   Problem = Problem(password.TooCommon)   // on the list of common passwords
	TooSimple   Problem = Problem(password.TooSimple)   // a sequence, a repeat or a walk over the keyboard
	TooPersonal Problem = Problem(password.TooPersonal) // the user's own address, or the name of the site
	Breached    Problem = "breached"                    // known from a breach of another site
	Taken       Problem = "taken"                       // another user has this address, or has or had this username
	Reserved    Problem = "reserved"                    // a username that only operators give
	Foreign     Problem = "foreign"                     // an address of a domain that is not in Options.SignUpDomains
	Unchanged   Problem = "unchanged"                   // the new password or address is the current one
)

// FieldError is one problem with one field.
type FieldError struct {
	// Field is "email", "password", "current" (the password that a new one replaces), "name", "username", "image",
	// "role" or "code".
	Field   string
	Problem Problem
	Limit   int // characters; 0: no number applies
}

// InputError lists everything that is wrong with an input. Nothing was written.
type InputError []FieldError

func (e InputError) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + " " + strings.ReplaceAll(string(f.Problem), "_", " ")
		if f.Limit > 0 {
			parts[i] += fmt.Sprintf(" (limit %d characters)", f.Limit)
		}
	}
	return strings.Join(parts, ", ")
}

func (e InputError) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

func (e *InputError) add(field string, p Problem, limit int) {
	*e = append(*e, FieldError{field, p, limit})
}

// Limits of an address: RFC 5321, section 4.5.3.1 (254 is what a 256-byte path leaves without its brackets).
const (
	maxEmail      = 254
	maxEmailLocal = 64
)

// emailLocal is the unquoted local part of RFC 5322 (dot-atom), in ASCII: other mail systems cannot be relied on to
// carry more, and look-alike letters would make look-alike users.
var emailLocal = regexp.MustCompile("^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")

// emailDomain is at least two labels, the last one not a number.
var emailDomain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$`)

// CanonicalEmail returns the one spelling of an address under which a user is stored and found: lower-case, the
// domain in its ASCII form (IDNA), no blanks around it. It fails with an InputError.
//
// It also refuses what some mail systems would read as another address: encoded words (RFC 2047), routes with % or
// ! (RFC 5321, appendix C), and local parts that old systems take for a file or a program. Otherwise
// Options.SignUpDomains could be bypassed.
func CanonicalEmail(typed string) (string, error) {
	email, err := knownEmail(typed)
	if err != nil {
		return "", err
	}
	local, domain, _ := strings.Cut(email, "@")
	_, typedDomain, _ := strings.Cut(typed, "@")
	if strings.ContainsFunc(strings.TrimSpace(typedDomain), ignorable) || readOtherwise(local) || !hostLabels(domain) ||
		secret.IsServiceAddress(email) { // of service accounts, which nobody signs up as
		return "", InputError{{"email", Malformed, 0}}
	}
	return email, nil
}

// readOtherwise reports whether some mail system reads more than a name in a local part.
func readOtherwise(local string) bool {
	return strings.Contains(local, "=?") || strings.Contains(local, "?=") || strings.ContainsAny(local, "%!`") ||
		strings.ContainsAny(local[:1], "-|/")
}

// hostLabels reports whether the labels fit the DNS (RFC 1035, section 2.3.4) and no reader takes the last one for
// a number.
func hostLabels(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if len(label) > 63 {
			return false
		}
	}
	return !hexNumber.MatchString(labels[len(labels)-1])
}

var hexNumber = regexp.MustCompile(`^0x[0-9a-f]*$`)

// ignorable reports whether IDNA drops r silently: two addresses that look alike would then be one.
func ignorable(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point,
		r) || unicode.Is(unicode.Variation_Selector, r)
}

// knownEmail returns the spelling under which a user is found, also for an address that was stored before
// CanonicalEmail refused it.
func knownEmail(typed string) (string, error) {
	var faults InputError
	s := strings.Trim(typed, " \t\r\n")
	switch {
	case s == "":
		faults.add("email", Missing, 0)
		return "", faults
	case len(s) > maxEmail:
		faults.add("email", TooLong, maxEmail)
		return "", faults
	}
	local, domain, _ := strings.Cut(s, "@")
	local, domain = asciiLower(local), asciiDomain(domain)
	if len(local) <= maxEmailLocal && len(local)+1+len(domain) <= maxEmail &&
		emailLocal.MatchString(local) && emailDomain.MatchString(domain) {
		return local + "@" + domain, nil
	}
	faults.add("email", Malformed, 0)
	return "", faults
}

// asciiDomain returns the domain in ASCII (IDNA), or an empty string if it is invalid. The second pass refuses
// domains that the first one accepts but would not read back.
func asciiDomain(s string) string {
	if !utf8.ValidString(s) {
		return ""
	}
	once, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return ""
	}
	if twice, err := idna.Lookup.ToASCII(once); err != nil || twice != once {
		return ""
	}
	return once
}

// asciiLower changes ASCII letters only: folding others could turn a letter that only looks like k into k.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

const maxName = 100 // characters

// canonicalName trims and normalizes a display name. An empty name is valid.
func canonicalName(typed string) (string, error) {
	var faults InputError
	if !utf8.ValidString(typed) {
		faults.add("name", Malformed, 0)
		return "", faults
	}
	name := strings.TrimSpace(norm.NFC.String(typed))
	if strings.ContainsFunc(name, unicode.IsControl) || name != "" && !strings.ContainsFunc(name, visible) {
		faults.add("name", Malformed, 0)
	}
	if utf8.RuneCountInString(name) > maxName {
		faults.add("name", TooLong, maxName)
	}
	return name, faults.orNil()
}

// visible reports whether r leaves a mark of its own. A name without such characters would look empty.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Mn, r)
}

// canonicalRoles joins a list of roles for the database.
func canonicalRoles(roles []string) (string, error) {
	for _, r := range roles {
		if !session.ValidRole(r) {
			return "", InputError{{"role", Malformed, 0}}
		}
	}
	return strings.Join(roles, ","), nil
}
