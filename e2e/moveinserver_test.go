package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// layout is a version of Better Auth, and who has made its tables.
type layout struct {
	name, version string
	drizzle       bool
}

var layouts = []layout{
	{"1.6", "better-auth-1.6", false},
	{"1.7.1", "better-auth-1.7.1", false},
	{"1.7.25", "better-auth", false},
	{"1.7.25 with Drizzle", "better-auth", true},
}

// column is what a column is called there.
func (l layout) column(name string) string {
	if !l.drizzle {
		return `"` + name + `"`
	}
	return strings.ToLower(regexp.MustCompile(`[A-Z]`).ReplaceAllString(name, "_$0"))
}

// betterAuth is the real one, see movein/better-auth.mjs.
type betterAuth struct {
	*program
	layout
	url, port    string
	base, source string // the name and the address of its database
}

// start runs it until the test ends, with further settings. Neither it nor its database live in UTC: tables of
// Drizzle have times without a zone.
func (l layout) start(t *testing.T, more ...string) *betterAuth {
	t.Helper()
	return l.startAt(t, freePort(t), more...)
}

// startAt is start on a port that others know already.
func (l layout) startAt(t *testing.T, port string, more ...string) *betterAuth {
	t.Helper()
	needBrowser(t) // without a browser there is no PostgreSQL
	o := &betterAuth{layout: l, port: port}
	o.url = "http://localhost:" + o.port
	o.base, o.source = newDatabase(t)
	site.psql(t, "gatepost", `ALTER DATABASE `+o.base+` SET timezone = 'Asia/Tokyo'`)
	settings := []string{"PACKAGE=" + l.version, "DATABASE_URL=" + o.source, "PORT=" + o.port, "BASE=" + o.url,
		"SECRET=" + oldSecret, "TZ=America/New_York"}
	if l.drizzle {
		settings = append(settings, "DRIZZLE=1")
	}
	o.program = startOld(t, "better-auth.mjs", "Better Auth is up", append(settings, more...)...)
	return o
}

// member is somebody at Better Auth, in a browser of theirs.
type member struct {
	person
	t      *testing.T
	at     *betterAuth
	client *http.Client
	id     string

	key    []byte   // of their authenticator app
	backup []string // the codes that they were shown
}

// stranger is a browser at Better Auth without cookies.
func (o *betterAuth) stranger(t *testing.T, p person) *member {
	jar, _ := cookiejar.New(nil)
	return &member{person: p, t: t, at: o, client: &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// join signs somebody up. more are further fields of the form.
func (o *betterAuth) join(t *testing.T, login, password string) *member {
	t.Helper()
	m := o.stranger(t, person{"Zoë " + login, login + "@example.com", password})
	m.ask(200, "sign-up/email", map[string]any{"name": m.name, "email": m.email, "password": password})
	m.id = m.find()
	return m
}

// find returns the id of the user who is signed in.
func (m *member) find() string {
	m.t.Helper()
	var there struct{ User struct{ ID string } }
	if err := json.Unmarshal(m.get("/api/auth/get-session"), &there); err != nil || there.User.ID == "" {
		m.t.Fatalf("%s is not signed in at Better Auth: %v", m.email, err)
	}
	return there.User.ID
}

// ask calls the API with the browser's cookies, checks the status, and returns the answer.
func (m *member) ask(want int, path string, body map[string]any) map[string]any {
	m.t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	sent, _ := json.Marshal(body)
	r, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.at.url+"/api/auth/"+path, bytes.NewReader(sent))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", m.at.url)
	res, err := m.client.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	answer := map[string]any{}
	if err := json.Unmarshal(text, &answer); res.StatusCode != want || err != nil {
		m.t.Fatalf("%s at Better Auth: status %d, want %d (%v)\n%s", path, res.StatusCode, want, err, text)
	}
	return answer
}

func (m *member) get(path string) []byte {
	m.t.Helper()
	res, err := m.client.Get(m.at.url + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 400 {
		m.t.Fatalf("%s at Better Auth: status %d (%v)\n%s", path, res.StatusCode, err, text)
	}
	return text
}

// cookies are those of the browser, as it would send them to any port of this host.
func (m *member) cookies() []*http.Cookie {
	at, _ := url.Parse(m.at.url)
	return m.client.Jar.Cookies(at)
}

// confirm opens the link in the mail that confirms the address.
func (m *member) confirm() {
	m.t.Helper()
	m.ask(200, "send-verification-email", map[string]any{"email": m.email})
	mail := regexp.MustCompile(`(?m)^verify ` + regexp.QuoteMeta(m.email) + ` ` + regexp.QuoteMeta(m.at.url) + `(\S+)$`)
	if err := m.at.wait(func() bool { return mail.MatchString(m.at.out.String()) }); err != nil {
		m.t.Fatal(err)
	}
	m.get(mail.FindStringSubmatch(m.at.out.String())[1])
}

// enrol sets up a second factor.
func (m *member) enrol() {
	m.t.Helper()
	answer := m.ask(200, "two-factor/enable", map[string]any{"password": m.password})
	at, err := url.Parse(fmt.Sprint(answer["totpURI"]))
	if err != nil {
		m.t.Fatal(err)
	}
	secret := strings.TrimRight(at.Query().Get("secret"), "=")
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		m.t.Fatalf("%v: %v", at, err)
	}
	m.ask(200, "two-factor/verify-totp", map[string]any{"code": codeOf(key, time.Now())})
	m.key = key
	for _, code := range answer["backupCodes"].([]any) {
		m.backup = append(m.backup, fmt.Sprint(code))
	}
}

// codeOf is the code of RFC 6238 with six digits.
func codeOf(key []byte, now time.Time) string {
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/30)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&(1<<31-1)%1_000_000)
}
