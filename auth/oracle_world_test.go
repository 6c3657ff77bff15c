package auth_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/loginui"
)

// What a stranger types. They read mail to mine only, and have an account there that is confirmed.
const (
	victim     = "ada@example.com"
	bystander  = "bob@example.com"
	mine       = "eve@evil.example"
	minePlus   = "mallory@evil.example"
	myGuest    = "guest@evil.example"
	myPassword = "a password of my own"
)

// world is a gate with its pages, seen by a stranger. Its time is the test's: each request takes a second of it, so
// that worlds that are looked at one after the other show the same times.
type world struct {
	db       *pgxpool.Pool
	store    *auth.Store
	pages    http.Handler
	work     *auth.Work
	office   *office
	hashes   map[secret.Password]string
	browsers [3]browser
	links    map[string]secret.Token // the latest to each address of the stranger's and for each purpose
}

// browser is what the stranger sits at: two in one network, and one in another.
type browser struct {
	address string
	cookies map[string]string
	form    string // which link the form shown last is about
}

// clockSQL lets a test say what time it is. The columns of the tables ask for it too.
const clockSQL = `
	CREATE SCHEMA clock;
	CREATE TABLE clock.face (at timestamptz NOT NULL);
	INSERT INTO clock.face VALUES ('2026-01-05 12:00Z');
	CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM clock.face';
	DO $$ DECLARE c record; BEGIN
	    FOR c IN SELECT table_name, column_name FROM information_schema.columns
	             WHERE table_schema = 'gatepost' AND column_default = 'now()' LOOP
	        EXECUTE format('ALTER TABLE gatepost.%I ALTER %I SET DEFAULT clock.now()', c.table_name, c.column_name);
	    END LOOP;
	END $$`

// clockedPool is a database of its own with such a clock.
func clockedPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	at := authtest.NewDatabase(t)
	exec(t, authtest.Pool(t, at), clockSQL)
	return authtest.Pool(t, at+"&search_path=clock,pg_catalog")
}

func newWorld(t *testing.T, db *pgxpool.Pool, change ...func(*auth.Options)) *world {
	t.Helper()
	w := &world{db: db, office: &office{}, hashes: map[secret.Password]string{}}
	o := auth.Options{Verify: auth.VerifyRequired, Send: w.office.send, NotifySignIns: true, SignUpLimit: 5,
		SignUpTotal: 8, UsernamesChosen: true, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&o)
	}
	w.store = auth.New(db, o)
	t.Cleanup(w.store.Close)
	w.work = auth.CountWork(w.store)
	ui, err := loginui.New(loginui.Config{PublicURL: &url.URL{Scheme: "http", Host: "localhost:8080"}, Home: "/home",
		AppName: "Test", PasswordMin: 8, Mail: true, Confirm: true, ConfirmFirst: o.Verify == auth.VerifyRequired,
		SignUpClosed: o.SignUpClosed, ByInvitation: o.SignUpClosed, UsernamesChosen: o.UsernamesChosen, Log: o.Log,
		Cookie: session.Cookie{Name: "gatepost_8080", MaxAge: 720 * time.Hour}}, w.store)
	if err != nil {
		t.Fatal(err)
	}
	w.pages = ui.Handler()
	return w
}

const emptySQL = `DELETE FROM gatepost."user"; DELETE FROM gatepost.outbox; DELETE FROM gatepost.verification;
	DELETE FROM gatepost.throttle; DELETE FROM gatepost.username_taken; UPDATE clock.face SET at = '2026-01-05 12:00Z'`

// begin empties the world, and makes it one where the victim's address is as prepare leaves it.
func (w *world) begin(t *testing.T, prepare func(*testing.T, *world)) {
	t.Helper()
	exec(t, w.db, emptySQL)
	w.create(t, mine, myPassword, true)
	prepare(t, w)
	w.letters(t.Context())
	forgetLimits(t, w.db)
	w.links = map[string]secret.Token{}
	for i, address := range []string{"192.0.2.7", "192.0.2.7", "198.51.100.9"} {
		w.browsers[i] = browser{address: address + ":4711", cookies: map[string]string{}}
	}
}

// create makes a user as CreateUser does. A password is hashed once in a world.
func (w *world) create(t *testing.T, email string, p secret.Password, confirmed bool) (id string) {
	t.Helper()
	hash, hashed := w.hashes[p]
	if hashed {
		id = rand.Text()
		exec(t, w.db, `INSERT INTO gatepost."user" (id, email, name, email_verified) VALUES ($1, $2, '', $3)`, id,
			email, confirmed)
		exec(t, w.db, `INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
			VALUES ($1, 'local:credential', 'credential', $2, $2, $3)`, rand.Text(), id, hash)
		return id
	}
	u, err := w.store.CreateUser(t.Context(), auth.NewUser{Email: email, Password: p})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, w.db, `UPDATE gatepost."user" SET email_verified = $2 WHERE id = $1`, u.ID, confirmed)
	err = w.db.QueryRow(t.Context(), `SELECT password FROM gatepost.account WHERE user_id = $1`, u.ID).Scan(&hash)
	if err != nil {
		t.Fatal(err)
	}
	w.hashes[p] = hash
	return u.ID
}

// letters sends what is due, keeps the links that the stranger is sent, and names the mails they would learn of.
func (w *world) letters(ctx context.Context) (learnt []string) {
	var waiting bool
	err := w.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost.outbox)`).Scan(&waiting)
	if err != nil {
		return []string{err.Error()}
	}
	for sent := waiting; sent; {
		if sent, err = auth.SendMail(w.store, ctx); err != nil {
			return []string{err.Error()}
		}
	}
	for _, m := range w.office.sent {
		if m.To == victim {
			continue // who typed an address knows that it may get mail
		}
		learnt = append(learnt, fmt.Sprintf("%s to %s about %q", m.Kind, m.To, m.Email))
		if m.Link != "" {
			w.links[m.To+" "+string(m.Kind)] = m.Link
		}
	}
	w.office.sent = nil
	slices.Sort(learnt)
	return learnt
}

// Of what the stranger sees, this is different each time and tells nothing.
var (
	formID  = regexp.MustCompile(`name="id" value="([0-9a-f]+)"`)
	chances = regexp.MustCompile(`name="id" value="[0-9a-f]+"|\b[A-Z2-7]{26}\b|\d{4}-\d\d-\d\dT[0-9:.]+Z`)
)

// ask sends a request from one of the browsers and returns all that can be seen of the answer.
func (w *world) ask(ctx context.Context, at int, method, target string, pairs ...string) string {
	b := &w.browsers[at]
	fields := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(fields.Encode()))
	r.Host, r.RemoteAddr = "localhost:8080", b.address
	r.Header.Set("Accept", "text/html")
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if err := w.tick(ctx, time.Second); err != nil {
		return err.Error()
	}
	hashes, steps := w.work.Hashes.Load(), w.work.Steps.Load()
	answer := httptest.NewRecorder()
	w.pages.ServeHTTP(answer, r)
	hashes, steps = w.work.Hashes.Load()-hashes, w.work.Steps.Load()-steps
	if found := formID.FindStringSubmatch(answer.Body.String()); found != nil {
		b.form = found[1]
	}
	return fmt.Sprintf("%s %s: %d, %d hashes, %d steps\n%s%s\nmail: %q", method, target, answer.Code, hashes, steps,
		b.take(answer.Result()),
		chances.ReplaceAllString(answer.Body.String(), "…"), w.letters(ctx))
}

// tick lets time pass.
func (w *world) tick(ctx context.Context, d time.Duration) error {
	_, err := w.db.Exec(ctx, `UPDATE clock.face SET at = at + $1::interval`, d)
	return err
}

// take keeps the cookies of an answer, and returns its headers without their values.
func (b *browser) take(answer *http.Response) string {
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	var lines []string
	for name, values := range answer.Header {
		for _, v := range values {
			if pair, attributes, _ := strings.Cut(v, ";"); name == "Set-Cookie" && !strings.HasSuffix(pair, "=") {
				pair, _, _ = strings.Cut(pair, "=")
				v = pair + "=…;" + attributes
			}
			lines = append(lines, name+": "+v+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// outcome is the first line of what was seen.
func outcome(seen string) string {
	line, _, _ := strings.Cut(seen, "\n")
	return line
}
