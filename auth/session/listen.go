package session

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// channel is where triggers announce what makes a copy of a session wrong: the id of a user, or everybody.
// probeChannel is where a gate sends messages to itself, to learn whether it hears.
const (
	channel      = "gatepost"
	probeChannel = "gatepost_probe"
	everybody    = "*"
)

const (
	// pingEvery is how often the listening connection is pinged.
	pingEvery = 250 * time.Millisecond
	// vouchFor is how long a ping counts, from when it was sent. Every notification sent before the ping arrives
	// before its answer, so no copy is used that has been wrong for longer than this.
	vouchFor = time.Second
	// tryEvery is how often the listener checks that notifications from the pool arrive.
	tryEvery = 5 * time.Second
	// probeWait is how long a message to itself may take. A message that never arrives was lost in a pooler.
	probeWait = 2 * time.Second
	// listenAgain bounds the pause before the next try. poolerAgain is that pause behind a pooler.
	listenAgain = time.Second
	poolerAgain = time.Minute
)

var (
	errPooler   = errors.New("LISTEN hears nothing on this connection, as behind a pooler in transaction mode")
	errDeaf     = errors.New("nothing is heard any more on this connection")
	errTriggers = errors.New("triggers that tell of revocations are disabled or gone")
)

// listener hears on a connection of its own what others change about sessions.
type listener struct {
	r       *Reader
	vouched atomic.Int64 // until when no change was missed, in nanoseconds since epoch
	epoch   time.Time
	probe   string // the message to itself that is on its way
	// triggers is the SQL that counts the announcing triggers, and all is how many there must be.
	triggers string
	all      int
	arrived  bool
}

func newListener(r *Reader) *listener {
	l := &listener{r: r, epoch: time.Now()}
	l.triggers, l.all = triggersThere()
	return l
}

// sure reports whether every change older than a second is known here. sureFor reports whether that holds for d
// longer.
func (l *listener) sure() bool { return l.sureFor(0) }
func (l *listener) sureFor(d time.Duration) bool {
	return int64(time.Since(l.epoch)+d) < l.vouched.Load()
}

// Listening reports whether revocations elsewhere are heard. While they are not, every request asks PostgreSQL.
func (r *Reader) Listening() bool { return r.listener.sure() }

func (l *listener) vouch(asked time.Time) { l.vouched.Store(int64(asked.Add(vouchFor).Sub(l.epoch))) }

// run listens until the context ends. While it cannot, sessions are looked up in PostgreSQL on every request.
func (l *listener) run(ctx context.Context) {
	said, pause := "", 50*time.Millisecond
	for ctx.Err() == nil {
		heard, err := l.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		if heard {
			said, pause = "", 50*time.Millisecond
		}
		if text := err.Error(); text != said {
			said = text
			l.complain(err)
		}
		if pause = min(2*pause, listenAgain); errors.Is(err, errPooler) {
			pause = poolerAgain
		}
		database.Wait(ctx, pause)
	}
}

func (l *listener) complain(err error) {
	switch {
	case errors.Is(err, errPooler):
		l.r.o.Log.Warn("sessions are not cached: set GATEPOST_DIRECT_DATABASE_URL to a connection that does not go "+
			"through the pooler", "err", err)
	case errors.Is(err, errTriggers):
		l.r.o.Log.Warn("sessions are not cached: enable the triggers of the schema gatepost again", "err", err)
	default:
		l.r.o.Log.Warn("sessions are not cached until PostgreSQL can be listened to again", "err", err)
	}
}

// listen serves one connection from its beginning to its end. heard reports whether it worked for a while.
func (l *listener) listen(ctx context.Context) (heard bool, err error) {
	conn, err := l.connect(ctx)
	if err != nil {
		return false, err
	}
	defer func() {
		l.vouched.Store(0)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel+"; LISTEN "+probeChannel); err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	if err := l.tryOut(ctx, conn, database.Timeout); err != nil {
		return false, err
	}
	l.r.Changed(everybody) // notifications from before LISTEN went unheard
	for tried := time.Now(); ; {
		asked := time.Now()
		if err := ping(ctx, conn); err != nil {
			return heard, err
		}
		l.vouch(asked)
		heard = true
		if time.Since(tried) > tryEvery {
			if err := l.tryAgain(ctx, conn); err != nil {
				return heard, err
			}
			tried = time.Now()
			continue // with a ping, as tryAgain may have taken its time
		}
		if err := hear(ctx, conn, pingEvery, nil); err != nil {
			return heard, err
		}
	}
}

// tryAgain checks a connection that has worked. A busy pool is no reason to give the connection up. If the message
// does not arrive, the next connection shows why.
func (l *listener) tryAgain(ctx context.Context, conn *pgx.Conn) error {
	err := l.tryOut(ctx, conn, pingEvery)
	switch {
	case errors.Is(err, errNotSent) && (database.ConnectionLost(err) || database.Full(err)):
		return nil
	case errors.Is(err, errPooler):
		return errDeaf
	}
	return err
}

func (l *listener) connect(ctx context.Context) (*pgx.Conn, error) {
	config := l.r.o.Listen
	if config == nil {
		config = l.r.db.Pages.Config().ConnConfig
	}
	config = config.Copy()
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { l.notified(n) }
	ctx, cancel := context.WithTimeout(ctx, database.Timeout)
	defer cancel()
	return pgx.ConnectConfig(ctx, config)
}

var errNotSent = errors.New("no message can be sent from the pool")

// tryOut sends a message from a connection of the pool while this connection is idle. A pooler would lose it then,
// and a message through another server does not arrive here. tryOut also checks that the triggers exist.
func (l *listener) tryOut(ctx context.Context, conn *pgx.Conn, patience time.Duration) error {
	l.probe, l.arrived = secret.NewID(), false
	sending, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var there int
	err := l.r.db.Path.QueryRow(sending, `SELECT (`+l.triggers+`) FROM pg_notify($1, $2)`,
		probeChannel, l.probe).Scan(&there)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	if there < l.all {
		return errTriggers
	}
	if err := hear(ctx, conn, probeWait, &l.arrived); err != nil {
		return err
	}
	if !l.arrived {
		return errPooler
	}
	return nil
}

// notified runs on the goroutine that reads the connection.
func (l *listener) notified(n *pgconn.Notification) {
	if n.Channel == probeChannel { // the messages of other gates arrive here too
		l.arrived = l.arrived || n.Payload == l.probe
		return
	}
	l.r.Changed(n.Payload)
}

// hear reads notifications for d, or until *enough is true. With a nil enough it reads for the whole time.
func hear(ctx context.Context, conn *pgx.Conn, d time.Duration, enough *bool) error {
	short, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for enough == nil || !*enough {
		err := conn.PgConn().WaitForNotification(short)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case short.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("listen: %w", err)
		}
	}
	return nil
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, vouchFor)
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return nil
}
