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

// below lists the errors without a type of their own that come from PostgreSQL, the driver, the network, a
// deadline, or this package.
var below = []error{
	pgx.ErrNoRows, pgx.ErrTooManyRows, pgx.ErrTxClosed, pgx.ErrTxCommitRollback, puddle.ErrClosedPool,
	io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, os.ErrDeadlineExceeded, context.Canceled, context.DeadlineExceeded,
	errOutage, errClosed, ErrFault,
}

// ErrFault means a panic in this program or the driver, not a fault of PostgreSQL.
var ErrFault = errors.New("panic")

// fromBelow reports whether PostgreSQL, the driver, the network or a deadline caused an error. Any other error of a
// transaction comes from its caller.
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

// fromDriver reports whether the chain of an error contains a type of pgx or of one of its parts, exported or not.
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
