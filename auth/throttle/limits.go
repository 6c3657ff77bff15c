// Package throttle limits attempts: wrong and right passwords, by account, place and network; sign-ups, new names
// and requests for mail. It knows the familiar places of an account, so that strangers who guess block only their
// own door.
//
// It verifies nothing and enforces nothing by itself: the caller asks it before an operation, and counts in the
// transaction of the operation. Counters are rows of PostgreSQL, shared by all gates; keys are hashes.
package throttle

import (
	"net/netip"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

// The limits. They are documented in docs/security.md.
const (
	// accountFree wrong passwords in a row are free. Then each further one has to wait; the wait doubles from
	// accountFirst to accountMost. NIST SP 800-63B-4 section 3.2.2 names "30 seconds up to an hour".
	accountFree  = 5
	accountFirst = 30 * time.Second
	accountMost  = time.Hour
	// accountMemory is how long the waits are remembered without further failures.
	accountMemory = 24 * time.Hour
	// AccountLimit is how many wrong passwords in a row, from any place, restrict an account to familiar places
	// (NIST SP 800-63B-4 section 3.2.2: at most 100). The count does not expire; a success resets it.
	AccountLimit = 100
	// placeLimit is how many wrong passwords in a row make a familiar place unfamiliar.
	placeLimit = 20
	// bogusRows bounds the rows kept for addresses without a user.
	bogusRows = 100_000

	// networkBurst is how often a network (an IPv4 address or an IPv6 /64) may fail at once, and then once per
	// networkInterval: 80 times in an hour.
	networkBurst    = 20
	networkInterval = 45 * time.Second

	// Right passwords: an account may be signed in to proofBurst times at once through each of its doors, and then
	// ten times a minute; a network proofNetworkBurst times, and then twenty times a minute. It is more than people
	// need, and too little to keep the queue of hashes busy.
	proofBurst           = 60
	proofInterval        = 6 * time.Second
	proofNetworkBurst    = 120
	proofNetworkInterval = 3 * time.Second

	// officeProofs is how often each person in an office may prove a password at once, and then in an hour.
	officeProofs = 4

	// innerWidth multiplies the limits of a network for this machine and private networks.
	innerWidth = 4

	// innerLimit is how many users may sign up at once, and then per hour, from this machine or a private network, and
	// how many may ask for mail: usually an unlisted proxy stands there and forwards all visitors.
	innerLimit = 100

	// renameBurst is how often a user may change their name at once, and then once per renameInterval.
	renameBurst    = 10
	renameInterval = time.Minute

	// factorBurst is how often a user may add a second factor, name one or make recovery codes at once, and then once per
	// factorInterval: each is mailed or recorded, and a set of codes takes ten hashes. What is added can be removed.
	factorBurst    = 30
	factorInterval = 2 * time.Minute

	// apiTokenBurst is how often a user may make an API token at once, and then once per apiTokenInterval: each is mailed,
	// and those that are revoked make room for more.
	apiTokenBurst    = 30
	apiTokenInterval = 2 * time.Minute

	// usernameTries is how many usernames a user may try to get at once, and then per hour: each try tells whether one
	// is taken.
	usernameTries = 10

	// Mail that is requested without a password: per address one a minute and five an hour, per network twenty an
	// hour.
	mailMinute  = time.Minute
	mailHourly  = 5
	mailNetwork = 20
)

// widths multiply the limits of the narrowest network for wider ones, by prefix length. An IPv4 /24 has many
// customers, an IPv6 /56 or /48 has one.
var widths = map[int]int{24: 32, 56: 4, 48: 16}

// perNetwork returns the limits for each network of an address. A wider network has a multiple of the narrowest
// one's limit: less than the sum of its members, more than one member can use up. An address of this machine or a
// private network has a larger limit, as it may forward all visitors.
func perNetwork(what string, a netip.Addr, burst int, interval time.Duration) (list Limits) {
	times := func(key Key, n int) Bucket { return Bucket{key, n * burst, interval / time.Duration(n)} }
	networks := share.Networks(a)
	for i, p := range networks {
		if i == len(networks)-1 {
			return append(list, times(keyOf(what, share.Narrowest(a)), 1))
		}
		list = append(list, times(keyOf(what, p.String()), widths[p.Bits()]))
	}
	return Limits{times(keyOf(what, share.Narrowest(a)), innerWidth)}
}

// hourly returns a limit of so many times at once, and then per hour.
func hourly(key Key, limit int) Bucket {
	return Bucket{key, limit, time.Hour / time.Duration(limit)}
}

// Mail returns the limits on mail of a class to an address. Classes are limited apart, so that a stranger who
// causes other mail does not keep a link or a warning from the owner of the address.
func Mail(class, email string) Limits {
	return Limits{{keyOf("mail", email, class, "minute"), 1, mailMinute}, MailHourly(class, email)[0]}
}

// MailHourly is Mail without the limit of one a minute.
func MailHourly(class, email string) Limits {
	return Limits{hourly(keyOf("mail", email, class, "hour"), mailHourly)}
}

// Renames returns the limit on new names of a user. Each new name is announced to every gate.
func Renames(userID string) Limits {
	return Limits{{keyOf("rename", userID), renameBurst, renameInterval}}
}

// FactorChanges returns the limit on second factors, names of them and recovery codes that a user makes.
func FactorChanges(userID string) Limits {
	return Limits{{keyOf("factor-changes", userID), factorBurst, factorInterval}}
}

// APITokens returns the limit on API tokens that a user makes.
func APITokens(userID string) Limits {
	return Limits{{keyOf("api-token", userID), apiTokenBurst, apiTokenInterval}}
}

// Usernames returns the limit on a user's tries to choose a username.
func Usernames(userID string) Limits { return Limits{hourly(keyOf("username", userID), usernameTries)} }

// MailRequests returns the limits on requests for mail from a network address.
func MailRequests(a netip.Addr, o Offices) Limits {
	if _, office := o.of(a); !office && share.Inner(a) {
		return Limits{hourly(keyOf("mail-requests", share.Narrowest(a)), innerLimit)}
	}
	return o.perNetwork("mail-requests", a, mailNetwork, time.Hour/mailNetwork, o.People)
}

// SignUps returns the limits on sign-ups from a network address: limit per hour from its network, and total per
// hour from everywhere. 0 means no limit.
func SignUps(a netip.Addr, limit, total int, o Offices) (list Limits) {
	_, office := o.of(a)
	switch {
	case limit <= 0:
	case !office && share.Inner(a):
		list = append(list, hourly(keyOf("sign-up", share.Narrowest(a)), max(limit, innerLimit)))
	default:
		list = o.perNetwork("sign-up", a, limit, time.Hour/time.Duration(limit), o.People)
	}
	if total > 0 {
		list = append(list, hourly(keyOf("sign-up"), total))
	}
	return list
}
