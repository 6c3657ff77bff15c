package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The names of its cookies.
const version5, version4 = "authjs.session-token", "next-auth.session-token"

// Everybody moves in from the real Auth.js, whose sessions are in its database or in cookies alone.
func TestMoveInFromAuthJS(t *testing.T) {
	a := startAuthJS(t)
	app := httptest.NewServer(http.HandlerFunc(tellHeaders))
	t.Cleanup(app.Close)
	h := moveInto(t, "authjs", a.source, app.URL, freePort(t), "GATEPOST_IMPORT_AUTHJS_SECRET="+oldSecret).serve(t)
	guests := map[string]*guest{}
	for _, login := range []string{"ada", "bob", "eve", "large", "out"} { // with the ids 1 to 5
		guests[login] = a.byMail(t, login+"@example.com")
	}
	n, _ := h.bring(t)
	if want := (counts{Read: 5, Created: 5, Sessions: 5}); n != want {
		t.Fatalf("counts %+v, want %+v", n, want)
	}
	here := sql(t, h.database, `SELECT concat_ws(' ', id, email, email_verified) FROM gatepost."user" ORDER BY id`)
	if want := []string{"1 ada@example.com t", "2 bob@example.com t", "3 eve@example.com t", "4 large@example.com t",
		"5 out@example.com t"}; !slices.Equal(here, want) {
		t.Errorf("at the gate are %q, want %q", here, want)
	}
	if n, _ = h.bring(t); n != (counts{Read: 5, Unchanged: 5}) {
		t.Errorf("another run: %+v", n)
	}
	t.Run("sessions in its database", func(t *testing.T) { h.honourRows(t, guests) })
	t.Run("sessions in cookies", func(t *testing.T) { h.honourTickets(t, a) })
	t.Run("cookies that are none", func(t *testing.T) { h.refuseTickets(t, a) })
}

func (h *home) honourRows(t *testing.T, guests map[string]*guest) {
	old := guests["ada"].cookies()
	r := h.with(t, old)
	r.mustBeIn("1")
	r.mustArrive("1")
	r.read(303, "/logout", url.Values{})
	h.with(t, old).mustBeOut()

	bob := h.with(t, guests["bob"].cookies())
	bob.mustBeIn("2")
	left := guests["bob"].cookies() // as they were before the log-out
	guests["bob"].t = t
	guests["bob"].send("/auth/signout", url.Values{})
	if n, _ := h.bring(t); n != (counts{Read: 5, Unchanged: 5, Ended: 1}) {
		t.Errorf("after a log-out at Auth.js: %+v", n)
	}
	h.with(t, left).mustBeOut()
}

// honourTickets uses cookies that no database knows. Each counts once.
func (h *home) honourTickets(t *testing.T, a *authJS) {
	eve := ticket{Version: 5, Secret: oldSecret, Salt: version5, MaxAge: 3600, Token: map[string]string{"sub": "3"}}
	before := eve
	before.Version, before.Salt = 4, ""
	large := a.byName(t, "large@example.com").cookies()
	if parts := slices.DeleteFunc(slices.Clone(large), func(c *http.Cookie) bool {
		return !strings.HasPrefix(c.Name, version5+".")
	}); len(parts) < 2 {
		t.Fatalf("claims of 5 KiB come in one cookie: %v", large)
	}
	for name, one := range map[string]struct {
		id  string
		old []*http.Cookie
	}{
		"of a real sign-in":         {"3", a.byName(t, "eve@example.com").cookies()},
		"in parts":                  {"4", large},
		"as Auth.js makes them":     {"3", []*http.Cookie{{Name: version5, Value: a.encode(t, eve)}}},
		"as NextAuth 4 makes them":  {"3", []*http.Cookie{{Name: version4, Value: a.encode(t, before)}}},
		"of somebody else, as well": {"5", a.byName(t, "out@example.com").cookies()},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.with(t, one.old)
			r.mustBeIn(one.id)
			r.mustArrive(one.id)
			h.with(t, one.old).mustBeIn(one.id) // for a minute, for other tabs
			sql(t, h.database, `UPDATE gatepost.imported_session SET replaced_at = now() - interval '61 seconds'
			    WHERE replaced_at IS NOT NULL`)
			h.mustForget(t, one.old)
			r.mustBeIn(one.id)
		})
	}
	old := []*http.Cookie{{Name: version5, Value: a.encode(t, eve)}}
	r := h.with(t, old)
	r.read(303, "/logout", url.Values{}) // the first that the gate sees of it
	r.mustBeOut()
	h.with(t, old).mustBeOut()
}

// mustForget waits until no gate has in its memory that these cookies count.
func (h *home) mustForget(t *testing.T, old []*http.Cookie) {
	t.Helper()
	h.eventually(t, "the old cookie is dead", func() bool {
		res, _ := h.with(t, old).get("/dashboard", scripted)
		return res.StatusCode == 401
	})
}

func (h *home) refuseTickets(t *testing.T, a *authJS) {
	good := ticket{Version: 5, Secret: oldSecret, Salt: version5, MaxAge: 3600, Token: map[string]string{"sub": "3"}}
	with := func(change func(*ticket)) string {
		other := good
		change(&other)
		return a.encode(t, other)
	}
	parts := a.byName(t, "large@example.com").cookies()
	last := slices.IndexFunc(parts, func(c *http.Cookie) bool { return c.Name == version5+".1" })
	for name, old := range map[string][]*http.Cookie{
		"salted with another name": {{Name: version5, Value: with(func(o *ticket) { o.Salt = version4 })}},
		"under another name":       {{Name: version4, Value: with(func(*ticket) {})}},
		"of another secret":        {{Name: version5, Value: with(func(o *ticket) { o.Secret += "!" })}},
		"of another secret, before": {{Name: version4, Value: with(func(o *ticket) {
			o.Version, o.Salt, o.Secret = 4, "", oldSecret+"!"
		})}},
		"that has expired": {{Name: version5, Value: with(func(o *ticket) { o.MaxAge = -60 })}},
		"of nobody":        {{Name: version5, Value: with(func(o *ticket) { o.Token = map[string]string{"sub": "6"} })}},
		"without anybody": {{Name: version5, Value: with(func(o *ticket) {
			o.Token = map[string]string{"email": "eve@example.com"}
		})}},
		"with a part lost": slices.Delete(slices.Clone(parts), last, last+1),
		"cut short":        {{Name: version5, Value: with(func(*ticket) {})[:200]}},
		"for an https site": {{Name: "__Secure-" + version5, Value: with(func(o *ticket) {
			o.Salt = "__Secure-" + version5
		})}},
	} {
		t.Run(name, func(t *testing.T) { h.with(t, old).mustBeOut() })
	}
	t.Run("of somebody whom an operator has signed out", func(t *testing.T) {
		seen, unseen := with(func(*ticket) {}), with(func(*ticket) {})
		h.with(t, []*http.Cookie{{Name: version5, Value: seen}}).mustBeIn("3")
		h.must(t, "user", "sign-out", "eve@example.com")
		for _, value := range []string{seen, unseen} {
			h.mustForget(t, []*http.Cookie{{Name: version5, Value: value}})
		}
	})
}
