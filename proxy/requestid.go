package proxy

import (
	"crypto/rand"
	"net/http"
	"sync"
)

const (
	// maxRequestID is in bytes.
	maxRequestID = 128
	// ownIDLength is the length of the gate's own ids. People read them to each other from error pages, as they stand in
	// the log. 60 random bits tell the requests of years apart, and guard nothing.
	ownIDLength = 12
)

// requestID is the trusted proxy's id of the request, or a new one.
func (p *Proxy) requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" && len(id) <= maxRequestID && encode(id) == id &&
		trusts(p.c.TrustedProxies, peerAddr(r.RemoteAddr)) {
		return id
	}
	d, _ := idDice.Get().(*dice)
	if d == nil {
		d = new(dice)
	}
	defer idDice.Put(d)
	return d.id()
}

// idLetters are those of base32 (RFC 4648, section 6), of which none looks like another.
const idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// idDice are asked for by each request. The system's random bytes cost less a hundred at a time.
var idDice sync.Pool

type dice struct {
	bytes [32 * ownIDLength]byte
	left  int
}

func (d *dice) id() string {
	if d.left == 0 {
		_, _ = rand.Read(d.bytes[:]) // never fails
		d.left = len(d.bytes)
	}
	d.left -= ownIDLength
	var id [ownIDLength]byte
	for i, b := range d.bytes[d.left : d.left+ownIDLength] {
		id[i] = idLetters[b%byte(len(idLetters))]
	}
	return string(id[:])
}
