package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// settings is the environment as the operator wrote it, defaults filled in. Strings only: config validates them, so
// that every fault is reported at once, names its variable and never quotes a secret.
type settings struct {
	DatabaseURL          string `env:"DATABASE_URL" secret:"true"`
	DirectDatabaseURL    string `env:"GATEPOST_DIRECT_DATABASE_URL" secret:"true"`
	Upstream             string `env:"GATEPOST_UPSTREAM"`
	UpstreamTimeout      string `env:"GATEPOST_UPSTREAM_TIMEOUT, default=60s"`
	Listen               string `env:"GATEPOST_LISTEN"`
	HTTPListen           string `env:"GATEPOST_HTTP_LISTEN"`
	TLSCert              string `env:"GATEPOST_TLS_CERT"`
	TLSKey               string `env:"GATEPOST_TLS_KEY"`
	ACMEDomains          string `env:"GATEPOST_ACME_DOMAINS"`
	ACMEEmail            string `env:"GATEPOST_ACME_EMAIL"`
	ACMEDirectory        string `env:"GATEPOST_ACME_DIRECTORY, default=https://acme-v02.api.letsencrypt.org/directory"`
	HSTS                 string `env:"GATEPOST_HSTS, default=8760h"`
	OpsListen            string `env:"GATEPOST_OPS_LISTEN, default=localhost:9180"`
	PublicURL            string `env:"GATEPOST_PUBLIC_URL"`
	AllowHTTP            string `env:"GATEPOST_ALLOW_HTTP, default=false"`
	Protect              string `env:"GATEPOST_PROTECT, default=/"`
	Public               string `env:"GATEPOST_PUBLIC"`
	Pages                string `env:"GATEPOST_PAGES, default=/"`
	Home                 string `env:"GATEPOST_HOME, default=/"`
	SignUp               string `env:"GATEPOST_SIGNUP, default=open"`
	SignUpDomains        string `env:"GATEPOST_SIGNUP_DOMAINS"`
	SignUpLimit          string `env:"GATEPOST_SIGNUP_LIMIT, default=5"`
	SignUpTotal          string `env:"GATEPOST_SIGNUP_TOTAL, default=0"`
	SMTPURL              string `env:"GATEPOST_SMTP_URL" secret:"true"`
	MailFrom             string `env:"GATEPOST_MAIL_FROM"`
	VerifyEmail          string `env:"GATEPOST_VERIFY_EMAIL"`
	NotifySignIns        string `env:"GATEPOST_NOTIFY_SIGN_INS, default=true"`
	AppName              string `env:"GATEPOST_APP_NAME"`
	Logo                 string `env:"GATEPOST_LOGO"`
	Accent               string `env:"GATEPOST_ACCENT"`
	TermsURL             string `env:"GATEPOST_TERMS_URL"`
	PrivacyURL           string `env:"GATEPOST_PRIVACY_URL"`
	Stylesheet           string `env:"GATEPOST_STYLESHEET"`
	Languages            string `env:"GATEPOST_LANGUAGES"`
	Overrides            string `env:"GATEPOST_OVERRIDES"`
	SessionIdle          string `env:"GATEPOST_SESSION_IDLE, default=168h"`
	SessionLifetime      string `env:"GATEPOST_SESSION_LIFETIME, default=720h"`
	SessionCache         string `env:"GATEPOST_SESSION_CACHE, default=30s"`
	PasswordMin          string `env:"GATEPOST_PASSWORD_MIN, default=8"`
	TrustedProxies       string `env:"GATEPOST_TRUSTED_PROXIES"`
	IdentityHeaders      string `env:"GATEPOST_IDENTITY_HEADERS, default=X-Auth-User=id, X-Auth-Email=email, X-Auth-Email-Verified=email_verified, X-Auth-Name=name, X-Auth-Roles=roles"`
	TrustUnverifiedEmail string `env:"GATEPOST_TRUST_UNVERIFIED_EMAIL, default=false"`
	StripHeaders         string `env:"GATEPOST_STRIP_HEADERS"`
	DataDir              string `env:"GATEPOST_DATA_DIR"`
	PostgresBin          string `env:"GATEPOST_POSTGRES_BIN"`
	DrainDelay           string `env:"GATEPOST_DRAIN_DELAY, default=0s"`
	DrainTimeout         string `env:"GATEPOST_DRAIN_TIMEOUT, default=10s"`
	Migrate              string `env:"GATEPOST_MIGRATE, default=true"`
	Profiling            string `env:"GATEPOST_PROFILING, default=false"`
	AuditRetention       string `env:"GATEPOST_AUDIT_RETENTION, default=2160h"`
	LogFormat            string `env:"GATEPOST_LOG_FORMAT, default=text"`
	LogLevel             string `env:"GATEPOST_LOG_LEVEL, default=info"`
}

// setting is one variable, for listing them.
type setting struct {
	name, value string
	secret      bool
}

// all lists the settings in the order of the struct.
func (s settings) all() []setting {
	v := reflect.ValueOf(s)
	list := make([]setting, v.NumField())
	for i := range list {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		list[i] = setting{name, v.Field(i).String(), f.Tag.Get("secret") == "true"}
	}
	return list
}

// differences names the settings that are not alike, but for those that a reload takes over.
func (s settings) differences(other settings) (list []string) {
	theirs := other.all()
	for i, k := range s.all() {
		if k.value != theirs[i].value && k.name != "GATEPOST_SMTP_URL" {
			list = append(list, k.name)
		}
	}
	return list
}

// readSettings fills the settings from the environment. An empty variable counts as not set: container tools pass
// those for whatever has no value.
func readSettings(ctx context.Context, env []string) (settings, faults) {
	values := map[string]string{}
	for _, entry := range env {
		if name, value, ok := strings.Cut(entry, "="); ok && value != "" {
			values[name] = value
		}
	}
	var list faults
	var s settings
	for _, k := range s.all() {
		if k.secret {
			list.add(readSecretFile(values, k.name))
		}
	}
	list = append(list, unknown(values)...)
	err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &s, Lookuper: envconfig.MapLookuper(values)})
	list.add(err)
	return s, list
}

// readSecretFile takes a secret from the file that NAME_FILE names, as container platforms mount them.
func readSecretFile(values map[string]string, name string) error {
	file, ok := values[name+"_FILE"]
	if !ok {
		return nil
	}
	if values[name] != "" {
		return fmt.Errorf("%s and %s_FILE are both set: keep one", name, name)
	}
	b, err := os.ReadFile(file)
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return fmt.Errorf("%s_FILE: cannot read %q: %w", name, file, pathErr.Err)
	case err != nil:
		return fmt.Errorf("%s_FILE: %w", name, err)
	}
	if values[name] = strings.TrimSpace(string(b)); values[name] == "" {
		return fmt.Errorf("%s_FILE: %q is empty", name, file)
	}
	return nil
}

// unknown reports variables of ours that do not exist: a misspelt protection must not silently be none.
func unknown(values map[string]string) faults {
	known := map[string]bool{}
	for _, k := range (settings{}).all() {
		known[k.name] = true
		if k.secret {
			known[k.name+"_FILE"] = true
		}
	}
	var list faults
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !strings.HasPrefix(name, "GATEPOST_") || known[name] || injected(name) {
			continue
		}
		list.add(fmt.Errorf("%s is not a setting; did you mean %s?", name, nearest(name, slices.Sorted(maps.Keys(known)))))
	}
	return list
}

// injected says that Kubernetes sets the variable in every pod beside a service named gatepost.
func injected(name string) bool {
	return strings.HasPrefix(name, "GATEPOST_SERVICE_") || strings.HasPrefix(name, "GATEPOST_PORT")
}

// nearest is the word with the fewest letters to change.
func nearest(word string, words []string) string {
	return slices.MinFunc(words, func(a, b string) int { return distance(word, a) - distance(word, b) })
}

// distance is Levenshtein's: letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// faults are everything wrong with a configuration, each a sentence.
type faults []error

// add takes in one fault, or each of several that were joined. An error that merely wraps others stays one sentence.
func (f *faults) add(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && faults(joined.Unwrap()).Error() == err.Error() {
		for _, e := range joined.Unwrap() {
			f.add(e)
		}
		return
	}
	*f = append(*f, err)
}

// addEach is add, with a name before each of several that were joined.
func (f *faults) addEach(name string, err error) {
	var list faults
	list.add(err)
	for _, e := range list {
		f.add(named(name, e))
	}
}

func (f faults) Error() string {
	lines := make([]string, len(f))
	for i, err := range f {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets one list take in another.
func (f faults) Unwrap() []error { return f }

func (f faults) orNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}
