package webhook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/webhook"
)

// What is done by hand is told like what the gate does.
func TestWhatSQLDoesIsTold(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	const ada = `{email:ada@example.com,id:ada,roles:[user]}`
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{insertAda, []string{`user.created ` + ada}},
		{`UPDATE gatepost."user" SET updated_at = now(), name = name`, nil},
		{`UPDATE gatepost."user" SET name = 'Ada', role = 'admin,, user,admin,not a role'`,
			[]string{`user.updated {changed:[name,roles],email:ada@example.com,id:ada,name:Ada,roles:[admin,user]}`}},
		{`UPDATE gatepost."user" SET role = 'user , admin'`, nil},
		{`UPDATE gatepost."user" SET email = 'a@example.com', email_verified = true, name = '', username = 'ada',
			image = 'https://example.com/a.png', role = 'user'`,
			[]string{`user.updated {changed:[email,emailVerified,image,name,roles,username],email:a@example.com,` +
				`emailVerified:true,id:ada,image:https://example.com/a.png,roles:[user],username:ada}`}},
		{insertSession, nil},
		{`UPDATE gatepost.session SET last_used_at = now(), expires_at = expires_at + interval '1 hour',
			token = 'another hash'`, nil},
		{`UPDATE gatepost."user" SET disabled_at = now(), username = NULL, image = NULL`, []string{
			`session.ended {id:s,reason:user-disabled,userId:ada}`,
			`user.updated {changed:[disabled,image,username],disabled:true,email:a@example.com,emailVerified:true,id:ada,` +
				`roles:[user]}`}},
		{`UPDATE gatepost."user" SET disabled_at = now() + interval '1 s'`, nil},
		{`UPDATE gatepost."user" SET disabled_at = NULL, email = 'ada@example.com', email_verified = false`, []string{
			`user.updated {changed:[disabled,email,emailVerified],email:ada@example.com,id:ada,roles:[user]}`}},
		{insertSession, nil},
		{`DELETE FROM gatepost.session`, []string{`session.ended {id:s,userId:ada}`}},
		{insertSession, nil},
		{`UPDATE gatepost.session SET expires_at = now() - interval '1 s'`, nil},
		{`DELETE FROM gatepost.session`, []string{`session.ended {id:s,reason:expired,userId:ada}`}},
		{`DELETE FROM gatepost.username_taken`, nil},
		{`UPDATE gatepost."user" SET id = 'eva'`, []string{`user.deleted ` + ada,
			`user.created {email:ada@example.com,id:eva,roles:[user]}`}},
		{`UPDATE gatepost."user" SET id = 'ada'`, []string{`user.deleted {email:ada@example.com,id:eva,roles:[user]}`,
			`user.created ` + ada}},
		{insertSession, nil},
		{`DELETE FROM gatepost."user"`, []string{`session.ended {id:s,reason:user-deleted,userId:ada}`,
			`user.deleted ` + ada}},
	} {
		a.exec(t, c.sql)
		t.Log(c.sql)
		a.tells(t, c.want...)
	}
}

// A deed that is taken back is not told, and neither is what a transaction asks not to be.
func TestWhatIsNotToBeToldIsNot(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.exec(t, insertAda, `SET LOCAL gatepost.webhooks = 'off'`, `UPDATE gatepost."user" SET name = 'Ada'`, insertSession,
		`DELETE FROM gatepost.session`)
	a.tells(t, `user.created {email:ada@example.com,id:ada,roles:[user]}`)
	_, _ = a.db.Pages.Exec(t.Context(), `UPDATE gatepost."user" SET name = (1 / (length(name) - 3))::text`)
	a.tells(t)
	a.exec(t, `UPDATE gatepost."user" SET name = 'Eva'`)
	if told := a.collect(t); len(told) != 1 {
		t.Errorf("the next transaction tells %v", told)
	}
}

// Nothing is written where no gate asks. A gate without an address has the others stop once none of them asks any more,
// and not before.
func TestNothingIsWrittenWhereNobodyAsks(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	without := webhook.NewOutbox(a.db, webhook.Options{})
	users := 0
	writes := func(when string, want int) {
		t.Helper()
		users++
		a.exec(t, fmt.Sprintf(`INSERT INTO gatepost."user" (id, email) VALUES ('%d', '%[1]d@example.com')`, users))
		if n := a.count(t, "true"); n != want {
			t.Errorf("%s: %d events, want %d", when, n, want)
		}
		a.exec(t, `DELETE FROM gatepost.webhook_event`)
	}
	sweep := func(o *webhook.Outbox) {
		t.Helper()
		if _, err := o.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	writes("asked", 1)
	sweep(without)
	writes("beside a gate that does not ask", 1)
	a.exec(t, `UPDATE gatepost.webhook_wanted SET renewed_at = now() - interval '6 minutes'`)
	sweep(a.Outbox)
	writes("while all gates are down", 1)
	a.exec(t, `UPDATE gatepost.webhook_wanted SET renewed_at = now() - interval '8 days'`)
	writes("after a week without a gate", 0)
	a.renew(t)
	writes("once more", 1)
	for _, odd := range []string{`now() - interval '6 minutes'`, `'infinity'`, `'-infinity'`} {
		a.exec(t, `UPDATE gatepost.webhook_wanted SET renewed_at = `+odd)
		sweep(without)
		writes("after the setting was removed: "+odd, 0)
		a.renew(t)
	}
}

// Of a transaction that makes many events the first are told, and that there were more. The next is like any other.
func TestABulkOfRowsIsNoBulkOfEvents(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.exec(t, `INSERT INTO gatepost."user" (id, email) SELECT n, n || '@example.com' FROM generate_series(1, 5000) n`)
	created := a.count(t, `type = 'user.created'`)
	skipped := a.count(t, `type = 'events.skipped' AND data = '{"after": 1000}'`)
	if created != 1000 || skipped != 1 || a.count(t, `true`) != 1001 {
		t.Errorf("%d made, and %d say that there were more", created, skipped)
	}
	a.exec(t, `DELETE FROM gatepost.webhook_event`, insertAda)
	a.tells(t, `user.created {email:ada@example.com,id:ada,roles:[user]}`)
}

// The table has a bound: the newest events take the places of the oldest, and what is lost by that is counted.
func TestTheTableHasABound(t *testing.T) {
	t.Parallel()
	var most int64
	a := newApp(t)
	err := a.db.Pages.QueryRow(t.Context(),
		`SELECT seqmax FROM pg_sequence WHERE seqrelid = 'gatepost.webhook_slot'::regclass AND seqcycle`).Scan(&most)
	if err != nil || most != 20000 {
		t.Errorf("%d events at most: %v", most, err)
	}
	a.exec(t, `ALTER SEQUENCE gatepost.webhook_slot MAXVALUE 5`)
	for i := range 12 {
		a.exec(t, fmt.Sprintf(`INSERT INTO gatepost."user" (id, email) VALUES ('%d', '%[1]d@example.com')`, i))
	}
	if n := a.count(t, "true"); n != 5 {
		t.Errorf("%d rows", n)
	}
	if n := a.count(t, "lost = 1"); n != 3 {
		t.Errorf("%d rows have lost one", n)
	}
	var want []string
	for _, i := range []int{7, 8, 9, 10, 11} {
		want = append(want, fmt.Sprintf(`user.created {email:%d@example.com,id:%[1]d,roles:[user]}`, i))
	}
	a.tells(t, want...)
	a.exec(t, insertAda)
	if n := a.count(t, "lost = 0"); n != 5 {
		t.Errorf("what was sent is lost: %d", n)
	}
}

// No value of a row makes a deed fail, and none makes an event that is as long.
func TestOddValuesMakeNoDeedFail(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.exec(t, insertAda)
	for _, set := range []string{`name = repeat('x', 1000000)`, `role = repeat('x,', 400)`, `role = ''`,
		`image = repeat('é', 1000000)`, `disabled_at = 'infinity'`, `name = E'\\u0000"\n'`} {
		a.exec(t, `UPDATE gatepost."user" SET `+set)
	}
	a.exec(t, `SET LOCAL gatepost.webhook_told = 'many'`, `UPDATE gatepost."user" SET name = 'Ada'`)
	if n := a.count(t, `octet_length(data::text) > 10000`); n > 0 {
		t.Errorf("%d long events", n)
	}
	if told := a.collect(t); len(told) < 6 {
		t.Errorf("only %d events", len(told))
	}
}

// Each field that the app sees makes an event by itself.
func TestEachFieldIsTold(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.exec(t, insertAda)
	a.collect(t)
	for set, field := range map[string]string{`email = 'a@example.com'`: "email", `email_verified = true`: "emailVerified",
		`name = 'Ada'`: "name", `username = 'ada'`: "username", `image = 'https://example.com/a.png'`: "image",
		`role = 'admin'`: "roles", `disabled_at = now()`: "disabled"} {
		a.exec(t, `UPDATE gatepost."user" SET `+set)
		told := a.collect(t)
		if len(told) != 1 || !strings.Contains(string(told[0].Data), `"changed": ["`+field+`"]`) {
			t.Errorf("%s tells %v", set, told)
		}
	}
}
