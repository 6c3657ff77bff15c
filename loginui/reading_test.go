package loginui

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gatepost/gatepost/internal/share"
)

// Bodies of all lengths, around each size at which the room for them grows, arrive as they were sent.
func TestBodiesArriveWholeAtEveryLength(t *testing.T) {
	sent := make([]byte, maxForm+1)
	for i := range sent {
		sent[i] = byte(i % 251) // no divisor of a piece's size, so that exchanged pieces differ
	}
	lengths := []int{0, 1, maxForm - 1, maxForm, maxForm + 1}
	for full := firstRead; full < maxForm; full += pieceSize {
		lengths = append(lengths, full-1, full, full+1)
	}
	for _, n := range lengths {
		for name, body := range map[string]io.Reader{
			"at once": bytes.NewReader(sent[:n]), "in halves": iotest.HalfReader(bytes.NewReader(sent[:n])),
			"with its end": iotest.DataErrReader(bytes.NewReader(sent[:n])),
		} {
			got, err := aReading().all(body, maxForm)
			switch {
			case n > maxForm && err != errFormSize:
				t.Errorf("%d bytes %s: %v", n, name, err)
			case n <= maxForm && (err != nil || !bytes.Equal(got, sent[:n])):
				t.Errorf("%d bytes %s: %d differ or are missing, %v", n, name, len(got), err)
			}
		}
	}
}

// Forms that end early leave little to collect, however many there are: their room is used again.
func TestHalfReadFormsUseTheirRoomAgain(t *testing.T) {
	const forms, half = 400, maxForm - maxForm/16
	sent, broken := strings.Repeat("x", half), errors.New("the client left")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range forms {
		body := io.MultiReader(strings.NewReader(sent), iotest.ErrReader(broken))
		if _, err := aReading().all(body, maxForm); err != broken {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / forms; each > half/2 {
		t.Errorf("a form of %d bytes that ended early allocated %d bytes", half, each)
	}
}

// aReading has room for all.
func aReading() *reading {
	w := httptest.NewRecorder()
	ui := &UI{forms: share.New(formsMost)}
	return ui.newReading(w, httptest.NewRequest(http.MethodPost, "/login", nil))
}
