package factor

import (
	"net/url"
	"strings"
)

// The longest names in a URI, in characters. A QR code of longer ones is too fine for a camera.
const (
	issuerMost  = 64
	accountMost = 254
)

// URI returns what a QR code tells an authenticator app (the Key URI format): the key, whose it is, and of which site.
// Apps show the names. Both are percent-encoded, a blank as %20, as some apps show a plus otherwise. A colon separates
// the two in the format, so that names have none.
func (k Key) URI(issuer, account string) string {
	issuer, account = name(issuer, issuerMost), name(account, accountMost)
	label := escape(account)
	query := "secret=" + k.Base32()
	if issuer != "" {
		label = escape(issuer) + ":" + label
		query += "&issuer=" + escape(issuer)
	}
	return "otpauth://totp/" + label + "?" + query
}

func name(s string, most int) string {
	s = strings.Join(strings.Fields(strings.ReplaceAll(strings.ToValidUTF8(s, ""), ":", " ")), " ")
	if r := []rune(s); len(r) > most {
		s = strings.TrimSpace(string(r[:most]))
	}
	return s
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
