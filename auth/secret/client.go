package secret

import "net/netip"

// Client is the origin of a request.
type Client struct {
	Addr      netip.Addr // the address of the visitor, not of a trusted proxy
	Browser   Token      // the token that the browser got at its last sign-in, of whatever user; empty: none
	Trust     Token      // the token by which a user may trust the browser, without a second step; empty: none
	UserAgent string
	Language  string // the language of mail to the visitor, as the pages name it
	Next      string // the page that the visitor asked for, to which links in mail lead back; empty: none
	RequestID string // the id of the request, for the audit event
	Solution  string // what they have solved to show that they are no bot; empty: nothing
	Trapped   bool   // they filled in a field that people do not see
}
