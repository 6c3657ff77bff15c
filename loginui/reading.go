package loginui

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

const (
	// formCost is charged for each form on top of its bytes. It is about what its request takes in memory. So
	// at most 2,000 forms are read at once.
	formCost = 8 << 10
	// firstRead is the first buffer of a form, in bytes. Most forms fit into it.
	firstRead = 512
	// pieceSize is how many bytes a longer form grows by.
	pieceSize = 8 << 10
)

// pieces are used again. Otherwise the forms of a flood, which are refused half-read, would be nearly all that the
// program allocates, and its memory would grow by what is not collected yet.
var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// reading is a body on its way in. It holds a part of the pool for forms, and gives way when others need its
// room.
type reading struct {
	to   *http.ResponseController
	part *share.Part
	mu   sync.Mutex
	over bool // the deadline is no longer this reading's to set
	away bool // the reading gave way
}

func (ui *UI) newReading(w http.ResponseWriter, r *http.Request) *reading {
	rd := &reading{to: http.NewResponseController(w)}
	rd.part = ui.forms.Join(clientAddr(r), rd.giveWay)
	if !rd.part.Take(formCost + firstRead) {
		rd.giveWay()
	}
	return rd
}

// giveWay interrupts a read that waits.
func (rd *reading) giveWay() {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	if !rd.over {
		rd.away = true
		_ = rd.to.SetReadDeadline(time.Now()) // some ResponseWriters have no deadlines; the limits still hold
	}
}

func (rd *reading) gaveWay() bool {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	return rd.away
}

// until sets the deadline of the reads that follow.
func (rd *reading) until(t time.Time) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	if !rd.away {
		_ = rd.to.SetReadDeadline(t)
	}
}

// end returns the part to the pool. If the body was not read whole, the deadline stays, so that the unread rest
// delays no answer.
func (rd *reading) end(whole bool) {
	rd.part.Leave()
	rd.mu.Lock()
	defer rd.mu.Unlock()
	rd.over = true
	if whole {
		_ = rd.to.SetReadDeadline(time.Time{})
	}
}

// all reads a body of at most so many bytes to its end, and takes room from the pool as the body grows.
func (rd *reading) all(body io.Reader, most int) ([]byte, error) {
	var b pieced
	defer b.drop()
	room := make([]byte, firstRead)
	b.first = room
	for !rd.gaveWay() {
		n, err := body.Read(room)
		b.n, room = b.n+n, room[n:]
		switch {
		case b.n > most:
			return nil, errFormSize
		case err == io.EOF:
			return b.joined(), nil
		case err != nil:
			return nil, err
		}
		if len(room) == 0 {
			if !rd.part.Take(pieceSize) {
				rd.giveWay()
			}
			room = b.grow()
		}
	}
	return nil, share.ErrCrowded
}

// pieced is what was read of a body.
type pieced struct {
	first []byte
	more  []*[pieceSize]byte
	n     int // bytes in all
}

// grow returns room for more, when all that there was is full.
func (b *pieced) grow() []byte {
	piece := pieces.Get().(*[pieceSize]byte) //nolint:forcetypeassert // nothing else is in it
	b.more = append(b.more, piece)
	return piece[:]
}

func (b *pieced) joined() []byte {
	all := append(make([]byte, 0, b.n), b.first[:min(b.n, firstRead)]...)
	for _, piece := range b.more {
		all = append(all, piece[:min(b.n-len(all), pieceSize)]...)
	}
	return all
}

// drop returns the pieces, without the password that may be in them.
func (b *pieced) drop() {
	for _, piece := range b.more {
		clear(piece[:])
		pieces.Put(piece)
	}
}
