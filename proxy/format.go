package proxy

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/gatepost/gatepost/auth/session"
)

// attribute is what an identity header can carry.
type attribute struct {
	of func(*session.Session) string
	// identifies says that apps tell people apart by it, so that two values must never become one.
	identifies bool
}

// attributes are those there are. Roles are one list, see separators.
var attributes = map[string]attribute{
	"id":             {func(v *session.Session) string { return v.User.ID }, true},
	"email":          {func(v *session.Session) string { return v.User.Email }, true},
	"email_verified": {func(v *session.Session) string { return strconv.FormatBool(v.User.EmailVerified) }, false},
	"name":           {func(v *session.Session) string { return cutRunes(v.User.Name, maxNameHeader) }, false},
	"username":       {func(v *session.Session) string { return v.User.Username }, true},
	"roles":          {func(v *session.Session) string { return strings.Join(v.User.Roles, ",") }, false},
	"level":          {func(v *session.Session) string { return strconv.Itoa(v.Proof.Level()) }, false},
	"auth_time":      {func(v *session.Session) string { return strconv.FormatInt(v.Proof.Latest().Unix(), 10) }, false},
}

// formats are the ways to write text into a header. Control characters, with which text could end a header or hide in
// it, are encoded in percent, and dropped for the others.
var formats = map[string]func(string) string{
	"percent": encode,
	"utf8":    func(s string) string { return s },
	"rfc2047": encodeWords,
	"ascii":   toASCII,
	"base64":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
}

// formatNames lists them for people, and separators are the formats of roles besides: what stands between two roles.
// No role has any of these in it (session.ValidRole).
const formatNames = "percent, utf8, rfc2047, ascii and base64"

var separators = map[string]string{"space": " ", "semicolon": ";", "pipe": "|"}

// parseValue reads what a header carries: an attribute, as in "name" or "name:utf8", or text with attributes in it, as
// in "{name:utf8} ({id})". It also returns the attributes.
func parseValue(s string) (value func(*session.Session) string, names []string, err error) {
	if !strings.ContainsAny(s, "{}") {
		value, name, err := parseAttribute(s)
		return value, []string{name}, err
	}
	parts, err := parseText(s)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range parts {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	if len(names) == 0 {
		return nil, nil, errors.New("it has no attribute, and would be the same for everybody")
	}
	return func(v *session.Session) string {
		var out strings.Builder
		for _, p := range parts {
			out.WriteString(p.of(v))
		}
		return out.String()
	}, names, keepApart(parts)
}

// part is a piece of a text: an attribute, or what stands between two.
type part struct {
	name, text string // one of them is empty
	of         func(*session.Session) string
}

func parseText(s string) (parts []part, err error) {
	for s != "" {
		text, rest, more := strings.Cut(s, "{")
		if strings.Contains(text, "}") || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, errors.New("the text around attributes has to be plain: no braces, and letters of ASCII")
		}
		if text != "" {
			parts = append(parts, part{text: text, of: func(*session.Session) string { return text }})
		}
		if !more {
			break
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, errors.New("a brace is not closed")
		}
		value, name, err := parseAttribute(inner)
		if err != nil {
			return nil, err
		}
		parts, s = append(parts, part{name: name, of: value}), after
	}
	return parts, nil
}

// brackets stand between an attribute by which apps tell people apart and one that is free text, which has none then.
// No format but utf8, ascii and percent writes any.
const brackets = "<>()[]"

// keepApart sees to it that a text tells people apart if one of its attributes does: it fails for one whose parts could
// be shifted from one attribute to another, and leaves brackets out of the others.
func keepApart(parts []part) error {
	identifies := func(p part) bool { return attributes[p.name].identifies }
	at := slices.IndexFunc(parts, identifies)
	if at < 0 {
		return nil
	}
	for i, p := range parts {
		switch {
		case i == at || p.name == "":
			continue
		case identifies(p):
			return fmt.Errorf("%s and %s in one text could be those of two people: take one of them", parts[at].name, p.name)
		}
		beside := at + 1
		if i < at {
			beside = at - 1
		}
		if !strings.ContainsAny(parts[beside].text, brackets) {
			return fmt.Errorf("%s and %s run into each other, so that two people could be one: put one of %s between them, "+
				"as in {name} <{email}>", p.name, parts[at].name, brackets)
		}
		parts[i].of = func(v *session.Session) string { return withoutBrackets.Replace(p.of(v)) }
	}
	return nil
}

var withoutBrackets = strings.NewReplacer("<", "", ">", "", "(", "", ")", "", "[", "", "]", "")

// parseAttribute reads an attribute with its format, if it has one.
func parseAttribute(s string) (value func(*session.Session) string, name string, err error) {
	name, format, formatted := strings.Cut(s, ":")
	a, ok := attributes[name]
	if !ok {
		return nil, "", fmt.Errorf("there is no attribute %q; there are id, email, email_verified, name, username, "+
			"roles, level and auth_time", name)
	}
	if separator, ok := separators[format]; ok && name == "roles" {
		return func(v *session.Session) string { return strings.Join(validRoles(&v.User), separator) }, name, nil
	}
	if !formatted || format == "percent" {
		return func(v *session.Session) string { return encode(a.of(v)) }, name, nil
	}
	write := formats[format]
	switch {
	case write == nil && name == "roles":
		return nil, "", fmt.Errorf("there is no format %q; roles have %s, and space, semicolon and pipe between two of them",
			format, formatNames)
	case write == nil:
		return nil, "", fmt.Errorf("there is no format %q; there are %s", format, formatNames)
	case a.identifies && format == "ascii":
		return nil, "", fmt.Errorf("ascii can make one value of two, and apps tell people apart by %s: use another format",
			name)
	}
	if name == "roles" {
		return func(v *session.Session) string { return write(strings.Join(validRoles(&v.User), ",")) }, name, nil
	}
	return func(v *session.Session) string {
		value := a.of(v)
		plain := withoutControls(value)
		if a.identifies && (plain != value || altered(value)) {
			return encode(value) // what would be left of it could be another person's
		}
		return write(plain)
	}, name, nil
}

// encoded is what encode makes of a byte.
var encoded = regexp.MustCompile(`%[0-9A-F]{2}`)

// altered reports whether a value could be taken for another one as it is: its blanks at the ends are cut off on the
// way, or it looks as if it was encoded.
func altered(value string) bool {
	return value != strings.TrimSpace(value) || strings.Contains(value, "%") && encoded.MatchString(value)
}

// validRoles are the roles of a user that can be roles. What else SQL wrote could become another role, or several.
func validRoles(u *session.User) []string {
	return slices.DeleteFunc(slices.Clone(u.Roles), func(role string) bool { return !session.ValidRole(role) })
}

// withoutControls drops control characters, and what is no UTF-8.
func withoutControls(s string) string {
	if isPlainASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
}

func isPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// encodeWords writes text as words of RFC 2047 where it is not ASCII, or looks like such a word.
func encodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return mime.BEncoding.Encode("utf-8", s)
	}
	return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}

// letters are those that no decomposition makes ASCII of.
var letters = strings.NewReplacer("ß", "ss", "ẞ", "SS", "æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ø", "o", "Ø", "O",
	"đ", "d", "Đ", "D", "ð", "d", "Ð", "D", "þ", "th", "Þ", "Th", "ł", "l", "Ł", "L", "ı", "i", "’", "'", "‘", "'",
	"“", `"`, "”", `"`, "–", "-", "—", "-")

// toASCII writes text without accents, and a question mark for each character that has no likeness in ASCII.
func toASCII(s string) string {
	if isPlainASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r > '~':
			return '?'
		}
		return r
	}, norm.NFKD.String(letters.Replace(s)))
}

// carries reports whether a header has an attribute in it.
func (h identityHeader) carries(attribute string) bool {
	return slices.Contains(h.attributes, attribute)
}
