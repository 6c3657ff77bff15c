package proxy

import (
	"net/http"
	"sync"
)

const (
	// headersMost is how many headers a map may have had that is used again. Maps never become smaller.
	headersMost = 64
	// headersUsual is enough for most requests, and is what fits into Go's map of 32 slots: a larger one takes longer to
	// walk through and to empty.
	headersUsual = 28
)

var spareHeaders = sync.Pool{New: func() any { return make(http.Header, headersUsual) }}

// headers is the map for the headers of the request that is forwarded. It is used again where nobody can have it any
// more once the request is over: package direct reads the headers of a request without a body before it returns.
// http.Transport, which has other goroutines, may read them later, and keeps them.
type headers struct {
	taken http.Header
	over  bool // package direct alone had them
}

// take returns an empty map with room for so many headers.
func (h *headers) take(room int) http.Header {
	if room > headersMost {
		return make(http.Header, room)
	}
	h.taken = spareHeaders.Get().(http.Header) //nolint:forcetypeassert // nothing else is put there
	return h.taken
}

// giveBack empties the map, and lets another request have it. A handler that panics gives nothing back.
func (h *headers) giveBack() {
	if h.over && h.taken != nil && len(h.taken) <= headersMost {
		clear(h.taken)
		spareHeaders.Put(h.taken)
	}
	h.taken = nil
}
