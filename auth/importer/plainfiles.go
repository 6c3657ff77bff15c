package importer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/password"
)

// fieldsOfFiles are what a file of users may say of each.
var fieldsOfFiles = []string{"id", "email", "email_verified", "name", "username", "username_given", "image", "roles",
	"created_at", "disabled", "disabled_until", "password", "hasher", "accounts", "second_factor",
	"totp_secret", "recovery_codes"}

// filesSay are those of them that say what a person has.
var filesSay = map[string][]string{verifiedField: {"email_verified"}, nameField: {"name"},
	usernameField: {"username"}, imageField: {"image"},
	rolesField: {"roles"}, disabledField: {"disabled", "disabled_until"}, untilField: {"disabled_until"},
	passwordField: {"password"}, accountsField: {"accounts"}, factorField: {"second_factor", "totp_secret"},
	passkeysField: {"passkeys"}}

// otherNames are what others call them.
var otherNames = map[string]string{"verified": "email_verified", "emailconfirmed": "email_verified",
	"confirmed": "email_verified", "passwordhash": "password", "hash": "password", "passworddigest": "password",
	"banned": "disabled", "blocked": "disabled", "banexpires": "disabled_until", "role": "roles", "picture": "image",
	"avatar": "image", "avatarurl": "image", "fullname": "name", "mail": "email", "emailaddress": "email",
	"userid": "id", "created": "created_at", "mfa": "second_factor", "twofactorenabled": "second_factor",
	"totp": "totp_secret", "otpsecret": "totp_secret", "mfasecret": "totp_secret", "twofactorsecret": "totp_secret",
	"backupcodes": "recovery_codes"}

// unknown says what is to be done about a name that is not among those that are known; empty: it is known. One that
// was left out of account might be a ban.
func unknown(name string, known []string) (why string) {
	if slices.Contains(known, name) {
		return ""
	}
	bare := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
	}
	meant := otherNames[bare(name)]
	for _, k := range known {
		if bare(k) == bare(name) {
			meant = k
		}
	}
	if meant == "" {
		return " (known are " + strings.Join(known, ", ") + ")"
	}
	return " (is it " + meant + "?)"
}

// CSV reads a CSV file of any other system. Its columns are id, email, email_verified, name, username, username_given,
// image, roles, created_at, disabled, disabled_until, password, hasher, accounts, second_factor, totp_secret and
// recovery_codes; only id and email have to be there. hasher is one of the names that Clerk has for hashes, for one
// that does not say itself what it is. accounts are as in "google:1234 github:567".
type CSV struct {
	File string
	// Issuers are as in Database.
	Issuers map[string]string
	// From names the system, if several are imported from files, with letters, digits and _ . - and not as a source is
	// called. Empty: "csv".
	From string
}

// Name implements Source.
func (c CSV) Name() string { return cmp.Or(c.From, "csv") }

// Ordered implements Source.
func (CSV) Ordered() bool { return false }

// People implements Source.
func (c CSV) People(ctx context.Context, f Taker) error {
	if err := checkName(c.From); err != nil {
		return err
	}
	return readNamed(ctx, c.Issuers, c.read, f)
}

var systemName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// checkName fails for a name of a system that cannot be one, or that people of another source are remembered by: those
// of a file would be taken for them, and what their source alone may do, as bringing sessions, would be done for them.
func checkName(from string) error {
	reserved := []string{BetterAuth{}.Name(), AuthJS{}.Name(), Supabase{}.Name(), Clerk{}.Name(), Auth0{}.Name(),
		CSV{}.Name(), JSON{}.Name(), Fallback}
	switch {
	case from == "":
		return nil
	case slices.Contains(reserved, strings.ToLower(from)):
		return fmt.Errorf("--name %s is what people of another source are remembered by: choose another name", from)
	case !systemName.MatchString(from):
		return errors.New("--name takes 1 to 64 letters, digits and _ . - (example: --name shop)")
	}
	return nil
}

func (c CSV) read(ctx context.Context, f Taker) error {
	g := newGather(ctx, f, c.File)
	err := rows(c.File, []string{"id", "email"}, fieldsOfFiles, func(r row) error {
		return g.add(c.person(r), r.offset)
	})
	if err != nil {
		return err
	}
	return g.end()
}

func (c CSV) person(r row) Person {
	v := r.values
	p := Person{Where: r.where, Err: r.err, ID: v["id"], Email: v["email"], Name: v["name"],
		Username: v["username"], Image: v["image"], Roles: splitRoles(v["roles"]),
		unsaid: unsaidBy(filesSay, func(name string) bool { _, is := v[name]; return is })}
	for _, b := range []struct {
		column string
		to     *bool
	}{{"email_verified", &p.Verified}, {"username_given", &p.UsernameGiven}, {"disabled", &p.Disabled},
		{"second_factor", &p.SecondFactor}} {
		p.fail(readBool(b.column, v[b.column], b.to))
	}
	for _, t := range []struct {
		column string
		to     *time.Time
	}{{"created_at", &p.Created}, {"disabled_until", &p.Until}} {
		p.fail(readTime(t.column, v[t.column], t.to))
	}
	p.settleBan(v["disabled"] != "")
	p.readPassword(v["hasher"], v["password"])
	p.readFactor(v["totp_secret"], strings.Fields(v["recovery_codes"]))
	for account := range strings.FieldsSeq(v["accounts"]) {
		provider, subject, ok := strings.Cut(account, ":")
		if !ok || subject == "" || strings.ContainsAny(account, ",;") { // one that is several is nobody's
			p.fail(errors.New("has accounts that cannot be read: write google:1234 github:567, with spaces between them"))
			continue
		}
		Database{Issuers: c.Issuers}.link(&p, provider, subject, "", time.Time{})
	}
	return p
}

// settleBan makes somebody disabled of whom a file has only the end of a ban that is not over. said is whether the file
// says whether they are.
func (p *Person) settleBan(said bool) {
	switch {
	case p.Disabled || !p.Until.After(time.Now()):
	case said:
		p.fail(errors.New("has a time in disabled_until that is not over, and false in disabled: nobody knows which one " +
			"counts"))
	default:
		p.Disabled = true
	}
}

// fail keeps the first reason why a person cannot be taken.
func (p *Person) fail(err error) {
	if p.Err == nil {
		p.Err = err
	}
}

// readFactor takes an authenticator app, and the recovery codes beside it.
func (p *Person) readFactor(key string, codes []string) {
	if key != "" {
		p.takeKey(key)
		p.takeCodes(codes)
	}
}

func (p *Person) readPassword(hasher, hash string) {
	if hasher == "" || hash == "" {
		p.setPassword(hash)
		return
	}
	p.Password, p.Unknown = password.Clerk(hasher, hash)
}

func readBool(column, s string, to *bool) (err error) {
	if s == "" {
		return nil
	}
	if *to, err = strconv.ParseBool(strings.ToLower(s)); err != nil {
		return fmt.Errorf("has neither true nor false in the column %s", column)
	}
	return nil
}

func readTime(column, s string, to *time.Time) (err error) {
	if s == "" {
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05.999999999Z07", time.DateTime, time.DateOnly} {
		if *to, err = time.Parse(layout, s); err == nil {
			return nil
		}
	}
	return fmt.Errorf("has no time in the column %s (example: 2026-01-02T15:04:05Z)", column)
}

// JSON reads lines of JSON, each an Exported: what Export writes, and what is easily made of any other system.
type JSON struct {
	File string
	// Issuers and From are as in CSV. The default of From is "json".
	Issuers map[string]string
	From    string
}

// Name implements Source.
func (j JSON) Name() string { return cmp.Or(j.From, "json") }

// Ordered implements Source.
func (JSON) Ordered() bool { return false }

// Exported is one user as a line of JSON. An export writes a field that is empty, too: one that no record has is one
// that the file says nothing of.
type Exported struct {
	ID            string            `json:"id"`
	Email         string            `json:"email"`
	EmailVerified bool              `json:"email_verified"`
	Name          string            `json:"name"`
	Username      string            `json:"username"`
	UsernameGiven bool              `json:"username_given,omitempty"` // by an operator; else they chose it
	Image         string            `json:"image"`
	Roles         []string          `json:"roles,omitzero"` // empty: no role; missing: "user"
	CreatedAt     time.Time         `json:"created_at,omitzero"`
	Disabled      bool              `json:"disabled"`
	DisabledUntil time.Time         `json:"disabled_until,omitzero"`
	Password      string            `json:"password"`         // a hash; empty: there is none
	Hasher        string            `json:"hasher,omitempty"` // as in CSV
	SecondFactor  bool              `json:"second_factor,omitempty"`
	TOTPSecret    string            `json:"totp_secret,omitempty"`    // the key of an authenticator app, in Base32
	RecoveryCodes []string          `json:"recovery_codes,omitempty"` // of another system: an export has none
	Passkeys      []ExportedPasskey `json:"passkeys"`
	Accounts      []ExportedAccount `json:"accounts"`
	Sessions      []ExportedSession `json:"sessions,omitempty"`
	// UsernamesTaken are the SHA-256, in hex, of names that nobody else is given. Without an id they are those of people
	// who are gone.
	UsernamesTaken []string `json:"usernames_taken,omitempty"`
}

// MarshalJSON implements json.Marshaler. Names of people who are gone have no fields of a user.
func (e Exported) MarshalJSON() ([]byte, error) {
	if e.ID == "" {
		return json.Marshal(map[string][]string{"usernames_taken": e.UsernamesTaken})
	}
	type plain Exported
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	err := lines.Encode(plain(e))
	return b.Bytes(), err
}

// ExportedAccount is an account at a provider. Issuer may be left out where the provider is a well-known one.
type ExportedAccount struct {
	Provider  string    `json:"provider"`
	Issuer    string    `json:"issuer,omitempty"`
	Subject   string    `json:"subject"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// ExportedSession is a session. Token is the SHA-256, in hex, of the token that the cookie carries. No import takes it.
type ExportedSession struct {
	Token     string    `json:"token_sha256"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// People implements Source.
func (j JSON) People(ctx context.Context, f Taker) error {
	if err := checkName(j.From); err != nil {
		return err
	}
	return readNamed(ctx, j.Issuers, j.read, f)
}

func (j JSON) read(ctx context.Context, f Taker) error {
	there, err := fieldsIn(j.File, slices.Concat(slices.Collect(maps.Values(filesSay))...)...)
	if err != nil {
		return err
	}
	unsaid := unsaidBy(filesSay, func(name string) bool { return there[name] })
	delete(unsaid, untilField) // a ban without it is for good: so an export writes one
	g := newGather(ctx, f, j.File)
	err = objects(j.File, func(o object) error {
		var e Exported
		err := readJSON(o.raw, &e)
		if err == nil {
			err = onlyKnown(o.raw)
		}
		if err != nil {
			return g.add(Person{Where: o.where, Err: err}, o.offset)
		}
		p := j.person(e)
		var ban struct {
			Disabled *bool `json:"disabled"`
		}
		_ = json.Unmarshal(o.raw, &ban) // it was read above
		p.settleBan(ban.Disabled != nil)
		p.Where, p.unsaid = o.where, unsaid
		return g.add(p, o.offset)
	})
	if err != nil {
		return err
	}
	return g.end()
}

// onlyKnown fails if an object has a field that would be left out of account.
func onlyKnown(raw json.RawMessage) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return cannotRead(err)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if why := unknown(strings.ToLower(name), fieldsOfJSON); why != "" {
			return fmt.Errorf("has a field %q that gives nothing here%s; rename it, or take it out", name, why)
		}
	}
	return nil
}

// fieldsOfJSON are what an Exported may have. An import takes no sessions.
var fieldsOfJSON = append(slices.Clone(fieldsOfFiles), "passkeys", "sessions", "usernames_taken")

func (j JSON) person(e Exported) Person {
	p := Person{ID: e.ID, Email: e.Email, Verified: e.EmailVerified, Name: e.Name, Username: e.Username,
		UsernameGiven: e.UsernameGiven, UsernamesTaken: e.UsernamesTaken, Image: e.Image, Roles: e.Roles,
		Created: e.CreatedAt, Disabled: e.Disabled, Until: e.DisabledUntil, SecondFactor: e.SecondFactor}
	if slices.ContainsFunc(p.UsernamesTaken, func(s string) bool { return !hashed.MatchString(s) }) {
		p.fail(errors.New("has no SHA-256, in 64 of 0-9 and a-f, in the field usernames_taken"))
	}
	p.readPassword(e.Hasher, e.Password)
	p.readFactor(e.TOTPSecret, e.RecoveryCodes)
	for _, k := range e.Passkeys {
		p.takePasskey(k.passkey())
	}
	if len(e.Sessions) > 0 {
		p.Notes = append(p.Notes, "sessions are not brought over from a file")
	}
	for _, a := range e.Accounts {
		if u, err := url.Parse(a.Issuer); a.Issuer != "" && (err != nil || u.Host == "") {
			p.fail(fmt.Errorf("has an account at %s whose issuer is no address like https://login.example.com", a.Provider))
			continue
		}
		Database{Issuers: j.Issuers}.link(&p, a.Provider, a.Subject, a.Issuer, a.CreatedAt)
	}
	return p
}
