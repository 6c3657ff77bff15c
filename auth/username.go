package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

const maxUsername = 32 // characters

// usernameForm is that of the constraint user_username_form.
var usernameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)

// CanonicalUsername returns the one spelling of a username: lower-case, without blanks around it. It fails with an
// InputError.
func CanonicalUsername(typed string) (string, error) {
	name := asciiLower(strings.TrimSpace(typed))
	switch {
	case name == "":
		return "", InputError{{"username", Missing, 0}}
	case len(name) > maxUsername:
		return "", InputError{{"username", TooLong, maxUsername}}
	case !usernameForm.MatchString(name):
		return "", InputError{{"username", Malformed, 0}}
	}
	return name, nil
}

// reservedUsernames are names that say more about a user than that it is them, and those that programs have for
// somebody or for nobody. docs/security.md lists them.
var reservedUsernames = strings.Fields(`
	admin administrator admins root superuser sysadmin sysop system operator owner master moderator mod staff team
	official support help helpdesk security info contact billing abuse postmaster hostmaster webmaster mailer-daemon
	noreply no-reply daemon nobody anonymous guest everyone all public private user users me self you null nil none
	undefined unknown true false new edit delete login logout signin signup register account settings api www web mail
	email ftp ssh git http https smtp imap pop localhost server service bot ghost test root-admin gatepost
	superadmin sysadm sys adm sudo wheel backup postgres mysql oracle www-data nginx apache jenkins ubuntu debian
	grafana gitea con nul aux prn`)

// officialParts are words that make a user look like somebody of the site wherever they stand in a name.
var officialParts = strings.Fields(`admin administrator admins root system security support helpdesk staff moderator
	official`)

// skeleton is what a reader takes a name for: separators are nothing, and digits are the letters that they look like.
func skeleton(name string) string {
	return strings.NewReplacer(".", "", "_", "", "-", "", "0", "o", "1", "l", "i", "l", "3", "e", "4", "a", "5", "s",
		"7", "t").Replace(name)
}

// official reports whether a part of a name is one of officialParts, or the name ends with admin.
func official(name string) bool {
	isPart := func(part string) bool {
		return slices.ContainsFunc(officialParts, func(word string) bool { return skeleton(word) == skeleton(part) })
	}
	parts := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("._-", r) })
	return slices.ContainsFunc(parts, isPart) || strings.HasSuffix(skeleton(name), skeleton("admin"))
}

// reserved reports whether users cannot choose a name. A number behind it makes no other of it.
func (s *Store) reserved(name string) bool {
	if official(name) {
		return true
	}
	whole, plain := skeleton(name), skeleton(strings.TrimRight(name, "0123456789"))
	like := func(other string) bool { is := skeleton(other); return is == whole || is == plain }
	return slices.ContainsFunc(reservedUsernames, like) || slices.ContainsFunc(s.o.ReservedUsernames, like)
}

// chosenUsername is CanonicalUsername for users, to whom some names are not given.
func (s *Store) chosenUsername(typed string) (string, error) {
	name, err := CanonicalUsername(typed)
	if err == nil && s.reserved(name) {
		return "", InputError{{"username", Reserved, 0}}
	}
	return name, err
}

// newUsername is the username of a new user; empty: none. own is as in checkNewUser.
func (s *Store) newUsername(typed string, own bool) (string, error) {
	switch {
	case typed == "" || own && !s.o.UsernamesChosen:
		return "", nil
	case own:
		return s.chosenUsername(typed)
	}
	return CanonicalUsername(typed)
}

// usernameHash is what is kept of a name for good, as the trigger username_given makes it.
func usernameHash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}
