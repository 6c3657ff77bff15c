package acceptance_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/provider/providertest"
)

// forge begins a sign-in with corp from an address, and returns the request of an answer that the provider never gave.
func (g *running) forge(t *testing.T, from string) *http.Request {
	t.Helper()
	v := g.visitor(t)
	r := v.do("POST", "/login/with/corp", strings.NewReader(""), navigate, "X-Forwarded-For: "+from)
	to, err := url.Parse(strings.TrimPrefix(r.header.Get("Refresh"), "0; url="))
	if r.status != 200 || err != nil {
		t.Fatalf("begin from %s: %d %v %s", from, r.status, err, r.body)
	}
	answer := url.Values{"state": {to.Query().Get("state")}, "code": {"forged"}}
	if iss := to.Scheme + "://" + to.Host; to.Path == "/authorize" {
		answer.Set("iss", iss)
	}
	back, err := http.NewRequest("GET", g.url+"/api/auth/callback/corp?"+answer.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	back.Header.Set("X-Forwarded-For", from)
	for _, c := range v.client.Jar.Cookies(back.URL) {
		back.AddCookie(c)
	}
	return back
}

// forgers send requests at once.
type forgers struct {
	all                          sync.WaitGroup
	crowded, unavailable, others atomic.Int64
}

func (c *forgers) send(r *http.Request) {
	c.all.Go(func() {
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			c.others.Add(1)
			return
		}
		_ = res.Body.Close()
		switch {
		case res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") != "":
			c.crowded.Add(1)
		case res.StatusCode >= 500:
			c.unavailable.Add(1)
		default:
			c.others.Add(1)
		}
	})
}

// Forged answers, each of a sign-in of its own, keep a provider busy that is slow. Two networks with as many of them as
// they may have leave room: somebody else begins, is heard, and gets in; and nothing says that the provider is down.
func TestForgedAnswersHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	g := startCorp(t, s, "GATEPOST_TRUSTED_PROXIES=127.0.0.0/8")
	const each = 140
	var forged []*http.Request
	for _, from := range []string{"203.0.113.66", "198.51.100.66"} {
		for range each {
			forged = append(forged, g.forge(t, from))
		}
	}
	s.Hold("token")
	var crowd forgers
	for _, r := range forged {
		crowd.send(r)
	}
	eventually(t, "the provider is asked as often as may be", func() bool {
		return s.Requests("token")+int(crowd.crowded.Load()) == len(forged)
	})
	asked := s.Requests("token")
	v, other := g.visitor(t), "X-Forwarded-For: 192.0.2.7"
	r := v.do("POST", "/login/with/corp", strings.NewReader(""), navigate, other)
	if r.status != 200 {
		t.Fatalf("somebody else begins: %d %s", r.status, r.body)
	}
	answer := s.Authorize(t, strings.TrimPrefix(r.header.Get("Refresh"), "0; url=")).Encode()
	in := make(chan reply, 1)
	go func() { in <- v.do("GET", "/api/auth/callback/corp?"+answer, nil, navigate, other) }()
	eventually(t, "the provider is asked about somebody else", func() bool { return s.Requests("token") > asked })
	r = g.visitor(t).open("/login")
	givenUp := crowd.unavailable.Load() > 0 // on a busy machine, the provider
	if strings.Contains(r.body, "does not answer") && !givenUp {
		t.Errorf("the button says that the provider is down: %s", r.body)
	}
	s.Release()
	select {
	case r := <-in:
		if r.status != 303 || r.location() != "/" {
			t.Errorf("somebody else: %d to %q\n%s", r.status, r.location(), r.body)
		}
	case <-time.After(time.Minute):
		t.Fatal("somebody else waits")
	}
	crowd.all.Wait()
	if crowd.crowded.Load() < each/4 {
		t.Errorf("of %d forged ones %d were told that their network has too many", len(forged), crowd.crowded.Load())
	}
}
