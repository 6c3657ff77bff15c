package importer_test

import (
	"errors"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// What was written before a report could not be is counted: the audit trail is told of it.
func TestAReportThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, betterAuthTables)
	w.old(t, `INSERT INTO "user" SELECT 'u' || i, '', 'u' || i || '@example.com', false FROM generate_series(1, 5) i`)
	var lines int
	counts, err := w.store.Import(t.Context(), w.betterAuth(), importer.Options{Report: func(importer.Line) error {
		if lines++; lines == 2 {
			return errFull
		}
		return nil
	}})
	if !errors.Is(err, errFull) || counts.Created != 5 || lines != 2 || len(w.users(t)) != 5 {
		t.Errorf("%+v, %v, %d lines, %d users", counts, err, lines, len(w.users(t)))
	}
}

var errFull = errors.New("no space left")
