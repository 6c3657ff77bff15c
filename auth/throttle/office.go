package throttle

import (
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
)

// Offices are networks in which many people share an address, as behind the router of an office or a school. Their
// limits follow the number of people there, and of wrong passwords it is the accounts that count, not the tries. The
// zero value has none.
type Offices struct {
	Networks []netip.Prefix
	People   int // in each of Networks, about
}

// officeAccount is for how long an account counts once whose password was wrong in an office.
const officeAccount = time.Hour

// of returns the office of an address: the narrowest network of Offices that has it.
func (o Offices) of(a netip.Addr) (found netip.Prefix, ok bool) {
	for _, p := range o.Networks {
		if p.Contains(a.Unmap()) && (!ok || p.Bits() > found.Bits()) {
			found, ok = p, true
		}
	}
	return found, ok
}

// perNetwork is the function of this name, or for an office one limit of at least most times at once, and then in an
// hour.
func (o Offices) perNetwork(what string, a netip.Addr, burst int, interval time.Duration, most int) Limits {
	if p, ok := o.of(a); ok {
		most = max(most, burst, int(time.Hour/interval))
		return Limits{{keyOf(what, "office", p.String()), most, time.Hour / time.Duration(most)}}
	}
	return perNetwork(what, a, burst, interval)
}

// oncePerAccount counts a wrong password against the limits of an office, unless one for the same account has counted
// within officeAccount. bogus says that nobody has the account.
func (d Doors) oncePerAccount(b *pgx.Batch, bogus bool) {
	for _, limit := range d.failed {
		args := append(limit.args(), d.atOffice, officeAccount, bogus)
		b.Queue(`
			WITH first AS (
			    INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at, bogus)
			    VALUES ($4, 1, now(), now() + $5::interval, $6)
			    ON CONFLICT (key) DO UPDATE SET expires_at = now() + $5::interval WHERE t.expires_at <= now()
			    RETURNING 1)
			INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at)
			SELECT $1, 1, now() - $2::interval, now() + $3::interval FROM first`+bucketUpdate, args...)
	}
}
