package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

// A condition that is written wrongly is refused, with how it is written right, and never read as something weaker.
func TestAFaultyConditionIsRefusedWithTheRightSpelling(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		"/admin;aal2":              "/admin=+aal2",
		"/admin=admin;aal2":        "/admin=admin+aal2",
		"/admin=+aal2;fresh=10m":   "/admin=+aal2+fresh=10m",
		"/a;b":                     "write the path without it",
		"/a;admin=aal2":            "write the path without it",
		"/admin=aal2":              "write /admin=+aal2",
		"/admin=AAL2":              "write /admin=+aal2",
		"/admin=admin|aal2":        "write /admin=admin+aal2",
		"/a=x|AAL2|y|fresh=10m":    "write /a=x|y+aal2+fresh=10m",
		"/billing=fresh=10m":       "write /billing=+fresh=10m",
		"/billing=fresh":           "is a condition and no role",
		"/admin=+":                 "empty condition",
		"/admin=admin+":            "empty condition",
		"/admin=++aal2":            "empty condition",
		"/admin=admin++aal2":       "empty condition",
		"/admin=+aal2+aal2":        "twice",
		"/a=+fresh=5m+fresh=10m":   "twice",
		"/admin=+AAL2":             "did you mean aal2?",
		"/admin=+aal3":             "did you mean aal2?",
		"/admin=+2fa":              "did you mean aal2?",
		"/billing=+frsh=10m":       "did you mean fresh?",
		"/billing=+fresh":          "as in fresh=10m",
		"/billing=+fresh=":         "write it like fresh=10m",
		"/billing=+fresh=10":       "write it like fresh=10m",
		"/billing=+fresh=-10m":     "write it like fresh=10m",
		"/billing=+fresh=59s":      "1m0s or more",
		"/admin=+admin":            "there is no condition",
		"/billing=+fresh=10m=aal2": "write it like fresh=10m",
		"/admin=":                  "is not a role",
	} {
		_, err := ParseRules(rule, "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", rule, err, want)
		}
	}
	for _, rule := range []string{"/a=+aal2", "/a=+fresh=10m", "/a=admin", "/a=", "/a;aal2"} {
		if _, err := ParseRules("/", rule); err == nil || !strings.Contains(err.Error(), "GATEPOST_PUBLIC: rule") {
			t.Errorf("public %s: got %v", rule, err)
		}
	}
	for _, rule := range []string{
		"/a=+aal2", "/a = admin | owner + aal2 + fresh=1h30m", "GET /a=+fresh=1m", "/c+aal2", "/c++",
	} {
		if _, err := ParseRules(rule, ""); err != nil {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// aged is a session whose user was proved some time ago.
func aged(age time.Duration, roles []string, methods ...session.Method) session.Session {
	return session.Session{User: session.User{Roles: roles}, Proof: session.Proof{Methods: methods},
		ActiveAt: time.Now().Add(-age)}
}

// Whichever reading of a path has a condition, it counts: every role list, the highest level and the shortest age.
func TestConditionsOfAllReadingsAddUp(t *testing.T) {
	t.Parallel()
	rules := mustRules(t, "/, /Admin=admin+aal2, /admin=+fresh=1h, /billing=+fresh=10m, "+
		"/billing/cards=+aal2+fresh=30m", "")
	second := []session.Method{session.Password, session.OTP}
	for _, c := range []struct {
		path  string
		level int
		age   time.Duration
	}{
		{"/", 0, 0}, {"/x", 0, 0},
		{"/admin", 2, time.Hour}, {"/ADMIN/x", 2, time.Hour}, {"/x/../admin", 2, time.Hour}, {"//admin", 2, time.Hour},
		{"/%61dmin", 2, time.Hour}, {"/admin;a=b", 2, time.Hour}, {"/_next/data/b/admin.json", 2, time.Hour},
		{"/billing", 0, 10 * time.Minute}, {"/billing/cards", 2, 30 * time.Minute},
		{"/billing/cards/..%2f", 2, 10 * time.Minute}, {"/billing/x/..%2fcards", 2, 10 * time.Minute},
		{"/billing.json", 0, 10 * time.Minute},
	} {
		a := rules.For("GET", c.path)
		if got := *a.stepUp(); got.Level != c.level || got.MaxAge != c.age {
			t.Errorf("%s needs %+v, want level %d and age %v", c.path, got, c.level, c.age)
		}
		for _, v := range []session.Session{
			aged(c.age+time.Minute, []string{"admin"}, second...), aged(0, []string{"admin"}, session.Password),
			aged(0, nil, second...), {User: session.User{Roles: []string{"admin"}}},
		} {
			want := (c.age == 0 || v.Age() <= c.age) && (c.level == 0 || v.Proof.Level() == 2)
			lacking := a.lacking(v)
			role := strings.Contains(a.String(), "role admin") && len(v.User.Roles) == 0
			switch {
			case role && lacking != ofRole:
				t.Errorf("%s: the role is not asked for first, but %v", c.path, lacking)
			case !role && (lacking == nil) != want:
				t.Errorf("%s of level %d and age %v: lacks %v", c.path, v.Proof.Level(), v.Age(), lacking)
			case !role && lacking != nil && lacking.status != 401:
				t.Errorf("%s: status %d", c.path, lacking.status)
			}
		}
		ok := aged(c.age/2, []string{"admin"}, second...)
		if !a.allows(ok) || rules.StepUp(c.path, ok) != nil {
			t.Errorf("%s: whoever has everything lacks %v", c.path, a.lacking(ok))
		}
		// What lasts goes on when time goes by, and not without its role or its level.
		if !a.goesOn(aged(time.Hour*99, []string{"admin"}, second...)) {
			t.Errorf("%s: what lasts ends with time", c.path)
		}
		if a.goesOn(aged(0, []string{"admin"}, session.Password)) != (c.level == 0) {
			t.Errorf("%s: what lasts goes on without its level", c.path)
		}
	}
	if got, want := rules.For("GET", "/billing/x/..%2fcards").String(),
		"needs a proof within 10m, and level 2 (a second factor)"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// A path with more readings than are followed needs what any rule does.
func TestAPathOfTooManyReadingsNeedsEveryCondition(t *testing.T) {
	t.Parallel()
	rules := mustRules(t, "/a=+aal2, /b=+fresh=5m, /c=+fresh=10m", "/d")
	path := "/d" + strings.Repeat("/%252e%252e%255c;x/..", 200)
	if _, complete := rules.Explain("GET", path); complete {
		t.Skip("the gate follows all readings of this path")
	}
	if got := *rules.For("GET", path).stepUp(); got.Level != 2 || got.MaxAge != 5*time.Minute {
		t.Errorf("it needs %+v", got)
	}
}

// Those who must have a second factor have one before anything protected opens, or a browser that is trusted. Nothing
// public needs one.
func TestAPolicyAsksForASecondFactorOnEveryProtectedPath(t *testing.T) {
	t.Parallel()
	rules := mustRules(t, "/, /admin=admin, /keys=+aal2", "/open")
	all, admins := rules.WithSecondFactor(nil), rules.WithSecondFactor([]string{"admin", "owner"})
	plain, admin := []string{"user"}, []string{"admin"}
	for _, c := range []struct {
		rules Rules
		path  string
		roles []string
		proof []session.Method
		want  *condition
	}{
		{all, "/x", plain, []session.Method{session.Password}, ofFactor},
		{all, "/x", plain, []session.Method{session.Password, session.OTP}, nil},
		{all, "/x", plain, []session.Method{session.Password, session.Trusted}, nil},
		{all, "/keys", plain, []session.Method{session.Password, session.Trusted}, ofLevel},
		{all, "/admin", plain, []session.Method{session.Password}, ofRole},
		{admins, "/x", plain, []session.Method{session.Password}, nil},
		{admins, "/x", admin, []session.Method{session.Password}, ofFactor},
		{admins, "/admin", admin, []session.Method{session.Password, session.Recovery}, nil},
		{rules, "/x", admin, []session.Method{session.Password}, nil},
	} {
		a := c.rules.For("GET", c.path)
		if got := a.lacking(aged(0, c.roles, c.proof...)); got != c.want {
			t.Errorf("%s of %v with %v: lacks %v, want %v", c.path, c.roles, c.proof, got, c.want)
		}
	}
	if a := all.For("GET", "/open"); !a.Public || len(a.Needs) > 0 {
		t.Errorf("a public path needs %v", a)
	}
	if got := admins.For("GET", "/x").String(); got != "needs a second factor for role admin or owner" {
		t.Errorf("it says %q", got)
	}
}

// Whoever checks the settings hears of a longer rule that drops a condition of a shorter one.
func TestADroppedConditionIsAWarning(t *testing.T) {
	t.Parallel()
	for protect, want := range map[string]string{
		"/, /admin=+aal2, /admin/keys=admin":                   `rule "/admin/keys=admin" does not ask for level 2`,
		"/pay=+fresh=10m, /pay/x=+fresh=20m":                   `"/pay/x=+fresh=20m" does not ask for a proof within 10m`,
		"/admin=+aal2, POST /admin=admin":                      `rule "POST /admin=admin" does not ask for level 2`,
		"/=+fresh=1h, /api":                                    `rule "/api" does not ask for a proof within 1h`,
		"/admin+aal2":                                          "a condition is written /admin=+aal2",
		"/, /admin=+aal2, /admin/keys=admin+aal2":              "",
		"/billing=+fresh=10m, /billing/x=+fresh=5m":            "",
		"GET /admin=+aal2, POST /admin/x":                      "",
		"/admin=+aal2, /administration, /x/admin, /keys=+aal2": "",
	} {
		doubts := strings.Join(mustRules(t, protect, "").Doubts(), "\n")
		if want == "" && strings.Contains(doubts, "does not ask") || !strings.Contains(doubts, want) {
			t.Errorf("%s: got %q, want %q", protect, doubts, want)
		}
	}
}

// FuzzARuleIsReadOrRefused tries to have a condition read as less than it says.
func FuzzARuleIsReadOrRefused(f *testing.F) {
	for _, s := range []string{
		"/a=+aal2", "/a=b|c+fresh=10m+aal2", "/a;aal2", "/a=aal2", "/a=+", "GET /a=x+aal2", "/a=b=c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		if strings.ContainsAny(rule, ",@") {
			return
		}
		r, err := ParseRules(rule, "")
		if err != nil || len(r.list) != 1 {
			return
		}
		path, needs, _ := strings.Cut(rule, "=")
		if got := strings.Count(needs, "+"); got != r.list[0].conditions() {
			t.Errorf("%q (%q) has %d conditions, and %d are read", rule, path, got, r.list[0].conditions())
		}
		if strings.Contains(rule, ";") {
			t.Errorf("%q is accepted", rule)
		}
	})
}

func (ru *rule) conditions() (n int) {
	for _, need := range ru.needs {
		if need.of != ofRole {
			n++
		}
	}
	return n
}
