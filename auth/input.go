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
	"github.com/gatepost/gatepost/auth/session"
)

// Problem is what is wrong with a field, for the pages to put into words.
type Problem string

// The problems a field can have.
const (
	Missing     Problem = Problem(password.Missing)
	Malformed   Problem = Problem(password.Malformed)   // not an address, or characters that cannot be used
	TooShort    Problem = Problem(password.TooShort)    // Limit says how many characters are needed
	TooLong     Problem = Problem(password.TooLong)     // Limit says how many are allowed
	TooCommon   Problem = Problem(password.TooCommon)   // on the list of common passwords
	TooSimple   Problem = Problem(password.TooSimple)   // a sequence, a repeat or a walk over the keyboard
	TooPersonal Problem = Problem(password.TooPersonal) // the user's own address, or the name of the site
	Taken       Problem = "taken"                       // another user has this address
	Foreign     Problem = "foreign"                     // an address of a domain that is not let in
	Unchanged   Problem = "unchanged"                   // the new password or address is the current one
)

// FieldError is one problem with one field.
type FieldError struct {
	Field   string // "email", "password", "current" (the password that a new one replaces), "name" or "role"
	Problem Problem
	Limit   int // characters; 0 where there is no number to tell
}

// InputError lists everything that is wrong with what somebody typed. Nothing was written.
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

// CanonicalEmail is the one spelling of an address under which a user is stored and found: lower-case, the domain in
// its ASCII form (IDNA), no blanks around it. An InputError says why an address is refused.
//
// Refused is also what some mail system would read as another address: encoded words (RFC 2047), routes with % or !
// (RFC 5321, appendix C), and what is a file or a program to old ones. A domain that is let in would be none.
func CanonicalEmail(typed string) (string, error) {
	email, err := knownEmail(typed)
	if err != nil {
		return "", err
	}
	local, domain, _ := strings.Cut(email, "@")
	_, typedDomain, _ := strings.Cut(typed, "@")
	if strings.ContainsFunc(strings.TrimSpace(typedDomain), ignorable) || readOtherwise(local) || !hostLabels(domain) {
		return "", InputError{{"email", Malformed, 0}}
	}
	return email, nil
}

// readOtherwise says that a local part is more than a name to some mail system.
func readOtherwise(local string) bool {
	return strings.Contains(local, "=?") || strings.Contains(local, "?=") || strings.ContainsAny(local, "%!`") ||
		strings.ContainsAny(local[:1], "-|/")
}

// hostLabels asks for labels that the DNS can carry (RFC 1035, section 2.3.4), and for a last one that no reader takes
// for a number.
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

// ignorable are characters that IDNA drops without a word: two addresses that look alike would be one.
func ignorable(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point,
		r) || unicode.Is(unicode.Variation_Selector, r)
}

// knownEmail is the spelling under which a user is found whose address may have been stored before there was a rule
// against it.
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

// asciiDomain is the domain as it goes over the wire, or empty when it is none. The second pass refuses what the first
// let through but would not read back.
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

// asciiLower leaves other letters alone: folding them could turn a letter that only looks like k into k.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

const maxName = 100 // characters

// canonicalName tidies a display name. Empty is allowed.
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

// visible says that a character leaves a mark of its own: a name of others would show as none.
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
