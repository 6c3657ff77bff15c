package database

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/puddle/v2"
)

// below are the errors without a type of their own that come from PostgreSQL, the driver, the network or a deadline, or
// from this room.
var below = []error{
	pgx.ErrNoRows, pgx.ErrTooManyRows, pgx.ErrTxClosed, pgx.ErrTxCommitRollback, puddle.ErrClosedPool,
	io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, os.ErrDeadlineExceeded, context.Canceled, context.DeadlineExceeded,
	errOutage, errClosed, ErrFault,
}

// ErrFault is a mistake in a program, ours or a driver's, and not PostgreSQL's.
var ErrFault = errors.New("panic")

// fromBelow says whether PostgreSQL, the driver, the network or a deadline had a part in an error. Whatever else a
// transaction fails with was said by who runs it.
func fromBelow(err error) bool {
	for _, kind := range below {
		if errors.Is(err, kind) {
			return true
		}
	}
	var network net.Error
	var system syscall.Errno
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &network) || errors.As(err, &system) || errors.As(err, &alert) || errors.As(err, &record) ||
		errors.As(err, &certificate) || errors.As(err, &authority) || errors.As(err, &syntax) ||
		errors.As(err, &kind) ||
		fromDriver(err)
}

// fromDriver says whether an error has a type of pgx or of one of its parts, exported or not, in its chain.
func fromDriver(err error) bool {
	if err == nil {
		return false
	}
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if strings.HasPrefix(t.PkgPath(), "github.com/jackc/") {
		return true
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return fromDriver(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, wrapped := range wrapper.Unwrap() {
			if fromDriver(wrapped) {
				return true
			}
		}
	}
	return false
}
