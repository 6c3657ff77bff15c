package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/proxy"
)

var (
	appleID = regexp.MustCompile(`^[A-Z0-9]{10}$`)
	tenant  = regexp.MustCompile(`^(common|organizations|consumers|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	scope   = regexp.MustCompile(`^[!#-\[\]-~]+$`) // RFC 6749, section 3.3
)

// checkWords checks ids and secrets, which are one word each.
func checkWords(list *Faults, p ProviderSettings) {
	for _, k := range p.All() {
		suffix := strings.TrimPrefix(k.Name, p.Prefix)
		switch {
		case k.Value == "":
		case suffix == "CLIENT_ID" || suffix == "CLIENT_SECRET":
			if strings.ContainsFunc(k.Value, func(r rune) bool { return r <= ' ' || r > '~' }) {
				list.Add(fmt.Errorf("%s has a blank, a line break or a letter that is not ASCII within it, which no "+
					"provider gives out: copy it anew", k.Name))
			}
		case suffix == "TEAM_ID" || suffix == "KEY_ID":
			if !appleID.MatchString(k.Value) {
				list.Add(fmt.Errorf("%s: %s is not ten capital letters and digits, as Apple's are: copy it anew", k.Name,
					Quote(k.Value)))
			}
		case suffix == "TENANT" && !tenant.MatchString(strings.ToLower(k.Value)):
			list.Add(fmt.Errorf("%s: %s is neither the id of a tenant (example: 3aa4a235-b6e2-48d5-9195-7fcf05b459b0) "+
				"nor one of common, organizations and consumers", k.Name, Quote(k.Value)))
		}
	}
	if p.ClientID != "" && p.ClientID == p.ClientSecret {
		list.Add(fmt.Errorf("%sCLIENT_ID and %[1]sCLIENT_SECRET are the same, so one of them is wrong: copy both anew",
			p.Prefix))
	}
}

// checkIssuer checks an issuer and leaves it as it is written, because it is compared with what tokens say.
func checkIssuer(list *Faults, p ProviderSettings) string {
	u, err := url.Parse(p.Issuer)
	var cure string
	switch {
	case p.Issuer == "":
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || !ValidPort(u) ||
		strings.ContainsFunc(p.Issuer, unicode.IsSpace):
		cure = "is not an address like https://login.example.com/realms/staff"
	case u.User != nil:
		cure = "has a user name, and is to be an address like https://login.example.com"
	case strings.ContainsAny(p.Issuer, "?#"):
		cure = "has a query or a fragment, which no issuer has: leave it out"
	case strings.Contains(u.Path, "/.well-known/"):
		cure = "is the discovery document: leave out all from /.well-known/ on"
	case u.Scheme == "http" && !proxy.IsLoopback(u.Hostname()):
		cure = "would let anybody on the way sign in as anybody: use https://"
	}
	if cure != "" {
		list.Add(fmt.Errorf("%sISSUER: %s %s", p.Prefix, Quote(p.Issuer), cure))
	}
	return p.Issuer
}

// checkAppleKey takes line breaks as environment files write them.
func checkAppleKey(list *Faults, p ProviderSettings) provider.AppleKey {
	text := strings.ReplaceAll(p.PrivateKey, `\n`, "\n")
	if text != "" && !isAppleKey(text) {
		list.Add(fmt.Errorf("%sPRIVATE_KEY is not the key that Apple hands out, a PKCS #8 key in PEM on the curve "+
			"P-256: set it to the whole file .p8, with its line breaks or \\n for them, or name the file in "+
			"%[1]sPRIVATE_KEY_FILE", p.Prefix))
	}
	return provider.AppleKey{TeamID: p.TeamID, KeyID: p.KeyID, PrivateKey: secret.Text(text)}
}

func isAppleKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	ec, ok := key.(*ecdsa.PrivateKey)
	return err == nil && ok && ec.Curve == elliptic.P256()
}

// maxLabel is in characters. It is what a button on a small screen can show.
const maxLabel = 40

func checkLabel(list *Faults, p ProviderSettings) string {
	if utf8.RuneCountInString(p.Label) > maxLabel || !utf8.ValidString(p.Label) ||
		strings.ContainsFunc(p.Label, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		list.Add(fmt.Errorf("%sLABEL: %s is to have at most %d characters, on one line", p.Prefix, Quote(p.Label),
			maxLabel))
	}
	return p.Label
}

func checkProviderLogo(list *Faults, p ProviderSettings) string {
	u, err := url.Parse(p.Logo)
	if p.Logo != "" && (err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.ContainsAny(u.Host, ";,* ")) {
		list.Add(fmt.Errorf("%sLOGO: %s is not an address like https://example.com/logo.svg", p.Prefix, Quote(p.Logo)))
	}
	return p.Logo
}

// parseScopes reads scopes, separated by blanks or commas.
func parseScopes(list *Faults, p ProviderSettings) (scopes []string) {
	for s := range strings.FieldsFuncSeq(p.Scopes, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		if !scope.MatchString(s) {
			list.Add(fmt.Errorf("%sSCOPES: %s is not a scope (example: openid email profile)", p.Prefix, Quote(s)))
		}
		scopes = append(scopes, s)
	}
	return scopes
}
