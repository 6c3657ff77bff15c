package auth_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/importer"
)

// What usernames are, and were, is so after a move to another gate: who has which, who chose it, and that nobody else
// gets one. A name that is not free there is left out, and its user comes.
func TestUsernamesMoveToAnotherGate(t *testing.T) {
	t.Parallel()
	from, old := authtest.NewStore(t, choosing)
	exec(t, old, `INSERT INTO gatepost."user" (id, email, username, username_chosen) VALUES
	    ('1', 'ada@example.com', 'ada', true), ('2', 'bob@example.com', 'admin', false),
	    ('3', 'eve@example.com', 'eve', true), ('4', 'joe@example.com', NULL, false)`)
	exec(t, old, `UPDATE gatepost."user" SET username = 'countess' WHERE id = '1'`)
	exec(t, old, `DELETE FROM gatepost."user" WHERE id = '3'`)
	file := filepath.Join(t.TempDir(), "users.ndjson")
	w, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	err = from.ExportAll(t.Context(), false, false, func(e importer.Exported) error {
		return json.NewEncoder(w).Encode(e)
	})
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	to, here := authtest.NewStore(t, choosing)
	bring := func(dry bool) (counts importer.Counts, kept []string) {
		counts, err := to.Import(t.Context(), importer.JSON{File: file}, importer.Options{DryRun: dry,
			Report: func(l importer.Line) error {
				if l.Field != "" {
					kept = append(kept, l.ID+" "+l.Field)
				}
				return nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		return counts, kept
	}
	for _, dry := range []bool{true, false} {
		if counts, kept := bring(dry); counts.Created != 3 || counts.Read != 3 || len(kept) > 0 {
			t.Errorf("got %+v, %q", counts, kept)
		}
	}
	for id, want := range map[string]string{"1": "countess true", "2": "admin false", "4": " false"} {
		u, err := to.UserByID(t.Context(), id)
		if got := fmt.Sprint(u.Username, " ", u.UsernameChosen); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", id, got, err, want)
		}
	}
	for name, id := range map[string]string{"eve": "", "ada": "1", "countess": "1", "admin": "2"} {
		if got := problem(t, to.SetUsername(t.Context(), "4", name)); got != auth.Taken {
			t.Errorf("%s: %q", name, got)
		}
		if id == "1" {
			if err := to.SetUsername(t.Context(), id, name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	exec(t, old, `UPDATE gatepost."user" SET username = 'joe', username_chosen = true WHERE id = '4'`)
	exec(t, old, `INSERT INTO gatepost."user" (id, email, username, username_chosen)
	    VALUES ('5', 'new@example.com', 'zoe', true)`)
	for _, name := range []string{"joe", "zoe"} {
		if err := byHand(t, here, name); err != nil {
			t.Fatal(err)
		}
	}
	w, err = os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	err = from.ExportAll(t.Context(), false, false, func(e importer.Exported) error {
		return json.NewEncoder(w).Encode(e)
	})
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, kept := bring(false)
		if !slices.Contains(kept, "5 username") || !slices.Contains(kept, "4 username") {
			t.Errorf("kept are %q", kept)
		}
	}
	if u, err := to.UserByID(t.Context(), "5"); err != nil || u.Username != "" {
		t.Errorf("got %q, %v", u.Username, err)
	}
}

// A name that users cannot choose does not come with them, unless an operator gave it.
func TestReservedUsernamesAreNotBrought(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "users.ndjson")
	err := os.WriteFile(file, []byte(`{"id":"1","email":"a@example.com","username":"Admin"}
		{"id":"2","email":"b@example.com","username":"root","username_given":true}
		{"id":"3","email":"c@example.com","username":"Not one"}
		{"id":"4","email":"d@example.com","usernames_taken":["ada"]}
		{"usernames_taken":["ada"]}`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := authtest.NewStore(t)
	counts, err := s.Import(t.Context(), importer.JSON{File: file}, importer.Options{})
	if err != nil || counts.Created != 3 || counts.Refused != 2 {
		t.Errorf("got %+v, %v", counts, err)
	}
	for id, want := range map[string]string{"1": "", "2": "root", "3": ""} {
		if u, err := s.UserByID(t.Context(), id); err != nil || u.Username != want {
			t.Errorf("%s: got %q, %v, want %q", id, u.Username, err, want)
		}
	}
}
