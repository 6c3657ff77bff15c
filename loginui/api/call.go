package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// call is one request to an endpoint, and its answer.
type call struct {
	http.ResponseWriter
	r      *http.Request
	a      *API
	e      *endpoint
	param  string // the end of the path, where the endpoint has a parameter there
	body   []byte
	status int // of the answer; 0 before it
}

// WriteHeader notes the status, which is counted.
func (c *call) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController set deadlines.
func (c *call) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *call) context() context.Context { return c.r.Context() }

// token returns the session that the browser presents; empty: none that can be valid.
func (c *call) token() secret.Token {
	t, _ := c.a.c.Cookie.Read(c.r.Header)
	return t
}

func (c *call) client() secret.Client { return c.a.c.Pages.Client(c.r) }

// describe returns the session of the caller. It fails with session.ErrNoSession.
func (c *call) describe() (session.Session, error) {
	v, err := c.a.store.Describe(c.context(), c.token())
	if errors.Is(err, session.ErrNoSession) {
		return c.describeImported()
	}
	return v, err
}

// describeImported returns the session of the system before, if the browser has one and none of ours. Such a session is
// as old as its proof.
func (c *call) describeImported() (v session.Session, err error) {
	if v, err = c.a.store.LookupImported(c.context(), c.asking(), c.imported()); err != nil {
		return v, err
	}
	roles := v.User.Roles
	if v.User, err = c.a.store.UserByID(c.context(), v.User.ID); err != nil {
		return v, session.ErrNoSession // they were deleted a moment ago
	}
	v.User.Roles, v.CreatedAt, v.UpdatedAt = roles, v.Proof.At, v.Proof.At
	return v, nil
}

// imported returns the session of the system before that the browser presents. What another site causes presents none:
// the old cookie may go with it.
func (c *call) imported() session.Imported {
	from := c.r.Header.Values("Origin")
	if slices.Contains(c.r.Header.Values("Sec-Fetch-Site"), "cross-site") ||
		slices.ContainsFunc(from, func(origin string) bool { return !c.a.own(origin) }) {
		return session.Imported{}
	}
	return c.a.store.Imported(c.r.Header, c.a.c.Cookie)
}

func (c *call) asking() session.Asking { return session.Asking{Client: c.client().Addr} }

// account returns what the caller may see of themselves. It fails with session.ErrNoSession.
func (c *call) account() (session.Account, error) {
	own, err := c.a.store.Account(c.context(), c.token())
	if errors.Is(err, session.ErrNoSession) {
		return c.a.store.AccountImported(c.context(), c.asking(), c.imported())
	}
	return own, err
}

// begin checks where a request comes from and reads its body, in the order in which it costs more.
func (c *call) begin() error {
	if c.e.method == http.MethodGet {
		return nil
	}
	if err := c.a.checkOrigin(c.r); err != nil {
		return err
	}
	if err := checkType(c.r); err != nil {
		return err
	}
	body, err := c.a.c.Pages.Receive(c.ResponseWriter, c.r)
	c.body = body
	return err
}

// checkType refuses bodies that are not JSON. A page of another site can have a browser send those of forms.
func checkType(r *http.Request) error {
	kind := r.Header.Get("Content-Type")
	if kind == "" && r.ContentLength == 0 {
		return nil
	}
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
		return errType
	}
	return nil
}

// write answers with JSON.
func (c *call) write(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := c.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.WriteHeader(status)
	_, _ = c.Write(body) // on error the client has left
	return nil
}

// redirect sends a browser to another address.
func (c *call) redirect(to string) {
	c.Header().Set("Location", to)
	c.WriteHeader(http.StatusFound)
}

func (c *call) logFault(status int, err error) {
	c.a.c.Log.LogAttrs(c.context(), slog.LevelError, "page failed",
		slog.String("request_id", c.r.Header.Get("X-Request-Id")), slog.String("path", Base+c.e.path),
		slog.Int("status", status), slog.String("err", err.Error()))
}
