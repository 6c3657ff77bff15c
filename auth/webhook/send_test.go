package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/webhook"
)

// people makes users, each in a transaction.
func (a *app) people(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		a.exec(t, fmt.Sprintf(`INSERT INTO gatepost."user" (id, email) VALUES ('%d', '%[1]d@example.com')`, i))
	}
}

func TestAnEventIsToldOnceHoweverManyGatesTell(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	const events = 40
	a.people(t, events)
	ctx, stop := context.WithCancel(t.Context())
	all, done := make(chan struct{}), make(chan struct{}, 3)
	a.fault = func(webhook.Event) error {
		if len(a.told) == events-1 {
			close(all)
		}
		return nil
	}
	for range 3 {
		gate := webhook.NewOutbox(newDB(t, a.db.Pages), webhook.Options{Send: a.send, Log: slog.New(slog.DiscardHandler)})
		go func() { gate.Run(ctx); done <- struct{}{} }()
	}
	<-all
	stop()
	for range 3 {
		<-done
	}
	ids := map[string]bool{}
	for _, e := range a.told {
		ids[e.ID] = true
	}
	if len(a.told) != events || len(ids) != events || a.count(t, "done_at IS NULL") != 0 {
		t.Errorf("%d events told, %d different ones, of %d", len(a.told), len(ids), events)
	}
}

// A gate that ends between sending and writing that down leaves the event to another, which sends the same once more.
// While the first may be at work nobody else is.
func TestAnEventOutlivesTheGateThatTookIt(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.people(t, 1)
	var lost webhook.Event
	dies := func(_ context.Context, e webhook.Event) error { lost = e; runtime.Goexit(); return nil }
	var ended sync.WaitGroup
	ended.Go(func() { _, _ = webhook.NewOutbox(a.db, webhook.Options{Send: dies}).SendNext(t.Context()) })
	ended.Wait()
	if told := a.collect(t); lost.ID == "" || len(told) != 0 {
		t.Fatalf("%v was taken, and %v told beside it", lost, told)
	}
	if n := a.count(t, `due_at BETWEEN now() + interval '16 s' AND now() + interval '60 s'`); n != 1 {
		t.Error("it is not kept for as long as an attempt takes")
	}
	a.dueNow(t)
	if told := a.collect(t); len(told) != 1 || told[0].ID != lost.ID || string(told[0].Data) != string(lost.Data) ||
		!told[0].At.Equal(lost.At) {
		t.Errorf("sent again: %v, was %v", told, lost)
	}
}

func TestAnEventThatFailedIsTriedAgainAndThenGivenUp(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	a := newApp(t, func(o *webhook.Options) {
		o.Log, o.Metrics = slog.New(slog.NewTextHandler(&log, nil)), registry
	})
	a.people(t, 1)
	a.fault = func(webhook.Event) error { return errors.New("it answers with status 500") }
	last := 0
	for i := range 20 {
		a.tells(t)
		var wait int
		err := a.db.Pages.QueryRow(t.Context(), `
			SELECT extract(epoch FROM due_at - now())::int FROM gatepost.webhook_event`).Scan(&wait)
		full := min(10<<i, 8*3600)
		if err != nil || i < 19 && (wait > full || wait < full*3/4-1) {
			t.Errorf("after %d attempts it waits for %d s, want at most %d: %v", i+1, wait, full, err)
		}
		last += full
		a.dueNow(t)
	}
	if last < 2*24*3600 || last > 4*24*3600 {
		t.Errorf("it is tried for %d s", last)
	}
	a.fault = nil
	a.tells(t)
	if st, err := a.State(t.Context()); err != nil || st.GivenUp != 1 || st.Waiting != 0 {
		t.Errorf("%+v, %v", st, err)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 2 || !strings.Contains(log.String(), "is given up") {
		t.Errorf("of a receiver that fails there is one line, and one of the end: %s", log.String())
	}
	if got := counted(t, registry, "gatepost_webhooks_total"); got != 20 {
		t.Errorf("%v attempts are counted", got)
	}
	a.exec(t, insertAda)
	if told := a.collect(t); len(told) != 1 || !strings.Contains(log.String(), "webhooks are sent again") {
		t.Errorf("%v, and the log: %s", told, log.String())
	}
}

// What a receiver never wants is given up, and holds no other event up. What failed comes after what is new.
func TestABadEventHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.people(t, 3)
	a.fault = func(e webhook.Event) error {
		if strings.Contains(string(e.Data), "0@example.com") {
			return fmt.Errorf("no: %w", webhook.ErrGone)
		}
		return errors.New("later")
	}
	a.tells(t)
	a.tells(t)
	if n := a.count(t, `done_at IS NOT NULL AND failure LIKE 'no: %' AND attempts = 1`); n != 1 {
		t.Errorf("%d were refused for good", n)
	}
	a.exec(t, `UPDATE gatepost.webhook_event SET due_at = now() - interval '1 day'`)
	a.exec(t, insertAda)
	a.fault = nil
	if sent, err := a.SendNext(t.Context()); !sent || err != nil || !strings.Contains(string(a.told[0].Data), "ada") {
		t.Errorf("first goes %v, %v", a.told, err)
	}
	if told := a.collect(t); len(told) != 3 {
		t.Errorf("told %v", told)
	}
}

// A gate that ends lets another go on at once.
func TestAGateThatEndsGivesItsEventBack(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.people(t, 1)
	a.fault = func(webhook.Event) error { return context.Canceled }
	a.tells(t)
	a.fault = nil
	if told := a.collect(t); len(told) != 1 {
		t.Errorf("told %v", told)
	}
}

// An event that took the slot of one that is being sent is not taken for sent.
func TestAnEventThatTakesTheSlotOfAnotherIsTold(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.exec(t, `ALTER SEQUENCE gatepost.webhook_slot MAXVALUE 2`)
	for _, fault := range []error{nil, errors.New("later"), webhook.ErrGone} {
		a.exec(t, insertAda)
		a.fault = func(e webhook.Event) error {
			if strings.Contains(string(e.Data), "Eva") {
				return nil
			}
			a.exec(t, `SELECT nextval('gatepost.webhook_slot')`, `UPDATE gatepost."user" SET name = 'Eva'`)
			return fault
		}
		if _, err := a.SendNext(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.told = nil
		a.tells(t, `user.updated {changed:[name],email:ada@example.com,id:ada,name:Eva,roles:[user]}`)
		a.fault = nil
		a.exec(t, `DELETE FROM gatepost."user"`)
		a.collect(t)
	}
}

func TestEventsAreReplayed(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.people(t, 3)
	sent := a.collect(t)
	a.fault = func(webhook.Event) error { return webhook.ErrGone }
	a.exec(t, insertAda)
	a.tells(t)
	a.fault = nil
	if list, err := a.List(t.Context(), "failed", 10); err != nil || len(list) != 1 || list[0].Attempts != 1 ||
		list[0].Type != "user.created" || !strings.Contains(list[0].Failure, "410") {
		t.Errorf("failed: %v, %v", list, err)
	}
	found, err := a.Replay(t.Context(), []string{sent[1].ID, "msg_none"})
	if err != nil || len(found) != 1 || found[0] != sent[1].ID {
		t.Errorf("found %v, %v", found, err)
	}
	if again := a.collect(t); len(again) != 1 || again[0].ID != sent[1].ID || !again[0].At.Equal(sent[1].At) {
		t.Errorf("sent again: %v", again)
	}
	if found, err := a.ReplayFailed(t.Context(), sent[0].At); err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
	a.tells(t, `user.created {email:ada@example.com,id:ada,roles:[user]}`)
	if list, err := a.List(t.Context(), "", 3); err != nil || len(list) != 3 || list[0].State != "sent" {
		t.Errorf("all: %v, %v", list, err)
	}
}

// What was told stays for a while, and what was not for longer.
func TestWhatIsOldIsSwept(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.people(t, 6)
	for i, set := range []string{
		`done_at = now() - interval '73 hours'`,
		`done_at = now() - interval '71 hours'`,
		`done_at = now() - interval '337 hours', failure = 'x'`,
		`done_at = now() - interval '335 hours', failure = 'x'`,
		`expires_at = now() - interval '1 s'`,
		`done_at = 'infinity'`,
	} {
		a.exec(t, fmt.Sprintf(`UPDATE gatepost.webhook_event SET %s WHERE slot = %d`, set, i+1))
	}
	if n, err := a.Sweep(t.Context()); n != 4 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if n := a.count(t, `slot IN (2, 4, 5)`); n != 3 || a.count(t, `slot = 5 AND failure IS NOT NULL`) != 1 ||
		a.count(t, "true") != 3 {
		t.Errorf("%d of three are left", n)
	}
}

// counted is the sum of a counter over its labels.
func counted(t *testing.T, r *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
