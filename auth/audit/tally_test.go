package audit_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/secret"
)

// The row of what is refused over and over may be there before all of it has happened: its count goes on.
func TestACountGoesOnAfterItsRow(t *testing.T) {
	t.Parallel()
	b := kept(t)
	for i := range 60 {
		b.refused(t, "sign-in", "bad_credentials", "", here)
		if i == 30 {
			b.Flush(t.Context())
		}
	}
	b.Close()
	if got := b.rows(t); got != "sign-in=bad_credentials×60" {
		t.Errorf("the table has %s", got)
	}
	if got := b.lines(); len(got) != 2 || strings.Contains(got[0], "repeats") ||
		!strings.Contains(got[1], "repeats=59") {
		t.Errorf("the log has %q", got)
	}
}

func TestRefusalsAreToldApartByKindNetworkAndUser(t *testing.T) {
	t.Parallel()
	b := kept(t)
	b.deed(t, "sign-up", "ada")
	for i := range 3 {
		there := secret.Client{Addr: netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", i+1))} // one network
		b.refused(t, "end-session", "no_session", "", here)
		b.refused(t, "end-session", "no_session", "", there)
		b.refused(t, "rename", "no_session", "", here)
		b.refused(t, "rename", "bad_input", "ada", here)
		b.refused(t, "rename", "bad_input", "bob", here)
	}
	b.Close()
	want := "end-session=no_session×3 end-session=no_session×3 rename=bad_input×3 rename=bad_input×3 " +
		"rename=no_session×3 sign-up=ok×1"
	if got := b.rows(t); got != want {
		t.Errorf("the table has %s, want %s", got, want)
	}
}

// What tells one refusal from another is in its details: causes are counted apart, a few of each kind. Whoever makes up
// more of them takes no room from other kinds.
func TestRefusalsAreToldApartByCause(t *testing.T) {
	t.Parallel()
	b := kept(t)
	fail := func(provider, cause string) {
		b.Note(t.Context(), audit.Event{Name: "sign-in", Result: "forged", Client: here,
			Details: audit.Details{{Name: "provider", Value: provider}, {Name: "cause", Value: cause}}})
	}
	for range 3 {
		fail("corp", "wrong nonce")
		fail("corp", "wrong audience")
		fail("other", "wrong nonce")
	}
	for i := range 2000 {
		fail("corp", fmt.Sprint("made up ", i))
	}
	b.refused(t, "rename", "no_session", "", here)
	b.Close()
	rows, err := b.db.Pages.Query(t.Context(), `
		SELECT coalesce(details ->> 'provider', '') || ' ' || coalesce(details ->> 'cause', event) || ' ' || count
		FROM gatepost.audit_event`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(got) != 12 {
		t.Errorf("%d rows, %v", len(got), err)
	}
	for _, want := range []string{"corp wrong nonce 3", "corp wrong audience 3", "other wrong nonce 3",
		"corp made up 0 1", " various 1993", " rename 1"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
}

func TestRefusalsFromManyNetworksAreAThousandRowsAndOne(t *testing.T) {
	t.Parallel()
	b := kept(t)
	for range 2 {
		for i := range 1500 {
			there := secret.Client{Addr: netip.MustParseAddr(fmt.Sprintf("198.51.%d.%d", i/256, i%256))}
			b.refused(t, "rename", "no_session", "", there)
		}
	}
	b.Close()
	var rows, sum, rest int
	err := b.db.Pages.QueryRow(t.Context(), `
		SELECT count(*), sum(count), max(count) FILTER (WHERE event = 'others')
		FROM gatepost.audit_event`).Scan(&rows, &sum, &rest)
	if err != nil || rows != 1001 || sum != 3000 || rest != 1000 {
		t.Errorf("%d rows of %d refusals, others %d, %v", rows, sum, rest, err)
	}
	if n := len(b.lines()); n != 2002 {
		t.Errorf("%d lines", n)
	}
}

// Nobody fills the table by what may be done without end either.
func TestWhatAUserDoesOverAndOverIsCounted(t *testing.T) {
	t.Parallel()
	b := kept(t)
	b.deed(t, "sign-up", "ada")
	for i := range 50 {
		there := secret.Client{Addr: netip.MustParseAddr(fmt.Sprintf("198.51.100.%d", i))}
		b.Note(t.Context(), audit.Event{Name: "rename", UserID: "ada", Client: there})
	}
	b.Close()
	want := strings.Repeat("rename=ok×1 ", 9) + "rename=ok×41 sign-up=ok×1"
	if got := b.rows(t); got != want {
		t.Errorf("the table has %s", got)
	}
	if n := len(b.lines()); n != 12 {
		t.Errorf("%d lines", n)
	}
}
