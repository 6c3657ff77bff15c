// Package config reads and checks the settings. It reports all faults at once, and no part of a password. It is the
// only package that reads settings from the environment.
//
// It opens no files but those that settings name, and runs nothing.
package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/assertion"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/webhook"
	"github.com/gatepost/gatepost/internal/breached"
	"github.com/gatepost/gatepost/internal/captcha"
	"github.com/gatepost/gatepost/internal/fallback"
	"github.com/gatepost/gatepost/internal/seal"
	"github.com/gatepost/gatepost/internal/smtp"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

// Config is every setting, checked. A Config with faults must not be used.
type Config struct {
	// Settings are the settings as written, with defaults filled in.
	Settings Settings
	// Env is the environment they were read from.
	Env []string

	// Upstream is the app. HasUpstream is whether GATEPOST_UPSTREAM is set and valid.
	Upstream    proxy.Upstream
	HasUpstream bool
	// UpstreamTimeout is how long the app may take to begin an answer.
	UpstreamTimeout time.Duration
	// UpstreamConnAge is the greatest age of a connection to the app that gets another request; 0 for no limit.
	UpstreamConnAge time.Duration
	// PublicURL is the address that visitors type: scheme, host and port.
	PublicURL *url.URL
	// Aliases are other origins of the site. Origins are those of them whose pages are believed like those of PublicURL:
	// all but http:// ones of an https:// site.
	Aliases, Origins []*url.URL
	// Rules say which requests need a session. Identity is the headers that tell the app who is signed in.
	Rules    proxy.Rules
	Identity proxy.Identity
	// Tokens say which requests take API tokens. TokensForever is whether one may count until it is revoked, and
	// TokensAAL2 whether one may count as a second factor.
	Tokens                    proxy.TokenPaths
	TokensForever, TokensAAL2 bool
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Forwarded are more headers of theirs that the app gets.
	Forwarded proxy.Forwarded
	// ForwardAuthPeers are the networks of the proxies that may ask GATEPOST_FORWARD_AUTH_LISTEN.
	ForwardAuthPeers []netip.Prefix
	// MaxConnections limits the open connections of visitors.
	MaxConnections int
	// ListenIdle is how long a visitor's connection may be idle.
	ListenIdle time.Duration
	// ListenH2C is whether a balancer may speak HTTP/2 without TLS: one of TrustedProxies, or on this machine if there
	// are none.
	ListenH2C bool

	// Pages is the path below which the gate's pages are; empty for the root.
	Pages string
	// LogoutPaths are paths of the app's own log-out that are the gate's.
	LogoutPaths []string
	// CrossSitePaths are paths of the app's to which other sites may send forms as the visitor.
	CrossSitePaths []string
	// CORS says which pages of other origins may read the app's answers.
	CORS proxy.CORS
	// Brand is the look of the pages.
	Brand loginui.Brand
	// AppCookies are the app's session cookies, which the gate deletes at login and logout.
	AppCookies []loginui.AppCookie

	// SignUpClosed is whether strangers cannot sign up. ByInvitation is whether an invitation lets them.
	SignUpClosed, ByInvitation bool
	// SignUpDomains are the only domains of addresses that can sign up; empty for all.
	SignUpDomains []string
	// SignUpLimit and SignUpTotal limit the sign-ups in an hour from a network and from all; 0 for no limit.
	SignUpLimit, SignUpTotal int

	// UsernamesChosen is whether users choose their usernames, and not operators alone. ReservedUsernames they cannot.
	UsernamesChosen   bool
	ReservedUsernames []string

	// Mail is the mail server; nil when none is configured.
	Mail *smtp.Server
	// Deliver sends mail; nil when there is no mail.
	Deliver smtp.Deliver
	// Verify is whether e-mail addresses are confirmed.
	Verify auth.Verify
	// NotifySignIns is whether users get mail about new sign-ins.
	NotifySignIns bool

	// SessionIdle, SessionLifetime and SessionCache are how long a session lasts without use, lasts at most, and is
	// served from memory.
	SessionIdle, SessionLifetime, SessionCache time.Duration
	// TrustBrowser is how long users may trust a browser; 0: never.
	TrustBrowser time.Duration
	// SessionsPerUser limits the sessions of a user.
	SessionsPerUser int
	// Offices are networks in which OfficePeople share an address.
	Offices      []netip.Prefix
	OfficePeople int
	// PasswordMin is the least number of characters of a password.
	PasswordMin int
	// Challenge is what strangers solve to show that they are no bots; the zero value: nothing. ChallengeAfter is after
	// how many failed sign-ins the next ones ask for it.
	Challenge      captcha.Kind
	ChallengeAfter int
	// Breached is the list of passwords that are known from breaches; nil: nobody looks.
	Breached breached.List

	// SecondFactorOff is whether nobody can add a second factor.
	SecondFactorOff bool
	passkeysFor     string // what asks for a second factor that can be a passkey only; empty: nothing

	// Providers are those that people can sign in with, in the order of their buttons.
	Providers []provider.Spec
	// PasswordsOff is whether people sign in with providers only.
	PasswordsOff bool
	// Fallback asks the system before about passwords; nil: nobody does.
	Fallback *fallback.Client
	// Webhook tells the app of events; nil: nothing does.
	Webhook *webhook.Client
	// Elsewhere says which cookies of the system before count.
	Elsewhere session.Elsewhere
	// APIAuthApp is whether /api/auth/ is the app's.
	APIAuthApp bool
	// PassivePaths are beginnings of paths whose requests are no use of a session.
	PassivePaths []string
	// KeepProviderTokens is whether tokens of providers are kept, encrypted.
	KeepProviderTokens bool
	// ProviderTokenPaths are the prefixes below which the app gets them.
	ProviderTokenPaths []string

	// AssertionHeader carries the signed assertion to the app; empty: the app gets none. Assertion is what it says.
	AssertionHeader string
	Assertion       assertion.Options

	// Maintenance is when the site is closed.
	Maintenance Maintenance

	// Certificate is the certificate from files; nil when none is set.
	Certificate *Certificate
	// ACMEDomains are the names to get certificates for.
	ACMEDomains []string
	// TLS is whether the public listener speaks TLS.
	TLS bool
	// HSTS is the value of Strict-Transport-Security; empty when the gate sends none.
	HSTS string
	// AllowHTTP accepts a public URL without TLS. TrustUnverifiedEmail accepts sending unconfirmed addresses to the
	// app as an identity.
	AllowHTTP, TrustUnverifiedEmail bool

	// DataDir is the directory of the built-in PostgreSQL.
	DataDir string
	// Migrate is whether the gate migrates the database at start.
	Migrate bool
	// Keys encrypt secrets in the database. They come from GATEPOST_ENCRYPTION_KEY or OpenKeys.
	Keys seal.Keys

	// AuditRetention is how long audit events are kept; 0 for off.
	AuditRetention time.Duration
	// DrainDelay and DrainTimeout are how long a stopping gate goes on taking requests, and finishes requests.
	DrainDelay, DrainTimeout time.Duration
	// LogLevel is the least level that is logged.
	LogLevel slog.Level
	// LogJSON is whether the log is JSON. Profiling is whether the ops listener serves profiles.
	LogJSON, Profiling bool
}

// maxLifetime is the longest time that browsers keep a cookie (RFC 6265bis, section 5.5: 400 days).
const maxLifetime = 400 * 24 * time.Hour

// Load reads and checks the environment. Its error is a Faults with everything that is wrong.
func Load(ctx context.Context, env []string) (*Config, error) {
	s, list := Read(ctx, env)
	c := &Config{Settings: s, Env: env}
	c.checkListeners(&list, Lookup(env, "PORT"))
	c.checkPublicURL(&list)
	c.checkAliases(&list)
	c.checkTLS(&list)
	c.checkUpstream(&list)
	c.checkForwardAuth(&list)
	c.checkAPIAuth(&list)
	c.checkPages(&list)
	c.checkMail(&list)
	c.checkWebhook(&list)
	c.checkRules(&list)
	c.checkTokens(&list)
	c.checkUsernames(&list)
	c.checkSessions(&list)
	c.checkConnections(&list)
	c.checkDatabase(&list, env)
	c.checkKeys(&list)
	c.checkSecondFactor(&list)
	c.checkProviderTokens(&list)
	c.checkAssertion(&list)
	c.checkCORS(&list)
	c.checkImport(&list, time.Now())
	c.checkProviders(&list)
	c.checkChallenge(&list)
	c.checkLog(&list)
	c.checkDrain(&list)
	c.checkMaintenance(&list)
	c.checkBrand(&list) // last, as it renders the pages with all other settings
	return c, list.OrNil()
}

// Lookup returns the tidied value of a variable in the environment; empty when it is not set.
func Lookup(env []string, name string) string {
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return tidy(value)
		}
	}
	return ""
}

func (c *Config) checkListeners(list *Faults, platformPort string) {
	if c.Settings.Listen == "" {
		c.Settings.Listen = "localhost:8080"
		if mayHoldSecret(platformPort) {
			list.Add(errors.New("PORT holds what may be a password, so it is not shown: it is a number, " +
				"for example 8080"))
		} else if platformPort != "" {
			c.Settings.Listen = ":" + platformPort
		}
	}
	host, err := CheckAddress("GATEPOST_LISTEN", c.Settings.Listen)
	list.Add(err)
	if err == nil && !isLoopbackListener(host) && c.Settings.PublicURL == "" {
		list.missing("GATEPOST_PUBLIC_URL", fmt.Errorf("GATEPOST_PUBLIC_URL is needed because "+
			"GATEPOST_LISTEN %s can be reached from other machines: set it to the address people type, "+
			"for example https://app.example.com", Quote(c.Settings.Listen)))
	}
	if c.Settings.OpsListen != "off" {
		_, err := CheckAddress("GATEPOST_OPS_LISTEN", c.Settings.OpsListen)
		list.Add(err)
	}
}

func isLoopbackListener(host string) bool { return host != "" && proxy.IsLoopback(host) }

func (c *Config) checkTrust(list *Faults) {
	if c.Settings.TrustBrowser == "0" {
		return
	}
	c.TrustBrowser = c.parseSeconds(list, "GATEPOST_TRUST_BROWSER", c.Settings.TrustBrowser)
	if c.TrustBrowser > maxLifetime {
		list.Add(fmt.Errorf("GATEPOST_TRUST_BROWSER: %s is longer than browsers keep a cookie: at most %dh",
			Quote(c.Settings.TrustBrowser), int(maxLifetime.Hours())))
	}
}

func (c *Config) checkSessions(list *Faults) {
	c.PassivePaths = parsePrefixes(list, "GATEPOST_PASSIVE_PATHS", c.Settings.PassivePaths)
	c.SessionIdle = c.parseDuration(list, "GATEPOST_SESSION_IDLE", c.Settings.SessionIdle)
	c.SessionLifetime = c.parseSeconds(list, "GATEPOST_SESSION_LIFETIME", c.Settings.SessionLifetime)
	if c.SessionLifetime > maxLifetime {
		list.Add(fmt.Errorf("GATEPOST_SESSION_LIFETIME: %s is longer than browsers keep a cookie: at most %dh",
			Quote(c.Settings.SessionLifetime), int(maxLifetime.Hours())))
	}
	c.checkTrust(list)
	if c.Settings.SessionCache != "0" {
		c.SessionCache = c.parseDuration(list, "GATEPOST_SESSION_CACHE", c.Settings.SessionCache)
	}
	sessions, err := strconv.Atoi(c.Settings.SessionsPerUser)
	if err != nil || sessions < 1 || sessions > 10_000 {
		list.Add(fmt.Errorf("GATEPOST_SESSIONS_PER_USER: %s is not a number from 1 to 10000",
			Quote(c.Settings.SessionsPerUser)))
	}
	c.SessionsPerUser = sessions
	c.checkOffices(list)
	n, err := strconv.Atoi(c.Settings.PasswordMin)
	if err != nil || n < 8 || n > 64 {
		list.Add(fmt.Errorf("GATEPOST_PASSWORD_MIN: %s is not a number from 8 to 64", Quote(c.Settings.PasswordMin)))
	}
	c.PasswordMin = n
	c.Breached, err = openBreached(c.Settings.BreachedPasswords)
	list.Add(err)
	c.AppCookies, err = loginui.ParseAppCookies(c.Settings.AppCookies, c.Cookie())
	list.Add(err)
}

func (c *Config) checkDatabase(list *Faults, env []string) {
	c.Migrate = c.parseBool(list, "GATEPOST_MIGRATE", c.Settings.Migrate)
	c.Settings.DatabaseURL = takeDatabaseURL(list, "DATABASE_URL", c.Settings.DatabaseURL)
	c.Settings.DirectDatabaseURL = takeDatabaseURL(list, "GATEPOST_DIRECT_DATABASE_URL", c.Settings.DirectDatabaseURL)
	if c.Settings.DatabaseURL == "" && c.Settings.DirectDatabaseURL != "" {
		list.missing("DATABASE_URL", errors.New("GATEPOST_DIRECT_DATABASE_URL is set and DATABASE_URL is not: set both"))
	}
	if c.Settings.DatabaseURL == "" && c.Settings.DataDir == "" && !proxy.IsLoopback(c.PublicURL.Hostname()) &&
		!list.about("GATEPOST_DATA_DIR") {
		list.missing("DATABASE_URL", fmt.Errorf("DATABASE_URL is needed for %s: set it to your PostgreSQL, or "+
			"set GATEPOST_DATA_DIR to keep users in the built-in one on purpose", c.PublicURL))
	}
	c.DataDir = c.Settings.DataDir
	if c.DataDir == "" {
		c.DataDir = defaultDataDir(env)
	}
	dir, err := filepath.Abs(c.DataDir)
	list.Add(err)
	c.DataDir = dir
}

func defaultDataDir(env []string) string {
	home := Lookup(env, "HOME")
	switch {
	case Lookup(env, "STATE_DIRECTORY") != "": // of StateDirectory= in a unit, behind colons
		first, _, _ := strings.Cut(Lookup(env, "STATE_DIRECTORY"), ":")
		return first
	case os.Getuid() == 0:
		return "/var/lib/gatepost"
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", "gatepost")
	case Lookup(env, "XDG_DATA_HOME") != "":
		return filepath.Join(Lookup(env, "XDG_DATA_HOME"), "gatepost")
	}
	return filepath.Join(home, ".local", "share", "gatepost")
}

func (c *Config) checkLog(list *Faults) {
	if c.Settings.LogFormat != "text" && c.Settings.LogFormat != "json" {
		list.Add(fmt.Errorf("GATEPOST_LOG_FORMAT: %s is neither text nor json", Quote(c.Settings.LogFormat)))
	}
	c.LogJSON = c.Settings.LogFormat == "json"
	if c.Settings.AuditRetention != "off" {
		c.AuditRetention = c.parseSeconds(list, "GATEPOST_AUDIT_RETENTION", c.Settings.AuditRetention)
	}
	c.Profiling = c.parseBool(list, "GATEPOST_PROFILING", c.Settings.Profiling)
	switch strings.ToLower(c.Settings.LogLevel) {
	case "debug", "info", "warn", "error":
		_ = c.LogLevel.UnmarshalText([]byte(c.Settings.LogLevel)) // one of the four, so it cannot fail
	default:
		list.Add(fmt.Errorf("GATEPOST_LOG_LEVEL: %s is none of debug, info, warn and error",
			Quote(c.Settings.LogLevel)))
	}
}

func (c *Config) checkDrain(list *Faults) {
	if c.Settings.DrainDelay != "0s" && c.Settings.DrainDelay != "0" {
		c.DrainDelay = c.parseDuration(list, "GATEPOST_DRAIN_DELAY", c.Settings.DrainDelay)
	}
	c.DrainTimeout = c.parseDuration(list, "GATEPOST_DRAIN_TIMEOUT", c.Settings.DrainTimeout)
}

// Cookie is the session cookie for the public URL.
func (c *Config) Cookie() session.Cookie {
	port := c.PublicURL.Port()
	if port == "" {
		port = "80"
	}
	return session.NewCookie(c.PublicURL.Scheme == "https", port, c.SessionLifetime).With(c.Elsewhere)
}
