package session_test

import (
	"maps"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/session"
)

func TestMain(m *testing.M) { authtest.Main(m) }

// Whatever Lookup reads is in the list of what decides, and the triggers of the database are those that the list makes:
// a new deciding column cannot be forgotten at one of the three places.
func TestWhatDecidesIsTold(t *testing.T) {
	t.Parallel()
	if read, listed := session.ReadByLookup(), session.Deciding(); !maps.Equal(read, listed) {
		t.Errorf("Lookup reads\n%v, and the list has\n%v", read, listed)
	}
	db := authtest.NewPool(t)
	for name, want := range session.Tellers() {
		var got string
		err := db.QueryRow(t.Context(),
			`SELECT prosrc FROM pg_proc WHERE proname = $1 AND pronamespace = 'gatepost'::regnamespace`,
			name).Scan(&got)
		if err != nil || got != want {
			t.Errorf("%s is\n%s\nand the list makes\n%s\n%v", name, got, want, err)
		}
	}
}
