package doctor

import (
	"bufio"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestTheCorpusIsTheSameEveryTimeAndHasNoDuplicates(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"/dashboard", "/"}, {"/app/Keys.v1", "/public/a"}, {"/d", "/x"}} {
		list := spellings(c[0], c[1], "/login", "app.example.com")
		if !reflect.DeepEqual(list, spellings(c[0], c[1], "/login", "app.example.com")) {
			t.Error("two corpora differ")
		}
		seen := map[string]bool{"GET " + c[0]: true} // the page itself
		used := map[string]bool{}
		for _, s := range list {
			key := s.verb() + " " + s.target
			if seen[key] {
				t.Errorf("%s is there twice", key)
			}
			seen[key], used[s.kind] = true, true
			if kinds[s.kind] == "" {
				t.Errorf("nobody reads the kind %q", s.kind)
			}
			if _, err := s.bytes("app.example.com"); err != nil {
				t.Errorf("%q: %v", s.target, err)
			}
			if strings.Contains(s.target, "//") && strings.Contains(s.target, ".example") &&
				!strings.Contains(s.target, "app.example.com") {
				t.Errorf("%q names a host that may exist", s.target)
			}
		}
		if len(used) != len(kinds) || len(list) < 300 {
			t.Errorf("%d spellings of %d kinds, out of %d", len(list), len(used), len(kinds))
		}
	}
}

func TestTheCorpusHasWhatIsKnownToWork(t *testing.T) {
	t.Parallel()
	var targets []string
	for _, s := range spellings("/dashboard", "/public", "/login", "app.example.com") {
		targets = append(targets, s.target)
	}
	for _, want := range []string{
		"//dashboard", "/./dashboard", "/x/../dashboard", "/dashboard/", "/dashboard//", "/x/..%2fdashboard",
		"/x/%2e%2e/dashboard", "/%64ashboard", "/%2564ashboard", "/%252564ashboard",
		"/x/%252e%252e%252fdashboard", `/\dashboard`, "/x/..%5cdashboard", "/dashboard;x=1", "/x/..;/dashboard",
		"/;/dashboard", "/Dashboard", "/DASHBOARD", "/dashboard.", "/dashboard%20",
		"/dashboard%00", "/dashboard%0a", "/dashboard%09", "/dashboard.json", "/dashboard.html", "/dashboard.php",
		"/index.php/dashboard", "//app.example.com/dashboard",
		"http://" + otherHost + "/dashboard", "http:dashboard", "/dashboard#", "/dashboard%23", "/%u0064ashboard",
		"/x/..%c0%afdashboard", "/%EF%BD%84ashboard",
		"/_next/data/build/dashboard.json", "/dashboard::$DATA", "/dashboard?x=/public", "/public/../dashboard",
		"/public/..%2fdashboard", "/public/..;/dashboard",
		"/login/../dashboard", "/.gatepost/healthz/../../dashboard", "/dashboard%2fx", "/da\u017Fhboard",
	} {
		if want = escape(want); !slices.Contains(targets, want) {
			t.Errorf("no %s", want)
		}
	}
}

// A request with a line end is never sent, as it would be two requests.
func TestALineEndIsNeverSent(t *testing.T) {
	t.Parallel()
	for _, r := range []request{{target: "/a\nb"}, {target: "/", lines: []string{"A: b\r\nC: d"}},
		{method: "GET\n", target: "/"}, {target: "/", trailer: "A: b\n"}} {
		if _, err := r.bytes("host"); err == nil {
			t.Errorf("%q is sent", r.String())
		}
	}
	raw, err := request{method: "POST", target: `/\x#`, lines: []string{"User-Agent: other"},
		body: "a=b"}.bytes("host:1")
	want := "POST /\\x# HTTP/1.1\r\nHost: host:1\r\nAccept: */*\r\nConnection: close\r\nUser-Agent: " +
		"other\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"
	if err != nil || string(raw) != want {
		t.Errorf("got %q, %v", raw, err)
	}
	raw, _ = request{method: "POST", target: "/", trailer: "A: b"}.bytes("host")
	if r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(raw)))); err != nil || r.Trailer == nil {
		t.Errorf("the trailer: %v", err)
	}
}

func TestAnswersAreJudged(t *testing.T) {
	t.Parallel()
	e := &examination{c: Config{Protected: "/dashboard"}, site: site{scheme: "https", host: "app.example.com",
		address: "app.example.com:443"}, gate: learnt{login: "/login"}}
	to := func(status int, location string) answer {
		return answer{status: status, header: http.Header{"Location": {location}}}
	}
	for _, c := range []struct {
		a    answer
		want verdict
	}{
		{answer{status: 200}, through}, {answer{status: 206}, through}, {answer{status: 304}, through},
		{answer{status: 101}, through},
		{answer{status: 400}, shut}, {answer{status: 401}, shut}, {answer{status: 403}, shut},
		{answer{status: 405}, shut}, {answer{status: 414}, shut}, {answer{status: 431}, shut},
		{answer{status: 501}, shut}, {answer{status: 505}, shut}, {answer{status: 404}, elsewhere},
		{answer{status: 429}, throttled},
		{answer{status: 500}, broken}, {answer{status: 502}, broken}, {answer{err: errTimeout}, silent},
		{answer{err: errLineEnd}, cutOff},
		{to(303, "/login?next=%2Fdashboard"), shut}, {to(301, "/dashboard"), shut},
		{to(301, "https://app.example.com/dashboard/"), shut}, {to(308, "/Dashboard/x"), shut},
		{to(302, "/"), astray}, {to(302, "https://other.example/dashboard"), astray}, {to(302, ""), astray},
		{to(302, "/dashboards"), astray},
	} {
		if got := e.judge(c.a); got != c.want {
			t.Errorf("%s: got %d, want %d", c.a, got, c.want)
		}
	}
}

func TestTheReportReadsWell(t *testing.T) {
	t.Parallel()
	var r Report
	r.ok("gate", "gate.health", "all is well")
	r.add(Finding{Check: "spellings", ID: "spellings.dots", Level: Failed, Said: "1 spelling got through",
		Sent: `GET "/x"`, Got: "200 OK", Why: "It matters.", Cure: "Mend it."})
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `Is this a Gatepost?
  ok       all is well

Other spellings of the protected path
  FAILED   1 spelling got through: GET "/x" was answered with 200 OK
           It matters.
           Mend it.
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	for want, r := range map[string]Report{
		"1 thing is wrong, 0 warnings, 1 passed":                                   r,
		"2 things are wrong, 0 warnings, 0 passed":                                 {{Level: Failed}, {Level: Failed}},
		"nothing is wrong, but there is something to look at: 1 warning, 1 passed": {{Level: Warning}, {Level: OK}},
		"nothing is wrong: 1 test passed":                                          {{Level: OK}, {Level: Note}},
	} {
		if got := r.Summary(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
