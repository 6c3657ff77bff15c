package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/smtp"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

// config is every setting, checked. Nothing runs on a config with faults.
type config struct {
	settings                                   settings // as they were written
	env                                        []string // where they come from
	upstream                                   proxy.Upstream
	hasUpstream                                bool
	upstreamTimeout                            time.Duration
	publicURL                                  *url.URL
	rules                                      proxy.Rules
	identity                                   proxy.Identity
	pages                                      string // "" for /
	brand                                      loginui.Brand
	appCookies                                 []loginui.AppCookie
	signUpClosed, byInvitation                 bool
	signUpDomains                              []string
	mail                                       *smtp.Server // nil: none is configured
	deliver                                    smtp.Deliver // nil: there is no mail
	verify                                     auth.Verify
	notifySignIns                              bool
	signUpLimit, signUpTotal                   int
	sessionIdle, sessionLifetime, sessionCache time.Duration
	sessionsPerUser                            int
	maxConnections                             int
	passwordMin                                int
	trustedProxies                             []netip.Prefix
	certificate                                *certificate // nil: none from files
	acmeDomains                                []string
	tls                                        bool   // it ends here
	hsts                                       string // empty: nothing is said
	dataDir                                    string
	migrate, allowHTTP, trustUnverifiedEmail   bool
	auditRetention                             time.Duration
	drainDelay, drainTimeout                   time.Duration
	logLevel                                   slog.Level
	logJSON, profiling                         bool
}

// maxLifetime is the longest a browser keeps a cookie (RFC 6265bis, section 5.5: 400 days).
const maxLifetime = 400 * 24 * time.Hour

// loadConfig reads and checks the environment. The error is a faults: everything wrong at once.
func loadConfig(ctx context.Context, env []string) (*config, error) {
	s, list := readSettings(ctx, env)
	c := &config{settings: s, env: env}
	c.checkListeners(&list, lookup(env, "PORT"))
	c.checkPublicURL(&list)
	c.checkTLS(&list)
	c.checkUpstream(&list)
	c.checkPages(&list)
	c.checkMail(&list)
	c.checkRules(&list)
	c.checkSessions(&list)
	c.checkConnections(&list)
	c.checkDatabase(&list, env)
	c.checkLog(&list)
	c.checkDrain(&list)
	c.checkBrand(&list) // last: it renders the pages with the rest
	return c, list.orNil()
}

func lookup(env []string, name string) string {
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return tidy(value)
		}
	}
	return ""
}

func (c *config) checkListeners(list *faults, platformPort string) {
	if c.settings.Listen == "" {
		c.settings.Listen = "localhost:8080"
		if mayHoldSecret(platformPort) {
			list.add(errors.New("PORT holds what may be a password, so it is not shown: it is a number, for example 8080"))
		} else if platformPort != "" {
			c.settings.Listen = ":" + platformPort
		}
	}
	host, err := checkAddress("GATEPOST_LISTEN", c.settings.Listen)
	list.add(err)
	if err == nil && !isLoopbackListener(host) && c.settings.PublicURL == "" {
		list.add(fmt.Errorf("GATEPOST_PUBLIC_URL is needed because GATEPOST_LISTEN %s can be reached from other machines: set it to the address people type, for example https://app.example.com", quote(c.settings.Listen)))
	}
	if c.settings.OpsListen != "off" {
		_, err := checkAddress("GATEPOST_OPS_LISTEN", c.settings.OpsListen)
		list.add(err)
	}
}

func isLoopbackListener(host string) bool { return host != "" && proxy.IsLoopback(host) }

func (c *config) checkPublicURL(list *faults) {
	c.allowHTTP = c.parseBool(list, "GATEPOST_ALLOW_HTTP", c.settings.AllowHTTP)
	if c.settings.PublicURL == "" {
		_, port, _ := net.SplitHostPort(c.settings.Listen) // checked above
		c.settings.PublicURL = "http://localhost:" + port
	}
	c.publicURL = &url.URL{Scheme: "http", Host: "localhost"}
	u, err := url.Parse(strings.TrimSuffix(c.settings.PublicURL, "/"))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !validPort(u):
		list.add(fmt.Errorf("GATEPOST_PUBLIC_URL: %s is not a URL like https://app.example.com", quote(c.settings.PublicURL)))
		return
	case u.User != nil:
		list.add(errors.New("GATEPOST_PUBLIC_URL takes no user name or password"))
		return
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		list.add(fmt.Errorf("GATEPOST_PUBLIC_URL: %s has a path: the gate stands in front of a whole site, so name only scheme, host and port", quote(c.settings.PublicURL)))
	case u.Scheme == "http" && !proxy.IsLoopback(u.Hostname()) && !c.allowHTTP:
		list.add(fmt.Errorf("GATEPOST_PUBLIC_URL: %s would send passwords unencrypted: use https://, or set GATEPOST_ALLOW_HTTP=true if nobody can listen in", quote(c.settings.PublicURL)))
	}
	c.publicURL = &url.URL{Scheme: u.Scheme, Host: asBrowsersSay(u)}
	if c.settings.AppName == "" {
		c.settings.AppName = c.publicURL.Host
	}
	if utf8.RuneCountInString(c.settings.AppName) > maxAppName || strings.ContainsFunc(c.settings.AppName, unicode.IsControl) || !utf8.ValidString(c.settings.AppName) {
		list.add(fmt.Errorf("GATEPOST_APP_NAME: %s is to have at most %d characters, on one line", quote(c.settings.AppName), maxAppName))
	}
}

// maxAppName is in characters: what a card and the tab of a browser can show.
const maxAppName = 100

// validPort accepts no port, or a number that can be one.
func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	_, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil
}

// asBrowsersSay is the host as it stands in the Host and Origin headers of browsers: in ASCII, without a port that
// goes without saying.
func asBrowsersSay(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if name, err := idna.Lookup.ToASCII(u.Hostname()); err == nil {
		host = name
		if u.Port() != "" {
			host = net.JoinHostPort(name, u.Port())
		}
	}
	if u.Scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

func (c *config) checkUpstream(list *faults) {
	c.upstreamTimeout = c.parseDuration(list, "GATEPOST_UPSTREAM_TIMEOUT", c.settings.UpstreamTimeout)
	if c.settings.Upstream == "" {
		return
	}
	var err error
	if c.upstream, err = proxy.ParseUpstream(c.settings.Upstream); err != nil {
		list.add(fmt.Errorf("GATEPOST_UPSTREAM %w", err))
		return
	}
	c.hasUpstream = true
}

// needUpstream is for the commands that forward.
func (c *config) needUpstream() error {
	if c.hasUpstream || lookup(c.env, "GATEPOST_UPSTREAM") != "" { // a fault has been told
		return nil
	}
	return errors.New("GATEPOST_UPSTREAM is needed: the address of your app, for example http://localhost:3000")
}

func (c *config) checkRules(list *faults) {
	var err error
	c.rules, err = proxy.ParseRules(c.settings.Protect, c.settings.Public)
	list.add(err)
	for _, rule := range c.rules.ProtectingBelow("/.gatepost") {
		list.add(fmt.Errorf("GATEPOST_PROTECT: rule %q never decides: what lies below /.gatepost is Gatepost's own and never reaches the app; leave the rule out", rule))
	}
	c.identity, err = proxy.ParseIdentity(c.settings.IdentityHeaders, c.settings.StripHeaders)
	list.add(err)
	c.trustedProxies = c.parseNetworks(list, "GATEPOST_TRUSTED_PROXIES", c.settings.TrustedProxies)
	c.trustUnverifiedEmail = c.parseBool(list, "GATEPOST_TRUST_UNVERIFIED_EMAIL", c.settings.TrustUnverifiedEmail)
	if c.identity.Renames("email", "X-Auth-Email") && c.settings.SignUp == "open" && c.verify != auth.VerifyRequired && !c.trustUnverifiedEmail {
		list.add(errors.New("GATEPOST_IDENTITY_HEADERS sends the e-mail address under another name, which apps take for an identity, while anybody may sign up with an address that is not his: send id instead, set GATEPOST_VERIFY_EMAIL=required or GATEPOST_SIGNUP=closed, or set GATEPOST_TRUST_UNVERIFIED_EMAIL=true"))
	}
}

func (c *config) parseNetworks(list *faults, name, s string) []netip.Prefix {
	var networks []netip.Prefix
	for entry := range strings.SplitSeq(s, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		p, err := parseNetwork(entry)
		if err != nil {
			list.add(fmt.Errorf("%s: %s is not a network (examples: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32)", name, quote(entry)))
			continue
		}
		networks = append(networks, p)
	}
	return networks
}

// parseNetwork reads a network or a single address; IPv4 written as IPv6 is IPv4.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), err
}

func (c *config) checkPages(list *faults) {
	if !cleanPath(c.settings.Pages) {
		list.add(fmt.Errorf("GATEPOST_PAGES: %s is not a plain path like /auth", quote(c.settings.Pages)))
	}
	if c.pages = strings.TrimSuffix(c.settings.Pages, "/"); c.pages == "/.gatepost" || c.pages == "/api/auth" {
		list.add(fmt.Errorf("GATEPOST_PAGES: %s is taken by Gatepost's own routes: choose another prefix", quote(c.settings.Pages)))
	}
	if !cleanPath(c.settings.Home) {
		list.add(fmt.Errorf("GATEPOST_HOME: %s is not a plain path like /dashboard", quote(c.settings.Home)))
	}
	switch strings.TrimPrefix(c.settings.Home, c.pages) {
	case "/login", "/signup", "/register", "/logout":
		list.add(fmt.Errorf("GATEPOST_HOME: %s is where people log in and out, and no place to land on: name a page of your app", quote(c.settings.Home)))
	}
	if c.settings.SignUp != "open" && c.settings.SignUp != "invite" && c.settings.SignUp != "closed" {
		list.add(fmt.Errorf("GATEPOST_SIGNUP: %s is none of open, invite and closed", quote(c.settings.SignUp)))
	}
	c.signUpClosed, c.byInvitation = c.settings.SignUp != "open", c.settings.SignUp == "invite"
	c.signUpLimit = c.parseCount(list, "GATEPOST_SIGNUP_LIMIT", c.settings.SignUpLimit)
	c.signUpTotal = c.parseCount(list, "GATEPOST_SIGNUP_TOTAL", c.settings.SignUpTotal)
}

// cleanPath accepts paths that mean the same to everybody.
func cleanPath(s string) bool {
	u, err := url.Parse(s)
	return err == nil && strings.HasPrefix(s, "/") && u.Path == s && u.EscapedPath() == s &&
		path.Clean(s) == "/"+strings.Trim(s, "/") && !strings.ContainsAny(s, "%;")
}

func (c *config) checkSessions(list *faults) {
	c.sessionIdle = c.parseDuration(list, "GATEPOST_SESSION_IDLE", c.settings.SessionIdle)
	c.sessionLifetime = c.parseSeconds(list, "GATEPOST_SESSION_LIFETIME", c.settings.SessionLifetime)
	if c.sessionLifetime > maxLifetime {
		list.add(fmt.Errorf("GATEPOST_SESSION_LIFETIME: %s is longer than browsers keep a cookie: at most %dh", quote(c.settings.SessionLifetime), int(maxLifetime.Hours())))
	}
	if c.settings.SessionCache != "0" {
		c.sessionCache = c.parseDuration(list, "GATEPOST_SESSION_CACHE", c.settings.SessionCache)
	}
	sessions, err := strconv.Atoi(c.settings.SessionsPerUser)
	if err != nil || sessions < 1 || sessions > 10_000 {
		list.add(fmt.Errorf("GATEPOST_SESSIONS_PER_USER: %s is not a number from 1 to 10000", quote(c.settings.SessionsPerUser)))
	}
	c.sessionsPerUser = sessions
	n, err := strconv.Atoi(c.settings.PasswordMin)
	if err != nil || n < 8 || n > 64 {
		list.add(fmt.Errorf("GATEPOST_PASSWORD_MIN: %s is not a number from 8 to 64", quote(c.settings.PasswordMin)))
	}
	c.passwordMin = n
	c.appCookies, err = loginui.ParseAppCookies(c.settings.AppCookies, c.cookie())
	list.add(err)
}

func (c *config) checkDatabase(list *faults, env []string) {
	c.migrate = c.parseBool(list, "GATEPOST_MIGRATE", c.settings.Migrate)
	c.settings.DatabaseURL = takeDatabaseURL(list, "DATABASE_URL", c.settings.DatabaseURL)
	c.settings.DirectDatabaseURL = takeDatabaseURL(list, "GATEPOST_DIRECT_DATABASE_URL", c.settings.DirectDatabaseURL)
	if c.settings.DatabaseURL == "" && c.settings.DirectDatabaseURL != "" {
		list.add(errors.New("GATEPOST_DIRECT_DATABASE_URL is set and DATABASE_URL is not: set both"))
	}
	if c.settings.DatabaseURL == "" && c.settings.DataDir == "" && !proxy.IsLoopback(c.publicURL.Hostname()) {
		list.add(fmt.Errorf("DATABASE_URL is needed for %s: set it to your PostgreSQL, or set GATEPOST_DATA_DIR to keep users in the built-in one on purpose", c.publicURL))
	}
	c.dataDir = c.settings.DataDir
	if c.dataDir == "" {
		c.dataDir = defaultDataDir(env)
	}
	dir, err := filepath.Abs(c.dataDir)
	list.add(err)
	c.dataDir = dir
}

func defaultDataDir(env []string) string {
	home := lookup(env, "HOME")
	switch {
	case os.Getuid() == 0:
		return "/var/lib/gatepost"
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", "gatepost")
	case lookup(env, "XDG_DATA_HOME") != "":
		return filepath.Join(lookup(env, "XDG_DATA_HOME"), "gatepost")
	}
	return filepath.Join(home, ".local", "share", "gatepost")
}

func (c *config) checkLog(list *faults) {
	if c.settings.LogFormat != "text" && c.settings.LogFormat != "json" {
		list.add(fmt.Errorf("GATEPOST_LOG_FORMAT: %s is neither text nor json", quote(c.settings.LogFormat)))
	}
	c.logJSON = c.settings.LogFormat == "json"
	if c.settings.AuditRetention != "off" {
		c.auditRetention = c.parseSeconds(list, "GATEPOST_AUDIT_RETENTION", c.settings.AuditRetention)
	}
	c.profiling = c.parseBool(list, "GATEPOST_PROFILING", c.settings.Profiling)
	switch strings.ToLower(c.settings.LogLevel) {
	case "debug", "info", "warn", "error":
		_ = c.logLevel.UnmarshalText([]byte(c.settings.LogLevel)) // one of the four
	default:
		list.add(fmt.Errorf("GATEPOST_LOG_LEVEL: %s is none of debug, info, warn and error", quote(c.settings.LogLevel)))
	}
}

func (c *config) checkDrain(list *faults) {
	if c.settings.DrainDelay != "0s" && c.settings.DrainDelay != "0" {
		c.drainDelay = c.parseDuration(list, "GATEPOST_DRAIN_DELAY", c.settings.DrainDelay)
	}
	c.drainTimeout = c.parseDuration(list, "GATEPOST_DRAIN_TIMEOUT", c.settings.DrainTimeout)
}

// cookie is the session cookie that follows from the public URL.
func (c *config) cookie() session.Cookie {
	port := c.publicURL.Port()
	if port == "" {
		port = "80"
	}
	return session.NewCookie(c.publicURL.Scheme == "https", port, c.sessionLifetime)
}
