// Package api speaks the protocol of Better Auth's client below /api/auth/, so that front ends written for that
// library keep working. Each endpoint is a line in one table (table.go), of which the routes and the OpenAPI document
// are made. It calls the methods of package auth that the pages call, and differs from Better Auth where those are
// stricter: docs/better-auth-client.md lists each difference.
//
// It decides nothing about an account, and writes no page. An answer never holds the secret of a session: the field
// token is the session's public id.
package api

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Base is the prefix of all endpoints. Nothing below it reaches the app while the gate serves it.
const Base = "/api/auth"

// DocumentPath is where the OpenAPI document is.
const DocumentPath = "/.gatepost/openapi.json"

// Config holds what the protocol needs. All fields are required unless they say otherwise.
type Config struct {
	// PublicURL is the origin whose pages may change anything.
	PublicURL *url.URL
	// Origins are other origins of the site, whose pages may change as much. Empty: none.
	Origins []*url.URL
	// Cookie is the session cookie.
	Cookie session.Cookie
	// AppName is the site's name in authenticator apps.
	AppName string
	// Mail says that the gate can send mail. Confirm offers to confirm addresses.
	Mail, Confirm bool
	// PasswordsOff refuses what takes a password.
	PasswordsOff bool
	// UsernamesChosen is whether users choose their usernames.
	UsernamesChosen bool
	// Pages are the deeds that the pages do in the same way.
	Pages Pages
	// Log receives the causes of faults.
	Log *slog.Logger
}

// Pages are functions of package loginui, which mounts this one: what a browser gets besides an answer, and the limits
// that the protocol shares with the pages.
type Pages struct {
	// Enter admits a request, unless its client's network has too much under way.
	Enter func(*http.Request) (leave func(), err error)
	// Receive reads a body. It fails with ErrTooLarge, ErrTooSlow, ErrCutOff, share.ErrBusy or share.ErrCrowded.
	Receive func(http.ResponseWriter, *http.Request) ([]byte, error)
	// Client describes the sender of a request.
	Client func(*http.Request) secret.Client
	// LocalPath returns a path of this site as it may stand in a header, and "" for anything else.
	LocalPath func(string) string
	// Arrived returns the request as it is with a session of the gate's, if it has one of the system before.
	Arrived func(http.ResponseWriter, *http.Request) (*http.Request, error)
	// Before returns the id of the user whose session the browser sent, for SignedIn.
	Before func(*http.Request) string
	// SignedIn and SignedOut set what a browser keeps after it. Renewed sets the cookies of a session that replaces one
	// of the same user.
	SignedIn  func(w http.ResponseWriter, r *http.Request, before string, issued auth.Issued)
	SignedOut func(http.ResponseWriter, *http.Request)
	Renewed   func(http.ResponseWriter, auth.Issued)
	// Known sets the cookie by which a browser is known, whoever is signed in.
	Known func(w http.ResponseWriter, browser secret.Token)
	// LogoutURL returns where a browser goes on to sign out at a provider; nil for nowhere.
	LogoutURL func(*http.Request, secret.Token) *url.URL
	// Leaving sets the cookie of a sign-in at a provider.
	Leaving func(http.ResponseWriter, *http.Request, auth.Begun)
	// StepURL returns the page of the second step of a sign-in, which leads on to next.
	StepURL func(next string) string
	// ConfirmURL returns the page that a link to confirm an address opens, which leads on to next.
	ConfirmURL func(link secret.Token, next string) string
	// Error shows a browser that something went wrong elsewhere.
	Error http.HandlerFunc
	// LinkRefused shows a browser that has opened a mailed link why it leads nowhere. It reports false for anybody else,
	// and has answered nothing then.
	LinkRefused func(w http.ResponseWriter, r *http.Request, status int, err error) bool
}

// API is the protocol on a store.
type API struct {
	c      Config
	store  *auth.Store
	routes map[string]map[string]*endpoint // by path and method
	// count is told of each answer. It is nil until Count is called.
	count    func(endpoint string, status int)
	document func() ([]byte, error)
}

// New makes the routes. The store may be nil as long as no request is answered.
func New(c Config, store *auth.Store) *API {
	a := &API{c: c, store: store, routes: map[string]map[string]*endpoint{}}
	for i := range table {
		e := &table[i]
		if e.elsewhere {
			continue
		}
		path, _, _ := strings.Cut(e.path, "{")
		if a.routes[Base+path] == nil {
			a.routes[Base+path] = map[string]*endpoint{}
		}
		a.routes[Base+path][e.method] = e
	}
	a.document = sync.OnceValues(func() ([]byte, error) { return writeDocument(table, c) })
	return a
}

// Count has a function told of each answer, by the name of its endpoint. Call it before the first request.
func (a *API) Count(f func(endpoint string, status int)) { a.count = f }

// Document is the OpenAPI document, as JSON. It is made when it is first asked for.
func (a *API) Document() ([]byte, error) { return a.document() }

// Owns reports whether a raw path is that of an endpoint, in its exact spelling.
func (a *API) Owns(rawPath string) bool {
	methods, _ := a.find(rawPath)
	return methods != nil
}

// find returns the endpoints of a path by method, and the value of the parameter that ends the path.
func (a *API) find(rawPath string) (methods map[string]*endpoint, param string) {
	if methods, ok := a.routes[rawPath]; ok && !strings.HasSuffix(rawPath, "/") {
		return methods, ""
	}
	i := strings.LastIndexByte(rawPath, '/') + 1
	if methods = a.routes[rawPath[:i]]; methods == nil || !plainSegment.MatchString(rawPath[i:]) { // that takes longer
		return nil, ""
	}
	return methods, rawPath[i:]
}

// plainSegment is a segment of a path that has no other spelling.
var plainSegment = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Shown is how a log may show a raw path: the secret of a link, which one endpoint has in its path, is cut off. It errs
// on the side of cutting too much, as a path in another spelling may hold one too.
func Shown(rawPath string) string {
	const before = "/reset-password/"
	if i := strings.Index(strings.ToLower(rawPath), before); i >= 0 {
		return rawPath[:i+len(before)] + "…"
	}
	return rawPath
}

// NotFound is the protocol's answer to whatever it does not serve: no body, and no type of one.
func NotFound(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusNotFound)
}

// Serve answers a request whose path Owns has approved. It returns the error that was answered, if any.
func (a *API) Serve(w http.ResponseWriter, r *http.Request) error {
	methods, param := a.find(r.URL.EscapedPath())
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	e := methods[method]
	if e == nil {
		NotFound(w)
		return nil
	}
	c := &call{ResponseWriter: w, r: r, a: a, e: e, param: param}
	err := a.answer(c)
	if err != nil {
		c.refuse(err)
	}
	if a.count != nil {
		a.count(e.name, c.status)
	}
	return err
}

// answer carries a call out. The body is read before the client takes a place among those who wait for an answer.
func (a *API) answer(c *call) error {
	if err := c.begin(); err != nil {
		return err
	}
	leave, err := a.c.Pages.Enter(c.r)
	if err != nil {
		return err
	}
	defer leave()
	if c.e.method == http.MethodPost || c.e.begins { // a deed is one of the new session
		if c.r, err = a.c.Pages.Arrived(c, c.r); err != nil {
			return err
		}
	}
	out, err := c.e.do(a, c)
	if err != nil || c.status != 0 {
		return err
	}
	return c.write(http.StatusOK, out)
}
