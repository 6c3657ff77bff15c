// Package throttle bounds what may be tried: wrong passwords and right ones, by account, place and network; sign-ups,
// new names and requests for mail. It knows in which places an account is at home, so that strangers who guess shut
// only their own door.
//
// It verifies nothing and refuses nobody by itself: whoever does a deed asks it first, and counts in the transaction of
// the deed. Counts are rows of PostgreSQL, which all gates share; keys are hashes.
package throttle

import (
	"net/netip"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

// Numbers of the throttle. They are documented in docs/security.md.
const (
	// An account takes this many wrong passwords in a row, then one after each wait, which doubles from the first to
	// the longest. NIST SP 800-63B-4 section 3.2.2 names "30 seconds up to an hour".
	accountFree  = 5
	accountFirst = 30 * time.Second
	accountMost  = time.Hour
	// accountMemory is how long the waits are remembered when no more failures come.
	accountMemory = 24 * time.Hour
	// AccountLimit is how many wrong passwords in a row, from wherever, leave an account open to familiar places only
	// (NIST SP 800-63B-4 section 3.2.2: at most 100). It is never forgotten, only ended by a success.
	AccountLimit = 100
	// placeLimit is how many a familiar place may send in a row before it is one no more.
	placeLimit = 20
	// bogusRows bounds the rows kept for names nobody has.
	bogusRows = 100_000

	// A network (an IPv4 address or an IPv6 /64) may fail this often at once, and then once per interval: 80 in an
	// hour.
	networkBurst    = 20
	networkInterval = 45 * time.Second

	// Right passwords: an account may be signed in to this often at once through each of its doors, and then ten times
	// in a minute; a network this often, and then twenty times. It is more than people need, and less than keeps the
	// queue of hashes busy.
	proofBurst           = 60
	proofInterval        = 6 * time.Second
	proofNetworkBurst    = 120
	proofNetworkInterval = 3 * time.Second

	// innerWidth is how many times as much as one network may fail is let through from this machine or a private
	// network.
	innerWidth = 4

	// innerLimit is how many users may sign up at once from this machine or a private network, and then in an hour, and
	// how many may ask for mail: as a rule a proxy that was not listed stands there, and speaks for everybody.
	innerLimit = 100

	// A user may choose another name this often at once, and then once per interval.
	renameBurst    = 10
	renameInterval = time.Minute

	// Mail that somebody asked for without a password: for an address one in a minute and five in an hour, for a
	// network twenty in an hour.
	mailMinute  = time.Minute
	mailHourly  = 5
	mailNetwork = 20
)

// widths are how many times as much as the narrowest network a wider one may, by the length of its prefix. An IPv4 /24
// has many customers, an IPv6 /56 or /48 one.
var widths = map[int]int{24: 32, 56: 4, 48: 16}

// perNetwork are the limits of something for each network that an address counts for. A wider network has several times
// as much: less than all who may be in it, more than one of them can use up. An address of this machine or a private
// network has more as well, as it may speak for everybody.
func perNetwork(what string, a netip.Addr, burst int, interval time.Duration) (list Limits) {
	times := func(key Key, n int) Bucket { return Bucket{key, n * burst, interval / time.Duration(n)} }
	networks := share.Networks(a)
	for i, p := range networks {
		if i == len(networks)-1 {
			return append(list, times(KeyOf(what, share.Narrowest(a)), 1))
		}
		list = append(list, times(KeyOf(what, p.String()), widths[p.Bits()]))
	}
	return Limits{times(KeyOf(what, share.Narrowest(a)), innerWidth)}
}

// hourly is a limit on how often at once, and then in an hour.
func hourly(key Key, limit int) Bucket {
	return Bucket{key, limit, time.Hour / time.Duration(limit)}
}

// Mail are the limits on mail of a class to an address. There are several classes, so that nobody keeps its owner from
// a link or a warning by having other mail sent.
func Mail(class, email string) Limits {
	return Limits{{KeyOf("mail", email, class, "minute"), 1, mailMinute}, MailHourly(class, email)[0]}
}

// MailHourly is Mail without the limit of one in a minute.
func MailHourly(class, email string) Limits {
	return Limits{hourly(KeyOf("mail", email, class, "hour"), mailHourly)}
}

// Renames are the limit on new names of a user: each is told to every gate.
func Renames(userID string) Limits {
	return Limits{{KeyOf("rename", userID), renameBurst, renameInterval}}
}

// MailRequests are the limits on requests for mail from an address.
func MailRequests(a netip.Addr) Limits {
	if share.Inner(a) {
		return Limits{hourly(KeyOf("mail-requests", share.Narrowest(a)), innerLimit)}
	}
	return perNetwork("mail-requests", a, mailNetwork, time.Hour/mailNetwork)
}

// SignUps are the limits that a sign-up from an address counts against: so many in an hour from its network, and so
// many from everywhere. 0: no limit.
func SignUps(a netip.Addr, limit, total int) (list Limits) {
	switch {
	case limit <= 0:
	case share.Inner(a):
		list = append(list, hourly(KeyOf("sign-up", share.Narrowest(a)), max(limit, innerLimit)))
	default:
		list = perNetwork("sign-up", a, limit, time.Hour/time.Duration(limit))
	}
	if total > 0 {
		list = append(list, hourly(KeyOf("sign-up"), total))
	}
	return list
}
