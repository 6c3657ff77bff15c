package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// refusal is an error of a room, with a type of its own.
type refusal struct{ RetryAfter time.Duration }

func (refusal) Error() string { return "come again later" }

// What whoever runs a transaction fails with is theirs, and neither an outage nor a fault of the database.
func TestWhatARoomSaysIsPassedBackAsItIs(t *testing.T) {
	t.Parallel()
	d := &DB{}
	plain := errors.New("nobody has this address")
	for _, err := range []error{plain, fmt.Errorf("sign in: %w", plain), errors.Join(plain, refusal{time.Second}),
		refusal{}, &refusal{}} {
		if got := d.Unavailable("sign in", err); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", err) ||
			ConnectionLost(err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if err := d.Unavailable("sign in", nil); err != nil {
		t.Errorf("success became %v", err)
	}
}

// Whatever PostgreSQL, the driver and the network do is told as such, however deep it lies.
func TestWhatComesFromBelowIsKnown(t *testing.T) {
	t.Parallel()
	_, refused := pgx.Connect(t.Context(), "postgres://user@127.0.0.1:1/db?connect_timeout=1")
	_, unparsed := pgx.ParseConfig("postgres://user@host:port/db")
	for _, err := range []error{
		&pgconn.PgError{Code: "57P01"}, refused, unparsed, pgx.ErrNoRows, pgx.ErrTxClosed,
		pgx.ScanArgError{Err: errors.New("no date")},
		io.ErrUnexpectedEOF, &net.OpError{Op: "read", Err: errors.New("reset")}, &net.DNSError{}, net.ErrClosed,
		context.DeadlineExceeded, context.Canceled, errOutage, errClosed, ErrFault,
	} {
		if !fromBelow(fmt.Errorf("find user: %w", errors.Join(errors.New("a word"), err))) {
			t.Errorf("%T (%v) passes as what a room said", err, err)
		}
	}
}
