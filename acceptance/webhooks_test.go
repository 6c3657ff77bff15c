package acceptance_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/webhook"
	"github.com/gatepost/gatepost/internal/smtp/postoffice"
)

// receiver is the part of an app that is told.
type receiver struct {
	url, secret string
	mu          sync.Mutex
	status      int // it answers
	told        []toldEvent
	forged      []string      // what was not signed
	hangs       chan struct{} // nil: it does not
}

// toldEvent is what was posted.
type toldEvent struct {
	Type, ID, raw string
	Data          struct {
		ID, Email, UserID, Reason string
		EmailVerified             bool
		Changed                   []string
	}
	header http.Header
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{secret: webhook.NewSecret(), status: http.StatusNoContent}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL + "/hooks/gatepost"
	return r
}

// settings are those of a gate that tells the receiver.
func (r *receiver) settings(env ...string) []string {
	return append(env, "GATEPOST_WEBHOOK_URL="+r.url, "GATEPOST_WEBHOOK_SECRET="+r.secret)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	hangs := r.hangs
	defer r.mu.Unlock()
	if hangs != nil {
		r.mu.Unlock()
		<-hangs
		r.mu.Lock()
	}
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp"), body)
	if req.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		r.forged = append(r.forged, string(body))
	}
	e := toldEvent{raw: string(body), header: req.Header}
	if json.Unmarshal(body, &e) != nil || e.ID != req.Header.Get("webhook-id") {
		r.forged = append(r.forged, string(body))
	}
	r.told = append(r.told, e)
	w.WriteHeader(r.status)
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// all are the events of a type so far.
func (r *receiver) all(kind string) (list []toldEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.told {
		if kind == "" || e.Type == kind {
			list = append(list, e)
		}
	}
	return list
}

// next waits for the event of a type that holds, and returns it.
func (r *receiver) next(t *testing.T, kind string, holds func(toldEvent) bool) (found toldEvent) {
	t.Helper()
	eventually(t, "the app is told "+kind, func() bool {
		for _, e := range r.all(kind) {
			if holds == nil || holds(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// The app is told of each deed once, by whichever gate, and of what is done by SQL. What it is told is signed, and has
// no secret in it.
func TestTheAppIsTold(t *testing.T) {
	t.Parallel()
	r, url := newReceiver(t), authtest.NewDatabase(t)
	env := r.settings("DATABASE_URL="+url, "GATEPOST_UPSTREAM="+newApp(t).url)
	here, there := startGate(t, env...), startGate(t, env...)
	untilAsked(t, url)
	v := here.visitor(t)
	v.signUp("ada@example.com")
	made := r.next(t, "user.created", nil)
	if made.Data.Email != "ada@example.com" || made.Data.EmailVerified || made.Data.ID == "" {
		t.Errorf("told %s", made.raw)
	}
	token := v.cookie().Value
	v.post("/logout")
	if e := r.next(t, "session.ended", nil); e.Data.UserID != made.Data.ID || e.Data.Reason != "signed-out" {
		t.Errorf("told %s", e.raw)
	}
	w := there.visitor(t)
	if reply := w.post("/login", "email", "ada@example.com", "password", password); reply.status != 303 {
		t.Fatal(reply.status)
	}
	if reply := w.post("/account/name", "name", "Ada L."); reply.status != 303 {
		t.Fatalf("%d %s", reply.status, reply.body)
	}
	r.next(t, "user.updated", func(e toldEvent) bool { return fmt.Sprint(e.Data.Changed) == "[name]" })
	sqlOn(t, url, `UPDATE gatepost."user" SET role = 'admin'`)
	r.next(t, "user.updated", func(e toldEvent) bool { return fmt.Sprint(e.Data.Changed) == "[roles]" })
	if reply := w.post("/account/delete", "password", password); reply.status != 200 {
		t.Fatalf("%d %s", reply.status, reply.body)
	}
	r.next(t, "user.deleted", func(e toldEvent) bool { return e.Data.ID == made.Data.ID })
	r.next(t, "session.ended", func(e toldEvent) bool { return e.Data.Reason == "revoked" })
	ids := map[string]bool{}
	for _, e := range r.all("") {
		ids[e.ID] = true
		for _, secret := range []string{"argon2", token, w.cookie().Value, r.secret, strings.TrimPrefix(r.secret, "whsec_"),
			password, "token", "hash"} {
			if secret != "" && strings.Contains(e.raw+fmt.Sprint(e.header), secret) {
				t.Errorf("%q is in %s %v", secret, e.raw, e.header)
			}
		}
	}
	if n := len(r.all("")); n != len(ids) || n != 6 || len(r.forged) > 0 {
		t.Errorf("%d events of %d ids; not signed: %s", n, len(ids), r.forged)
	}
	for _, g := range []*running{here, there} {
		if log := g.log.String(); strings.Contains(log, r.secret[len("whsec_"):]) || strings.Contains(log, "level=ERROR") {
			t.Errorf("the log says %s", log)
		}
	}
}

// untilAsked waits until a gate has asked for events: from then on they are written.
func untilAsked(t *testing.T, url string) {
	t.Helper()
	eventually(t, "a gate asks for events", func() bool {
		return sqlText(t, url, `SELECT count(*)::text FROM gatepost.webhook_wanted`) == "1"
	})
}

// A receiver that hangs holds up no page, no mail, and not the readiness of the gate.
func TestAReceiverThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r, url, office := newReceiver(t), authtest.NewDatabase(t), postoffice.New(t, nil, nil)
	r.hangs = make(chan struct{})
	end := sync.OnceFunc(func() { close(r.hangs) })
	defer end()
	g := startGate(t, r.settings("DATABASE_URL="+url, "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_SMTP_URL="+office.URL, "GATEPOST_MAIL_FROM=gate@example.com")...)
	untilAsked(t, url)
	for i := range 8 {
		g.visitor(t).signUp(fmt.Sprintf("ada%d@example.com", i))
		office.Next(t, fmt.Sprintf("ada%d@example.com", i))
	}
	eventually(t, "all senders wait for the receiver", func() bool {
		return sqlText(t, url, `SELECT count(*)::text FROM gatepost.webhook_event WHERE attempts > 0`) == "4"
	})
	if res := g.visitor(t).post("/login", "email", "ada1@example.com", "password", password); res.status != 303 {
		t.Errorf("the login: %d", res.status)
	}
	if res, err := http.Get(g.ops + "/readyz"); err != nil || res.StatusCode != 200 {
		t.Errorf("readyz: %v, %v", res, err)
	}
	end()
	eventually(t, "all are told", func() bool { return len(r.all("user.created")) == 8 })
}

// An operator sees what failed, and has it sent again, with the same id.
func TestAnOperatorReplaysWhatFailed(t *testing.T) {
	t.Parallel()
	r, url := newReceiver(t), authtest.NewDatabase(t)
	r.answers(http.StatusGone)
	g := startGate(t, r.settings("DATABASE_URL="+url, "GATEPOST_UPSTREAM="+newApp(t).url)...)
	untilAsked(t, url)
	g.visitor(t).signUp("ada@example.com")
	failed := r.next(t, "user.created", nil)
	list := func(state, want string) {
		t.Helper()
		eventually(t, "it is "+state, func() bool {
			code, out, said := command(t, url, "webhook", "list", "--state", state, "--json")
			if code != 0 {
				t.Fatal(said)
			}
			return strings.Contains(out, want)
		})
	}
	list("failed", `"id": "`+failed.ID+`"`)
	r.answers(http.StatusOK)
	if code, out, said := command(t, url, "webhook", "replay", "--failed-since", "1h"); code != 0 ||
		!strings.Contains(out, "1 event to be sent again") || !strings.Contains(said, "replay-webhooks") {
		t.Errorf("%d %s %s", code, out, said)
	}
	eventually(t, "it is sent again", func() bool { return len(r.all("user.created")) == 2 })
	if again := r.all("user.created")[1]; again.raw != failed.raw {
		t.Errorf("sent %s, and before %s", again.raw, failed.raw)
	}
	list("sent", failed.ID)
	code, out, said := command(t, url, "webhook", "replay", failed.ID, "msg_none")
	if code != 1 || !strings.Contains(out, "1 event") || !strings.Contains(said, `no event "msg_none"`) {
		t.Errorf("%d %s %s", code, out, said)
	}
	eventually(t, "it is sent once more", func() bool { return len(r.all("user.created")) == 3 })
}

// The Python of docs/webhooks.md takes what the gate sends, and nothing else.
func TestTheReceiverOfTheDocs(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		missing(t, "needs Python")
	}
	var source string
	for _, b := range docBlocks(t, "docs/webhooks.md") {
		if b.lang == "python" {
			source = b.text
		}
	}
	r, url := newReceiver(t), authtest.NewDatabase(t)
	g := startGate(t, r.settings("DATABASE_URL="+url, "GATEPOST_UPSTREAM="+newApp(t).url)...)
	untilAsked(t, url)
	g.visitor(t).signUp("ada@example.com")
	e := r.next(t, "user.created", nil)
	takes := func(header http.Header, body string) (string, error) {
		heads := map[string]string{}
		for name := range header {
			heads[strings.ToLower(name)] = header.Get(name)
		}
		b, _ := json.Marshal(heads)
		source := source + "\nimport sys\nprint(event(sys.stdin.buffer.read(), json.loads(sys.argv[1]))['type'])"
		cmd := exec.Command(python, "-c", source, string(b))
		cmd.Env, cmd.Stdin = []string{"GATEPOST_WEBHOOK_SECRET=" + r.secret}, strings.NewReader(body)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := takes(e.header, e.raw); err != nil || out != "user.created\n" {
		t.Errorf("it does not take what the gate sends: %v %s", err, out)
	}
	if out, err := takes(e.header, strings.Replace(e.raw, "ada@", "eve@", 1)); err == nil {
		t.Errorf("it takes another body: %s", out)
	}
	for name, value := range map[string]string{"webhook-id": "msg_2", "webhook-timestamp": "1700000000",
		"webhook-signature": "v1,AAAA"} {
		header := e.header.Clone()
		header.Set(name, value)
		if out, err := takes(header, e.raw); err == nil {
			t.Errorf("it takes another %s: %s", name, out)
		}
	}
}

// sqlText is the one text that a statement selects.
func sqlText(t *testing.T, url, sql string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}
