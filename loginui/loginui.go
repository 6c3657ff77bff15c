// Package loginui serves the pages of the gate: login, signup, logout, the account page, and every refusal. In
// them, and in package api, an error becomes a status and a message. Neither decides who may pass.
package loginui

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/captcha"
	"github.com/gatepost/gatepost/internal/share"
	"github.com/gatepost/gatepost/loginui/api"
)

// Config holds what the pages need. All fields are required unless they say otherwise.
type Config struct {
	// PublicURL is the origin that visitors type. Forms from any other origin are refused.
	PublicURL *url.URL
	// Origins are other origins of the site, whose pages may send forms too. Empty: none.
	Origins []*url.URL
	// Prefix is the path above the pages: "" for /login, "/auth" for /auth/login.
	Prefix string
	// Home is the path that a login leads to when the visitor asked for no page.
	Home string
	// Front is the path that the name of the app leads to on the login and the sign-up. Empty: Home.
	Front string
	// LogoutHome is the path that a log-out leads to when it names no page. Empty: the login.
	LogoutHome string
	// LogoutPaths are paths of the app's own log-out that log out here instead, as /logout does. Empty: none.
	LogoutPaths []string
	// AppName is the name of the app on the pages.
	AppName string
	// MailName is the name of the app in mail, which is read away from the site. Default: AppName. Nameless says that
	// there is none, and mail speaks of "our site" in its language.
	MailName string
	Nameless bool
	// SignUpClosed removes the signup page and the links to it. ByInvitation says that users can be invited.
	SignUpClosed, ByInvitation bool
	// Mail says that the gate can send mail. It enables what needs mail.
	Mail bool
	// Confirm offers users to confirm their address on the account page. ConfirmFirst refuses their login until
	// they have. Both need Mail.
	Confirm, ConfirmFirst bool
	// Providers are those that people can log in with, in the order of their buttons. They are for pages without a
	// store: with one, the pages have the store's. Empty: none.
	Providers []*provider.Provider
	// APIAuthApp leaves /api/auth/ to the app.
	APIAuthApp bool
	// PasswordsOff removes every form that takes a password. It needs a provider, and a store with the same option.
	PasswordsOff bool
	// UsernamesChosen asks for a username at sign-up, and offers one to users without. Otherwise operators give them. It
	// needs a store with the same option.
	UsernamesChosen bool
	// PasswordMin is the least length of a password in characters, for the hint beside the field.
	PasswordMin int
	// Cookie is the session cookie.
	Cookie session.Cookie
	// Tokens is whether the app takes API tokens somewhere, so that users can make some. TokensForever is whether one may
	// never end. They need a store with the same options.
	Tokens, TokensForever bool
	// TrustBrowser is how long users may trust a browser. It needs a store with the same option. 0: never.
	TrustBrowser time.Duration
	// AppCookies are ended with the session, and when the account that uses the browser changes. Empty: the
	// app's own session stays.
	AppCookies []AppCookie
	// Captcha is what strangers solve to show that they are no bots, as the store asks for it. The zero value: nothing.
	// CaptchaSiteKey is the key of the site at a service.
	Captcha        captcha.Kind
	CaptchaSiteKey string
	// StepUp says what the page of the app at a raw path needs of a session besides its roles, if that is missing, and
	// else nil. Nil: no page needs anything.
	StepUp func(rawPath string, s session.Session) *StepUp
	// KeySet is the set of public keys that the app verifies the assertion by, as JSON, and nil while there are
	// none. Nil: the app gets no assertion.
	KeySet func() []byte
	// Brand is how the pages look.
	Brand Brand
	// Log receives the causes of faults. Default: slog.Default().
	Log *slog.Logger
}

// UI is the set of pages.
type UI struct {
	c         Config
	store     *auth.Store
	providers []*provider.Provider
	languages languages
	templates
	site   site
	policy string // Content-Security-Policy
	// Paths of what some pages have in place of what most have: the stylesheet of pages that are no forms, and the scripts
	// of error pages and of the page with recovery codes.
	wholeStyle, accountStyle, errorScript, codesScript string
	// passkeyScript is that of the script that asks for passkeys.
	passkeyScript string
	solver        string // the path of the script that does proofs of work; empty: none has to be done
	twice         *twice
	routes        map[string]methods
	api           *api.API        // nil: /api/auth/ is the app's
	free          map[string]bool // paths that cost little, and are served at any load
	// foreign are the paths at which providers post forms, with the fields of those: answers that come from another
	// site by a browser without our cookies, and log-outs that come without a browser. Nothing else is taken from
	// another site.
	foreign   map[string][]string
	origin    *http.CrossOriginProtection
	forms     *share.Pool // the bytes of the forms that are being read
	admission *share.Admission
	turns     *share.Turns
}

// atOnce is how many of the gate's pages are answered at once. Most of them wait: for a turn to hash a
// password, or for the delay of a refusal.
const atOnce = 1024

// methods are the handlers of one path, by method. HEAD is served as GET, but where it has nil.
type methods map[string]page

// page answers a request, or returns an error that becomes an answer through Refuse.
type page func(http.ResponseWriter, *http.Request) error

// New parses the templates and messages. If some are the operator's, it also renders every page, so that a
// faulty template is an error at start that names the file and the line. The store may be nil as long as no
// request is answered.
func New(c Config, store *auth.Store) (*UI, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	ui := &UI{c: c, store: store, providers: c.Providers, twice: newTwice(), origin: http.NewCrossOriginProtection(),
		forms: share.New(formsMost), admission: share.NewAdmission(atOnce), turns: newTurns()}
	if store != nil {
		ui.providers = store.Providers()
	}
	for _, origin := range ui.origins() {
		if err := ui.origin.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("public URL: %w", err)
		}
	}
	var err1, err2 error
	ui.languages, err1 = loadLanguages(c.Brand.Overrides, c.Brand.Languages, func(what string) { c.Log.Warn(what) })
	ui.templates, err2 = parsePages(c.Brand.Overrides)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	ui.addRoutes()
	ui.addAPI()
	if err := errors.Join(ui.addProviderRoutes(), ui.addAssets()); err != nil {
		return nil, err
	}
	if c.Brand.Overrides == nil {
		return ui, nil // a test renders the gate's own
	}
	return ui, ui.rehearse()
}

// addAssets makes the files that pages refer to: stylesheets, scripts, and the logo.
func (ui *UI) addAssets() error {
	style, err1 := readAsset("style.css")
	script, err2 := readAsset("script.js")
	more, err0 := readAsset("more.css")
	account, err8 := readAsset("account.css")
	icon, err3 := files.ReadFile("static/icon.svg")
	solver, err4 := readAsset("captcha.js")
	failing, err5 := readAsset("error.js")
	codes, err6 := readAsset("codes.js")
	passkeys, err7 := readAsset("passkey.js")
	if err := errors.Join(err0, err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
		return fmt.Errorf("read an asset: %w", err)
	}
	b := ui.c.Brand
	style = slices.Concat(style, []byte(b.Accent.css()), b.Stylesheet)
	assets := []asset{newStyle("style", style), newScript("script", script),
		// A page on a slow line waits for each file: what it needs besides comes with what all pages have.
		newStyle("whole", more, style), newScript("error", script, failing), newScript("codes", script, codes),
		newScript("passkey", passkeys), newStyle("account", account, more, style)}
	ui.wholeStyle, ui.errorScript = assets[2].path, assets[3].path
	ui.codesScript, ui.passkeyScript, ui.accountStyle = assets[4].path, assets[5].path, assets[6].path
	ui.site = site{AppName: ui.c.AppName, Prefix: ui.c.Prefix, Home: ui.c.Home,
		Stylesheet: assets[0].path, Script: assets[1].path,
		Icon: dataURL("image/svg+xml", icon), Logo: b.Logo, Terms: b.Terms, Privacy: b.Privacy}
	if b.Logo.content != nil {
		assets = append(assets, b.Logo.asset())
	}
	if ui.c.Captcha.Name != "" && !ui.c.Captcha.IsService() {
		a := newAsset("captcha", ".js", "text/javascript; charset=utf-8", solver)
		a.worker = true
		assets, ui.solver = append(assets, a), a.path
		ui.routes[puzzlePath] = methods{"GET": ui.getPuzzle}
	}
	ui.free = map[string]bool{"/.gatepost/healthz": true}
	if ui.c.KeySet != nil {
		ui.routes[keySetPath], ui.free[keySetPath] = methods{"GET": ui.getKeySet}, true
	}
	for _, a := range assets {
		ui.routes[a.path], ui.free[a.path] = methods{"GET": a.serve}, true
	}
	// The app shares the gate's origin, and files uploaded to it must not run here. So one script alone is
	// allowed; show allows one more where the page has it.
	ui.policy = strings.TrimSpace("default-src 'none'; style-src 'self'; script-src " + ui.source(ui.site.Script) +
		"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; img-src 'self' data: " +
		strings.TrimSpace(b.Logo.origin+ui.logoOrigins()))
	return nil
}

// source is a path of the gate's in a policy.
func (ui *UI) source(path string) string {
	if strings.HasPrefix(ui.c.PublicURL.Host, "[") {
		return "'self'" // a policy cannot name an IPv6 address
	}
	return ui.absolute(path)
}

// Owns reports whether a raw path belongs to the gate: a route in its exact spelling, or a plain path below
// /account or /.gatepost, which are reserved for later pages. Every other spelling belongs to the app, and is judged by
// the rules.
func (ui *UI) Owns(rawPath string) bool {
	if _, ok := ui.routes[rawPath]; ok || ui.api != nil && ui.api.Owns(rawPath) {
		return true
	}
	return ui.reserved(rawPath) && !strings.ContainsAny(rawPath, "%;") && path.Clean(rawPath) == rawPath
}

func (ui *UI) reserved(rawPath string) bool {
	return strings.HasPrefix(rawPath, "/.gatepost/") || strings.HasPrefix(rawPath, ui.c.Prefix+"/account/")
}

// LeadsBack reports whether the page at this path sends a signed-in visitor back to the app.
func (ui *UI) LeadsBack(rawPath string) bool {
	own, ok := strings.CutPrefix(rawPath, ui.c.Prefix)
	return ok && (own == "/login" || own == "/signup" || own == "/register")
}

// Handler serves the pages. Owns must have approved the raw path of each request, and RemoteAddr must be the
// client's address.
func (ui *UI) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ui.protect(w.Header())
		r = ui.computing(r)
		defer share.Pause(r.Context())
		if path := r.URL.EscapedPath(); ui.api != nil && ui.routes[path] == nil && ui.api.Owns(path) {
			ui.serveAPI(w, r)
			return
		}
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
	if method == http.MethodHead && !route.noHead() {
		method = http.MethodGet
	}
	handle := route[method]
	if handle == nil {
		w.Header().Set("Allow", route.allow())
		return errMethod
	}
	if method == http.MethodPost {
		if err := ui.checkOrigin(r); err != nil {
			return err
		}
		if err := ui.receive(w, r); err != nil {
			return err
		}
		w = ledBy(w, r)
	}
	if ui.free[r.URL.EscapedPath()] {
		return handle(w, r)
	}
	leave, err := ui.enter(r)
	if err != nil {
		return err
	}
	defer leave()
	if method == http.MethodGet {
		ui.rememberLanguage(w, r)
		if ui.loadWhole(w, r) {
			return nil
		}
	}
	r, err = ui.arrived(w, r)
	if err != nil {
		return err
	}
	return handle(w, r)
}

// noHead reports whether HEAD is refused.
func (m methods) noHead() bool { _, own := m[http.MethodHead]; return own }

func (m methods) allow() string {
	var list []string
	if m["GET"] != nil {
		list = append(list, "GET")
	}
	if m["GET"] != nil && !m.noHead() {
		list = append(list, "HEAD")
	}
	if m["POST"] != nil {
		list = append(list, "POST")
	}
	return strings.Join(list, ", ")
}

// protect sets the headers that every page of the gate carries. Answers of the app do not get them.
func (ui *UI) protect(h http.Header) {
	h.Set(policy, ui.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// client describes the sender of a request, for the throttle and the audit log.
func (ui *UI) client(r *http.Request) secret.Client {
	return secret.Client{Addr: clientAddr(r), Browser: ui.c.Cookie.ReadBrowser(r.Header),
		Trust: ui.c.Cookie.ReadTrust(r.Header), UserAgent: r.UserAgent(),
		Language: ui.words(r).Lang, RequestID: r.Header.Get("X-Request-Id"),
		Solution: ui.solution(r), Trapped: r.PostForm.Get(trapField) != ""}
}

// clientAddr returns the zero address when RemoteAddr holds none.
func clientAddr(r *http.Request) netip.Addr {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr()
}

// presented returns the session cookie that the browser sent. If present is true and t is empty, the cookie
// cannot be valid.
func (ui *UI) presented(r *http.Request) (t secret.Token, present bool) {
	return ui.c.Cookie.Read(r.Header)
}

func getHealth(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("ok"))
	return err
}
