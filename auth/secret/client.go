package secret

import "net/netip"

// Client is where an attempt came from.
type Client struct {
	Addr      netip.Addr // the one client address, already told apart from trusted proxies
	Browser   Token      // from the browser's last sign-in, whoever's it was; empty: a strange browser
	UserAgent string
	Language  string // for mail, as the pages name it
	Next      string // the page asked for, for mail that leads back to it; empty: none
	RequestID string // for the audit line
}
