package mail_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/mail"
)

func TestAMailThatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	var log bytes.Buffer
	o := newOffice(t, func(o *mail.Options) {
		o.Metrics, o.Log = registry, slog.New(slog.NewTextHandler(&log, nil))
	})
	o.invite(t, 2)
	o.fault = func(m mail.Mail) error { return fmt.Errorf("451 4.7.1 <%s> try later", m.To) }
	var waits []string
	for range 9 {
		o.none(t)
		var wait int
		err := o.db.Pages.QueryRow(t.Context(), `
			SELECT extract(epoch FROM due_at - now())::int FROM gatepost.outbox WHERE attempts > 0`).Scan(&wait)
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, fmt.Sprint(wait))
		o.exec(t, `UPDATE gatepost.outbox SET due_at = CASE WHEN attempts > 0 THEN now() ELSE now() + '1 day' END`)
	}
	if got := strings.Join(waits, " "); got != "30 60 120 240 480 960 1920 3600 3600" {
		t.Errorf("it waits for %s seconds", got)
	}
	st, err := o.State(t.Context())
	if err != nil || st.Waiting != 2 || st.Failed != 1 || st.Failure != "451 4.7.1 <the recipient> try later" {
		t.Errorf("the outbox says %+v, %v", st, err)
	}
	warnings := slices.DeleteFunc(strings.Split(log.String(), "\n"),
		func(line string) bool { return !strings.Contains(line, "level=WARN") })
	if len(warnings) != 1 || strings.Contains(warnings[0], "guest0@") {
		t.Errorf("of one failing server, with no address in it, one warning: %q", warnings)
	}
	o.fault = nil
	o.dueNow(t)
	if sent := o.collect(t); len(sent) != 2 || !strings.Contains(log.String(), "mail is sent again") {
		t.Errorf("sent %v, log: %s", sent, log.String())
	}
	if got := counted(t, registry, "gatepost_mails_total"); got != 11 { // 9 failed, 2 sent
		t.Errorf("%v attempts are counted", got)
	}
}

func TestARefusedMailIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := newOffice(t, func(o *mail.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	o.invite(t, 1)
	o.fault = func(m mail.Mail) error { return fmt.Errorf("%w: 550 no such user %s", mail.ErrRefused, m.To) }
	o.none(t)
	if o.left(t) != 0 || !strings.Contains(log.String(), "550 no such user the recipient") {
		t.Errorf("%d left, and the log says %s", o.left(t), log.String())
	}
}

// What the server will never take holds nobody up, and neither does what it did not take before.
func TestBadMailHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.invite(t, 3)
	o.fault = func(m mail.Mail) error { return errors.New("451 later") }
	o.none(t)
	o.exec(t, `UPDATE gatepost.outbox SET due_at = now() - attempts * interval '1 minute'`) // it waits for longest
	o.post(t, mail.NewLetter(mail.Invite, "", "new@example.com", here))
	o.fault = func(m mail.Mail) error {
		if m.To == "guest0@example.com" {
			return mail.ErrRefused
		}
		return nil
	}
	if sent, err := o.SendNext(t.Context()); !sent || err != nil || o.sent[0].To == "guest0@example.com" {
		t.Errorf("first goes %v, %v", o.sent, err)
	}
	if sent := o.collect(t); len(sent) != 3 || o.left(t) != 0 {
		t.Errorf("sent %v, and %d are left", sent, o.left(t))
	}
}

func TestMailNobodyWantsAnyMoreIsGivenUp(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	o := newOffice(t, func(o *mail.Options) { o.Metrics = registry })
	o.invite(t, 2)
	o.exec(t, `UPDATE gatepost.outbox SET expires_at = now() - interval '1 second'`)
	o.none(t)
	if n, err := o.Sweep(t.Context()); n != 2 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if got := counted(t, registry, "gatepost_mails_total"); got != 2 {
		t.Errorf("%v mails are counted as given up", got)
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
