package password

import (
	"slices"

	"golang.org/x/text/unicode/norm"

	"github.com/gatepost/gatepost/auth/secret"
)

// spelling is a way to write down the characters of a password. The same letters can be typed in several, and a hash
// is that of one.
type spelling func(string) string

func asTyped(p string) string { return p }
func nfc(p string) string     { return norm.NFC.String(p) }
func nfkc(p string) string    { return norm.NFKC.String(p) }

// spelled writes a password in each of the spellings that differ and that the hash wants tried: in one, for almost
// every password.
func (h parsed) spelled(p secret.Password) (all []string) {
	if h.within != nil {
		return h.within.spelled(p)
	}
	for _, spell := range h.spellings {
		if s := spell(string(p)); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
