package direct

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// second is what the app says to every further request.
const second = "HTTP/1.1 200 OK\r\nX-Conn: %d\r\nContent-Length: 6\r\n\r\nsecond"

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, a := range answers {
		both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
			app := newApp(t, func(p *peer) {
				if p.number == 1 && p.request() != nil {
					p.say("%s", a.say)
					if !a.kept && !strings.HasPrefix(a.want, "no") {
						_ = p.CloseWrite() // a body without a length ends
					}
				}
				for p.request() != nil {
					p.say(second, p.number)
				}
			})
			rt := app.open(make)
			got, err := ask(rt, newRequest(t, a.method, nil))
			if got.String() != a.want {
				t.Errorf("%s: got %v (%v), want %s", a.name, got, err, a.want)
			}
			if _, theirs := rt.(*http.Transport); theirs && !a.kept {
				return // it may use the connection again before it has seen what is wrong with it
			}
			next, err := ask(rt, newRequest(t, "GET", nil))
			if want := map[bool]string{true: "1", false: "2"}[a.kept]; next.Body != "second" ||
				next.Header.Get("X-Conn") != want {
				t.Errorf("%s: the next request got %v on connection %s (%v), want connection %s", a.name, next,
					next.Header.Get("X-Conn"), err, want)
			}
		})
	}
}

// An answer may be cut at each of its bytes, by an end or a reset. Both implementations see the same, and never more
// than what was sent.
func TestAnswersThatBreakOff(t *testing.T) {
	t.Parallel()
	for _, a := range answers {
		if len(a.say) > 300 {
			continue
		}
		whole := a.say
		for cut := range len(whole) {
			outcomes := map[string]outcome{}
			for name, make := range makers {
				app := newApp(t, func(p *peer) {
					if p.request() != nil {
						p.say("%s", whole[:cut])
					}
				})
				rt := app.open(make)
				outcomes[name], _ = ask(rt, newRequest(t, a.method, nil))
				rt.CloseIdleConnections()
				app.close()
			}
			if !outcomes["direct"].equal(outcomes["net/http"]) {
				t.Errorf("%s, cut after %d bytes: %v, and by net/http %v", a.name, cut, outcomes["direct"], outcomes["net/http"])
			}
		}
	}
}

// What comes on an idle connection ends it, and never answers a request. This is ours alone: whether http.Transport has
// seen such bytes before the next request is a matter of time.
func TestWhatComesLateAnswersNobody(t *testing.T) {
	t.Parallel()
	for name, come := range map[string]func(*peer){
		"an answer": func(p *peer) { p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil") },
		"a byte":    func(p *peer) { p.say("\n") },
		"408":       func(p *peer) { p.say("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n") },
		"the end":   func(p *peer) { _ = p.Close() },
		"half":      func(p *peer) { _ = p.CloseWrite() },
		"a reset":   (*peer).reset,
	} {
		for _, method := range []string{"GET", "POST"} {
			read, came := newGate(), newGate()
			app := newApp(t, func(p *peer) {
				if p.number == 1 && p.request() != nil {
					p.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
					read.wait()
					come(p)
					came.open()
				}
				for p.request() != nil {
					p.say(second, p.number)
				}
			})
			rt := app.open(makers["direct"])
			if got, err := ask(rt, newRequest(t, "GET", nil)); got.Body != "first" {
				t.Fatal(got, err)
			}
			read.open()
			came.wait()
			got, err := ask(rt, newRequest(t, method, nil))
			if got.Body != "second" || got.Header.Get("X-Conn") != "2" {
				t.Errorf("after %s %s got %v on connection %q (%v)", name, method, got, got.Header.Get("X-Conn"), err)
			}
		}
	}
}

// A header that is too long is refused before all of it is read.
func TestEndlessHeaders(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]string{
		"one header":        "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", maxHeader),
		"many headers":      "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: a\r\n", maxHeader/8),
		"interim answers":   strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInterim+1),
		"long interim ones": strings.Repeat("HTTP/1.1 103 Early Hints\r\nX-A: "+strings.Repeat("a", 8<<10)+"\r\n\r\n", 128),
	} {
		app := newApp(t, func(p *peer) {
			if p.request() != nil {
				p.say("%s", flood)
				_, _ = p.in.ReadByte() // until the gate closes
			}
		})
		rt := app.open(makers["direct"])
		if got, err := ask(rt, newRequest(t, "GET", nil)); !got.Failed || err != errHeader && err != errInterim {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}
