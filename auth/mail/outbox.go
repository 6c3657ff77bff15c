package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/upkeep"
)

const (
	// outboxEvery is how often the outbox is checked for mail of other gates and for mail to retry.
	outboxEvery = 5 * time.Second
	// outboxSenders is how many mails a Store sends at once.
	outboxSenders = 8
	// sendTimeout bounds one attempt to send a mail. A server may take long over a mail, and a client that does not
	// wait for its answer sends the mail twice (RFC 5321, section 4.5.3.2.6).
	sendTimeout = 3 * time.Minute
	// sendGrace is how long an attempt may continue after the context has ended.
	sendGrace = 10 * time.Second
	// sendLease is how long a mail that is being sent is reserved for its sender. After that the sender is taken
	// for dead.
	sendLease = sendTimeout + time.Minute
	// The wait before a retry doubles from retryFirst to retryMost.
	retryFirst = 30 * time.Second
	retryMost  = time.Hour
)

// Options tunes an Outbox. The zero value of each field means the default.
type Options struct {
	// Send sends a mail, or fails; after ErrRefused it is not retried. Send may be called concurrently, and again
	// for the same mail if the outcome is unknown. Nil: there is no mail, and posted mail is dropped.
	Send func(context.Context, Mail) error
	// Log receives failures to send. Default: slog.Default().
	Log *slog.Logger
	// Watch receives panics in the background. Zero: slog.Default() does.
	Watch upkeep.Watch
	// Metrics registers the Outbox's counters. Nil: they are not exported.
	Metrics prometheus.Registerer
}

// Outbox sends posted mail. Any number of them on one database share the work; one at a time takes a mail. It is
// safe for concurrent use.
type Outbox struct {
	db      *database.DB
	o       Options
	counted *prometheus.CounterVec
	kicked  chan struct{}
	failing atomic.Bool // and it was said
}

// NewOutbox returns an Outbox, which sends while Run runs.
func NewOutbox(db *database.DB, o Options) *Outbox {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	box := &Outbox{db: db, o: o, counted: newCounter(), kicked: make(chan struct{}, outboxSenders)}
	if o.Metrics != nil && o.Send != nil {
		box.register(o.Metrics)
	}
	return box
}

// Sends reports whether mail can be sent: Options.Send is set.
func (o *Outbox) Sends() bool { return o.o.Send != nil }

// Post puts mail into the outbox, in the transaction of its event. Without Options.Send it does nothing.
func (o *Outbox) Post(ctx context.Context, tx pgx.Tx, letters ...Letter) error {
	if !o.Sends() {
		return nil
	}
	for _, l := range letters {
		facts, err := json.Marshal(l.Facts) // here: behind a pooler pgx cannot ask what PostgreSQL wants
		if err != nil {
			return fmt.Errorf("write down a mail's facts: %w", err)
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO gatepost.outbox (id, kind, user_id, email, language, facts, expires_at)
			SELECT $1, $2, nullif($3, ''), m.email, $5, $6::jsonb, now() + $7::interval
			FROM (SELECT coalesce(nullif($4, ''), (SELECT email FROM gatepost."user" WHERE id = $3)) AS email) m
			WHERE m.email IS NULL OR m.email NOT LIKE '%@`+secret.ServiceDomain+`'`, // where nobody reads it
			secret.NewID(), l.Kind, l.UserID, l.To, l.Language, string(facts), mailKept)
		if err != nil {
			return err
		}
	}
	return nil
}

// Kick has a sender check the outbox at once.
func (o *Outbox) Kick() {
	select {
	case o.kicked <- struct{}{}:
	default: // enough will look
	}
}

// Run sends mail until the context ends. Without Options.Send it returns at once.
func (o *Outbox) Run(ctx context.Context) {
	if !o.Sends() {
		return
	}
	var senders sync.WaitGroup
	for range outboxSenders {
		senders.Go(func() { o.o.Watch.Run(ctx, "send mail", o.send) })
	}
	senders.Wait()
}

// send sends the mail that is due. After a failure it waits, as the next mail would probably fail too. A refusal
// concerns one mail only.
func (o *Outbox) send(ctx context.Context) {
	for ctx.Err() == nil {
		if sent, err := o.SendNext(ctx); sent {
			continue
		} else if err != nil && ctx.Err() == nil {
			o.o.Log.DebugContext(ctx, "the outbox was not read", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-o.kicked:
		case <-time.After(outboxEvery - secret.Chance(outboxEvery/2)):
		}
	}
}

// outgoing is a mail that this Outbox has taken to send.
type outgoing struct {
	Mail
	userID   string
	attempts int
	link     Link // what the mail's is for; none: no purpose
}

// SendNext sends the mail that is due next, if any, and reports whether to look for more at once.
func (o *Outbox) SendNext(ctx context.Context) (bool, error) {
	m, ok, err := o.take(ctx)
	if err != nil || !ok {
		return false, err
	}
	err = o.attempt(ctx, m)
	// The result is written even if the context has ended, so that a sent mail is not sent again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), database.Timeout)
	defer cancel()
	return err == nil || errors.Is(err, ErrRefused), o.conclude(ctx, m, err)
}

// attempt sends a mail. It does not stop at once when ctx ends, because the server may already have the mail.
func (o *Outbox) attempt(ctx context.Context, m outgoing) error {
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, o.o.Watch.Guard("end an attempt to send",
		func() { time.AfterFunc(sendGrace, cancel) }))
	defer stop()
	return o.o.Send(sending, m.Mail)
}

// readerName selects Mail.Name. The name in an account that was made by somebody else may be theirs.
const readerName = `coalesce((SELECT name FROM gatepost."user" u WHERE u.id = o.user_id AND u.email = o.email
    AND u.email_verified AND o.kind <> 'taken'), '')`

// take finds a mail that is due, reserves it, and makes its link. It drops a mail with a link if the user has
// another address now or is disabled.
func (o *Outbox) take(ctx context.Context) (m outgoing, ok bool, err error) {
	err = pgx.BeginFunc(ctx, o.db.Work, func(tx pgx.Tx) error {
		var fits bool
		var facts string
		err := tx.QueryRow(ctx, `
			UPDATE gatepost.outbox o SET attempts = least(greatest(attempts,
			    0), 1000000) + 1, due_at = now() + $1::interval
			WHERE id = (SELECT id FROM gatepost.outbox WHERE due_at <= now() AND expires_at > now()
			            ORDER BY attempts > 0, due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
			RETURNING id, kind, coalesce(user_id, ''), email, language, facts::text,
			    attempts, `+database.Readable("created_at")+`, `+readerName+`,
			    kind NOT IN ('verify', 'reset', 'change')
			    OR EXISTS (SELECT FROM gatepost."user" u WHERE u.id = o.user_id AND u.disabled_at IS NULL
			        AND (u.email = o.email OR kind = 'change'))`,
			sendLease).Scan(&m.ID, &m.Kind, &m.userID, &m.To, &m.Language, &facts, &m.attempts, &m.At, &m.Name,
			&fits)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if !fits {
			_, err := tx.Exec(ctx, `DELETE FROM gatepost.outbox WHERE id = $1`, m.ID)
			return err
		}
		if alone, err := keepUser(ctx, tx, m.userID); err != nil || !alone {
			return errors.Join(err, later(ctx, tx, m.ID))
		}
		m.Facts = ReadFacts(facts)
		if p := m.Kind.Purpose(); p != "" {
			m.link = Link{Purpose: p, Email: m.To, Role: m.Role, UserID: m.userID, Mailed: true, Claims: m.Claims}
			m.Link, err = m.link.make(ctx, tx, &m.At)
		}
		ok = err == nil
		return err
	})
	return m, ok && err == nil, err
}

// keepUser keeps a user from being deleted while the link of a mail is made. It does not wait for locks; a
// transaction that deletes the user waits for the mail.
func keepUser(ctx context.Context, tx pgx.Tx, userID string) (kept bool, err error) {
	if userID == "" {
		return true, nil
	}
	tag, err := tx.Exec(ctx, `SELECT FROM gatepost."user" WHERE id = $1 FOR KEY SHARE SKIP LOCKED`, userID)
	return tag.RowsAffected() > 0, err
}

// later puts a mail back for the next check.
func later(ctx context.Context, tx pgx.Tx, id string) error {
	_, err := tx.Exec(ctx, `UPDATE gatepost.outbox SET attempts = attempts - 1, due_at = now() + interval '1 second'
	    WHERE id = $1`, id)
	return err
}

// conclude writes the result of sending a mail.
func (o *Outbox) conclude(ctx context.Context, m outgoing, failure error) error {
	if failure == nil {
		if o.failing.Swap(false) {
			o.o.Log.InfoContext(ctx, "mail is sent again")
		}
		err := o.finish(ctx, m, "sent")
		if m.link.Purpose != "" {
			err = errors.Join(err, m.link.voidOlder(ctx, o.db.Work, m.Link))
		}
		return err
	}
	reason := strings.ReplaceAll(database.Storable(failure.Error()), m.To, "the recipient")
	if errors.Is(failure, ErrRefused) {
		o.o.Log.LogAttrs(ctx, slog.LevelWarn, "mail was refused and is not sent", o.about(m, reason)...)
		return o.finish(ctx, m, "refused")
	}
	o.counted.WithLabelValues(string(m.Kind), "failed").Inc()
	level := slog.LevelDebug
	if !errors.Is(failure, context.Canceled) && !o.failing.Swap(true) {
		level = slog.LevelWarn
	}
	o.o.Log.LogAttrs(ctx, level, "mail was not sent and is tried again", o.about(m, reason)...)
	wait := min(retryFirst<<min(max(m.attempts-1, 0), 20), retryMost)
	if errors.Is(failure, context.Canceled) { // this gate ends, and another continues
		wait = 0
	}
	_, err := o.db.Work.Exec(ctx, `
		UPDATE gatepost.outbox SET due_at = now() + $2::interval, failure = $3 WHERE id = $1`, m.ID, wait, reason)
	return err
}

func (o *Outbox) about(m outgoing, reason string) []slog.Attr {
	return []slog.Attr{slog.String("kind", string(m.Kind)), slog.String("user", m.userID),
		slog.Int("attempts", m.attempts), slog.String("err", reason)}
}

func (o *Outbox) finish(ctx context.Context, m outgoing, result string) error {
	o.counted.WithLabelValues(string(m.Kind), result).Inc()
	_, err := o.db.Work.Exec(ctx, `DELETE FROM gatepost.outbox WHERE id = $1`, m.ID)
	return err
}

// Sweep gives up mail that could not be sent for too long, deletes expired links, and returns the number of both.
func (o *Outbox) Sweep(ctx context.Context) (int64, error) {
	given, err := o.giveUp(ctx)
	if err != nil {
		return given, err
	}
	links, err := o.db.Sweep(ctx, `verification WHERE expires_at < now() ORDER BY expires_at`)
	return given + links, err
}

func (o *Outbox) giveUp(ctx context.Context) (int64, error) {
	rows, err := o.db.Work.Query(ctx, `
		DELETE FROM gatepost.outbox WHERE ctid = ANY (ARRAY(
		    SELECT ctid FROM gatepost.outbox WHERE expires_at < now() FOR UPDATE SKIP LOCKED))
		RETURNING kind`)
	if err != nil {
		return 0, o.db.Unavailable("give up mail", err)
	}
	kinds, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, o.db.Unavailable("give up mail", err)
	}
	for _, kind := range kinds {
		o.counted.WithLabelValues(kind, "given_up").Inc()
	}
	if len(kinds) > 0 {
		o.o.Log.WarnContext(ctx, "mail could not be sent for too long and is given up", "mails",
			len(kinds), "after", mailKept)
	}
	return int64(len(kinds)), nil
}

// State is the state of the mail to be sent.
type State struct {
	Waiting int    // mails not sent yet
	Failed  int    // those of Waiting that were tried and failed
	Failure string // the latest failure, in the mail server's words; no secret
}

// State returns the state of the mail to be sent. It fails with database.ErrUnavailable.
func (o *Outbox) State(ctx context.Context) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, database.Timeout)
	defer cancel()
	var st State
	err := o.db.Retry(ctx, o.db.Work, func() error {
		return o.db.Work.QueryRow(ctx, `
			SELECT count(*), count(failure),
			       coalesce((SELECT left(failure, 500) FROM gatepost.outbox WHERE failure IS NOT NULL
			           ORDER BY due_at DESC LIMIT 1), '')
			FROM gatepost.outbox WHERE expires_at > now()`).Scan(&st.Waiting, &st.Failed, &st.Failure)
	})
	if err != nil {
		return State{}, o.db.Unavailable("read the outbox", err)
	}
	return st, nil
}
