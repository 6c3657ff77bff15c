package database

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// verdict is what an error of PostgreSQL means for the caller.
type verdict int

const (
	// broken: the database or this program is at fault, and a retry does not help. 500.
	broken verdict = iota
	// forbidden: a constraint, or a trigger of the operator's, refuses this one operation. 409.
	forbidden
	// passing: waiting helps, and PostgreSQL answers. 503.
	passing
	// away: waiting helps, and PostgreSQL does not answer. 503, and an outage.
	away
)

// verdicts maps SQLSTATEs to verdicts, by class, and by code where a code differs from its class (PostgreSQL 18,
// appendix A). Any class missing here was made up by a trigger of the operator's: forbidden.
var verdicts = map[string]verdict{
	"00": broken, // successful completion
	"01": broken, // warning
	"02": broken, // no data
	"03": broken, // statement not yet complete
	"08": away,   // connection exception
	"09": broken, // triggered action exception
	"0A": broken, // feature not supported
	"0B": broken, // invalid transaction initiation
	"0F": broken, // locator exception
	"0L": broken, // invalid grantor
	"0P": broken, // invalid role specification
	"0Z": broken, // diagnostics exception
	"10": broken, // XQuery error
	"20": broken, // case not found
	"21": broken, // cardinality violation
	"22": broken, // data exception
	// These three concern the text typed: a column that was made narrower, or an encoding that lacks a letter.
	"22001": forbidden, // string_data_right_truncation
	"22021": forbidden, // character_not_in_repertoire
	"22P05": forbidden, // untranslatable_character
	"23":    forbidden, // integrity constraint violation
	"24":    broken,    // invalid cursor state
	"25":    broken,    // invalid transaction state
	"25006": passing,   // read_only_sql_transaction: a standby, until the failover is over
	"25P03": passing,   // idle_in_transaction_session_timeout
	"25P04": passing,   // transaction_timeout
	"26":    broken,    // invalid SQL statement name: a pooler
	"27":    broken,    // triggered data change violation
	"28":    passing,   // invalid authorization specification: nobody is let in until the operator mends it
	"2B":    broken,    // dependent privilege descriptors still exist
	"2D":    broken,    // invalid transaction termination
	"2F":    broken,    // SQL routine exception
	"34":    broken,    // invalid cursor name
	"38":    broken,    // external routine exception
	"39":    broken,    // external routine invocation exception
	"3B":    broken,    // savepoint exception
	"3D":    passing,   // invalid catalog name: the database is being restored
	"3F":    broken,    // invalid schema name
	"40":    passing,   // transaction rollback
	"42":    broken,    // syntax error or access rule violation
	"44":    forbidden, // WITH CHECK OPTION violation
	"53":    passing,   // insufficient resources
	"54":    broken,    // program limit exceeded
	"55":    broken,    // object not in prerequisite state
	"55006": passing,   // object_in_use
	"55P03": passing,   // lock_not_available
	"57":    passing,   // operator intervention
	"57P01": away,      // admin_shutdown
	"57P02": away,      // crash_shutdown
	"57P03": away,      // cannot_connect_now
	"57P04": away,      // database_dropped
	"57P05": away,      // idle_session_timeout: the connection is gone
	"58":    passing,   // system error: a disk
	"72":    passing,   // snapshot failure
	"F0":    broken,    // configuration file error
	"HV":    broken,    // foreign data wrapper error
	"HV00N": passing,   // fdw_unable_to_establish_connection
	"P0":    broken,    // PL/pgSQL error
	"P0001": forbidden, // raise_exception
	"XX":    broken,    // internal error
}

// judgeCode returns the verdict on a SQLSTATE.
func judgeCode(code string) verdict {
	if v, ok := verdicts[code]; ok {
		return v
	}
	if v, ok := verdicts[code[:min(2, len(code))]]; ok {
		return v
	}
	return forbidden
}

// judge returns the verdict on the error of a statement.
func judge(err error) verdict {
	var refused *pgconn.PgError
	var connecting *pgconn.ConnectError
	switch {
	case errors.As(err, &refused) && errors.As(err, &connecting):
		return max(passing, judgeCode(refused.Code)) // connecting fails, whatever the statement
	case refused != nil:
		return judgeCode(refused.Code)
	case unreadable(err), errors.Is(err, ErrFault), errors.Is(err, pgx.ErrTooManyRows), errors.Is(err, pgx.ErrNoRows),
		errors.Is(err, pgx.ErrTxCommitRollback):
		return broken
	}
	if !fromBelow(err) {
		return broken
	}
	return away
}

// unreadable reports whether a row could not be read by this program.
func unreadable(err error) bool {
	var value pgx.ScanArgError
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &value) || errors.As(err, &syntax) || errors.As(err, &kind)
}

// ConnectionLost reports whether PostgreSQL could not be talked to, as opposed to an answer with an error.
func ConnectionLost(err error) bool { return err != nil && judge(err) == away }

// Full reports whether PostgreSQL, or the gate's role in it, has as many connections as allowed: SQLSTATE 53300.
func Full(err error) bool { return stateOf(err) == "53300" }

// Held reports whether an operation waited too long for what another transaction has locked: SQLSTATE 55P03.
func Held(err error) bool { return stateOf(err) == "55P03" }

// stateOf returns the SQLSTATE of an error; empty: it has none.
func stateOf(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}

// twice runs an operation that PostgreSQL rolls back as a whole on failure, and once more after a conflict: a
// deadlock, a serialization failure, or a user who was deleted meanwhile and is not found the second time.
func twice(ctx context.Context, run func() error) error {
	err := run()
	if ctx.Err() == nil && metOthers(err) {
		err = run()
	}
	return err
}

func metOthers(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	return pgErr.Code == "40P01" || pgErr.Code == "40001" || pgErr.Code == "23503" && pgErr.SchemaName == "gatepost"
}

// RefusedError means that PostgreSQL refused an operation and a retry does not help. Its text is for the operator:
// it names tables and constraints.
type RefusedError struct {
	// Rule reports whether a constraint or a trigger refused this one operation, such as a foreign key of the app's
	// to a user who is to be deleted. Otherwise the database or this program is at fault: a right or a table is
	// missing.
	Rule  bool
	doing string
	cause error
}

// Error returns one sentence with the cause and, where there is one, the remedy.
func (e *RefusedError) Error() string {
	var pgErr *pgconn.PgError
	if !errors.As(e.cause, &pgErr) {
		return fmt.Sprintf("%s: %v", e.doing, e.cause)
	}
	return fmt.Sprintf("%s: %s: %v", e.doing, why(pgErr), e.cause)
}

func (e *RefusedError) Unwrap() error { return e.cause }

// why returns the reason and the remedy.
func why(e *pgconn.PgError) string {
	table, rule := "a table", ""
	if e.TableName != "" {
		table = "the table " + strings.TrimPrefix(e.SchemaName+"."+e.TableName, ".")
	}
	if e.ConstraintName != "" {
		rule = fmt.Sprintf(" (constraint %s)", e.ConstraintName)
	}
	switch e.Code {
	case "23503", "23001":
		return fmt.Sprintf("%s still refers to this%s; delete its rows or point them elsewhere first, or give the "+
			"constraint ON DELETE CASCADE or ON DELETE SET NULL", table, rule)
	case "23505", "23P01":
		return fmt.Sprintf("another row of %s has this already%s", table, rule)
	case "42501":
		return "the database role lacks a right; `gatepost check` names it and the GRANT that gives it"
	case "42P01", "42703", "42883", "3F000":
		return "a table, column or function is missing; `gatepost check` names it, and `gatepost migrate` makes " +
			"what was never there"
	case "26000", "42P05":
		return "a pooler in between does not keep prepared statements apart; add default_query_exec_mode=exec to " +
			"DATABASE_URL"
	}
	switch {
	case judgeCode(e.Code) != forbidden:
		return "PostgreSQL refuses this"
	case e.Code[:2] == "23" && e.ConstraintName+e.ColumnName != "":
		return fmt.Sprintf("%s does not take this (%s)", table, cmp.Or(e.ConstraintName, e.ColumnName))
	case e.Code[:2] == "22":
		return "the database cannot hold this text; look at its columns' types and its encoding"
	}
	return "a trigger or a function of the database refuses this; it was not made by Gatepost"
}
