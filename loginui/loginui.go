// Package loginui is what people see of the gate: login, signup, logout, the account page, and every refusal. It is
// the one place where an error becomes a status and words. It decides nothing about who may pass.
package loginui

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/share"
)

// Config is what the pages need. All fields are required unless they say otherwise.
type Config struct {
	// PublicURL is the origin people type. Forms are refused from any other.
	PublicURL *url.URL
	// Prefix is where the pages live: "" for /login, "/auth" for /auth/login.
	Prefix string
	// Home is the path where login lands when no page was asked for.
	Home string
	// AppName is the name shown.
	AppName string
	// SignUpClosed takes the signup page and the links to it away; ByInvitation says that some are invited.
	SignUpClosed, ByInvitation bool
	// Mail says that mail can be sent, and offers what needs it.
	Mail bool
	// Confirm says that people are to confirm their address, and offers it on the account page; ConfirmFirst that they cannot log
	// in before. Both take Mail.
	Confirm, ConfirmFirst bool
	// PasswordMin is the shortest password, for the hint beside the field.
	PasswordMin int
	// Cookie is the session cookie.
	Cookie session.Cookie
	// AppCookies end with the session, and when the account behind the browser changes. Empty: the app's own session
	// stays.
	AppCookies []AppCookie
	// Brand is how the pages look.
	Brand Brand
	// Log receives the causes of faults. Default: slog.Default().
	Log *slog.Logger
}

// UI is the set of pages.
type UI struct {
	c         Config
	store     *auth.Store
	languages languages
	pages     map[string]*template.Template
	letters   letterTemplates
	site      site
	policy    string // Content-Security-Policy
	routes    map[string]methods
	free      map[string]bool // paths that cost nothing, and are always served
	origin    *http.CrossOriginProtection
	forms     *share.Pool // those that are being read, in bytes
	admission *share.Admission
}

// atOnce is how many of our pages are answered at once. Most of that time they wait: for a turn to hash, for the next
// step of a refusal.
const atOnce = 1024

// methods are the handlers of one path, by method. HEAD is served as GET.
type methods map[string]page

// page answers a request, or returns the error that Refuse turns into an answer.
type page func(http.ResponseWriter, *http.Request) error

// New parses the templates and messages. Where some are the operator's it renders every page, so that what is broken is an
// error at start, which names the file and the line. The store may be nil for that alone.
func New(c Config, store *auth.Store) (*UI, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	ui := &UI{c: c, store: store, origin: http.NewCrossOriginProtection(), forms: share.New(formsMost),
		admission: share.NewAdmission(atOnce)}
	if err := ui.origin.AddTrustedOrigin(c.PublicURL.Scheme + "://" + c.PublicURL.Host); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	var err1, err2 error
	ui.languages, err1 = loadLanguages(c.Brand.Overrides, c.Brand.Languages, func(what string) { c.Log.Warn(what) })
	ui.pages, ui.letters, err2 = parsePages(c.Brand.Overrides)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if err := ui.addRoutes(); err != nil {
		return nil, err
	}
	if c.Brand.Overrides == nil {
		return ui, nil // ours are tried by a test
	}
	return ui, ui.rehearse()
}

func (ui *UI) addRoutes() error {
	account := ui.c.Prefix + "/account"
	ui.routes = map[string]methods{
		ui.c.Prefix + "/login":           {"GET": ui.getLogin, "POST": ui.postLogin},
		ui.c.Prefix + "/signup":          {"GET": ui.getSignup, "POST": ui.postSignup},
		ui.c.Prefix + "/register":        {"GET": ui.getRegister},
		ui.c.Prefix + "/logout":          {"GET": ui.getLogout, "POST": ui.postLogout},
		account:                          {"GET": ui.getAccount},
		account + "/name":                {"GET": ui.getName, "POST": ui.postName},
		account + "/password":            {"GET": ui.getPassword, "POST": ui.postPassword},
		account + "/sessions/end":        {"GET": ui.getBack, "POST": ui.confirmed("/account/sessions/end", ui.postEndSession)},
		account + "/sessions/end-others": {"GET": ui.getBack, "POST": ui.confirmed("/account/sessions/end-others", ui.postEndOthers)},
		account + "/export":              {"GET": ui.getBack, "POST": ui.confirmed("/account/export", ui.postExport)},
		account + "/delete":              {"GET": ui.getDelete, "POST": ui.postDelete},
		ui.c.Prefix + resetPath:          {"GET": ui.opened(resetPath, ui.getReset), "POST": ui.postReset},
		ui.c.Prefix + invitePath:         {"GET": ui.opened(invitePath, ui.getInvitation), "POST": ui.postInvitation},
		"/api/auth/get-session":          {"GET": ui.getSession},
		"/.gatepost/healthz":             {"GET": getHealth},
		forgetPath:                       {"GET": getForget},
	}
	mail := func(path string, get, post page) {
		ui.routes[ui.c.Prefix+path] = methods{"GET": ui.withMail(get), "POST": ui.withMail(post)}
	}
	mail(forgotPath, ui.getForgot, ui.postForgot)
	mail(verifyPath, ui.opened(verifyPath, ui.getVerify), ui.postVerify)
	mail("/account/verify", ui.getBack, ui.postRequestVerification)
	mail(addressPath, ui.getAddress, ui.postAddress)
	mail(changePath, ui.opened(changePath, ui.getChange), ui.postChange)
	mail(undoPath, ui.opened(undoPath, ui.getUndo), ui.postUndo)
	return ui.addAssets()
}

// addAssets makes what pages refer to: one stylesheet and one script, and the logo.
func (ui *UI) addAssets() error {
	style, err1 := files.ReadFile("static/style.css")
	script, err2 := files.ReadFile("static/script.js")
	icon, err3 := files.ReadFile("static/icon.svg")
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("read an asset: %w", err)
	}
	b := ui.c.Brand
	style = slices.Concat(style, []byte(b.Accent.css()), b.Stylesheet)
	assets := []asset{newAsset("style", ".css", "text/css; charset=utf-8", style), newAsset("script", ".js", "text/javascript; charset=utf-8", script)}
	ui.site = site{AppName: ui.c.AppName, Prefix: ui.c.Prefix, Home: ui.c.Home, Stylesheet: assets[0].path, Script: assets[1].path,
		Icon: dataURL("image/svg+xml", icon), Logo: b.Logo, Terms: b.Terms, Privacy: b.Privacy}
	if b.Logo.content != nil {
		assets = append(assets, b.Logo.asset())
	}
	ui.free = map[string]bool{"/.gatepost/healthz": true}
	for _, a := range assets {
		ui.routes[a.path], ui.free[a.path] = methods{"GET": a.serve}, true
	}
	// The app shares our origin, and whatever people upload there must not run here: no script but this one.
	allowed := ui.absolute(ui.site.Script)
	if strings.HasPrefix(ui.c.PublicURL.Host, "[") {
		allowed = "'self'" // a policy cannot name such a host
	}
	ui.policy = strings.TrimSpace("default-src 'none'; style-src 'self'; script-src " + allowed +
		"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; img-src 'self' data: " + b.Logo.origin)
	return nil
}

// Owns says whether a raw path is ours: one of the routes in its exact spelling, or a plain path below /account or
// /.gatepost, where later pages live. Any other spelling is the app's, and the rules judge it.
func (ui *UI) Owns(rawPath string) bool {
	if _, ok := ui.routes[rawPath]; ok {
		return true
	}
	return (strings.HasPrefix(rawPath, "/.gatepost/") || strings.HasPrefix(rawPath, ui.c.Prefix+"/account/")) &&
		!strings.ContainsAny(rawPath, "%;") && path.Clean(rawPath) == rawPath
}

// LeadsBack says whether a page of ours sends a visitor who is signed in back to the app.
func (ui *UI) LeadsBack(rawPath string) bool {
	own, ok := strings.CutPrefix(rawPath, ui.c.Prefix)
	return ok && (own == "/login" || own == "/signup" || own == "/register")
}

// Handler serves the pages. It expects only requests whose raw path Owns approved, with the client's address in
// RemoteAddr.
func (ui *UI) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ui.protect(w.Header())
		err := ui.serve(w, r)
		if err != nil {
			ui.answer(w, r, err)
		}
		if errors.Is(err, errFormSize) {
			ui.linger(w, r)
		}
	})
}

func (ui *UI) serve(w http.ResponseWriter, r *http.Request) error {
	route, ok := ui.routes[r.URL.EscapedPath()]
	if !ok {
		return errNotFound
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle, ok := route[method]
	if !ok {
		w.Header().Set("Allow", route.allow())
		return errMethod
	}
	if method == http.MethodGet {
		ui.rememberLanguage(w, r)
	}
	if method == http.MethodPost {
		if err := ui.checkOrigin(r); err != nil {
			return err
		}
		if err := ui.receive(w, r); err != nil {
			return err
		}
	}
	return ui.admit(w, r, handle)
}

// admit serves a page if its client's network has not too many under way, in the client's name. A form was read before:
// whoever is slow to send one must not take a place of those who wait for an answer.
func (ui *UI) admit(w http.ResponseWriter, r *http.Request, handle page) error {
	if ui.free[r.URL.EscapedPath()] {
		return handle(w, r)
	}
	client := clientAddr(r)
	leave, err := ui.admission.Enter(client)
	if err != nil {
		return err
	}
	defer leave()
	return handle(w, r.WithContext(share.FromClient(r.Context(), client)))
}

func (m methods) allow() string {
	if m["GET"] == nil {
		return "POST"
	}
	if m["POST"] == nil {
		return "GET, HEAD"
	}
	return "GET, HEAD, POST"
}

// protect sets the headers every page of ours carries, and no answer of the app's.
func (ui *UI) protect(h http.Header) {
	h.Set("Content-Security-Policy", ui.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// client is where the request came from, for the throttle and the audit line.
func (ui *UI) client(r *http.Request) secret.Client {
	return secret.Client{Addr: clientAddr(r), Browser: ui.c.Cookie.ReadBrowser(r.Header), UserAgent: r.UserAgent(),
		Language: ui.words(r).Lang, RequestID: r.Header.Get("X-Request-Id")}
}

// clientAddr is the zero address when there is none.
func clientAddr(r *http.Request) netip.Addr {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr()
}

// presented is the session cookie the browser sent. present without a token is one that cannot be valid.
func (ui *UI) presented(r *http.Request) (t secret.Token, present bool) {
	return ui.c.Cookie.Read(r.Header)
}

func getHealth(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("ok"))
	return err
}
