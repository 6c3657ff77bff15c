package session

import (
	"strconv"
	"testing"
)

// One query is for a bounded number of sessions, and for all that goes on in them.
func TestABatchIsOfSessions(t *testing.T) {
	t.Parallel()
	for sessions, want := range map[int]int{1: 3 * holdsBatch, holdsBatch: 3 * holdsBatch, 3 * holdsBatch: holdsBatch} {
		var list []*Hold
		for i := range 3 * holdsBatch {
			list = append(list, &Hold{session: strconv.Itoa(i % sessions)})
		}
		if got := batchOf(list); got != want {
			t.Errorf("%d sessions: %d holds, want %d", sessions, got, want)
		}
	}
	if got := batchOf([]*Hold{{session: "1"}, {session: "1", token: true}}); got != 2 {
		t.Errorf("a session and a token of the same id: %d", got)
	}
}
