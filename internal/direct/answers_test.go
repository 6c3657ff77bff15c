package direct

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// answers are what an app may say to a request, and what becomes of it. After each the app goes on to answer requests
// on the connection, so that kept tells whether it was used again.
var answers = []struct {
	name, method, say string
	want              string
	kept              bool
}{
	{"with a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, true},
	{"empty", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", `200 ""`, true},
	{"without a length", "GET", "HTTP/1.1 200 OK\r\n\r\nhi", `200 "hi"`, false},
	{"in chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", `200 "hi"`, true},
	{"chunk extensions", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b;c=\"d\"\r\nhi\r\n0;x\r\n\r\n",
		`200 "hi"`, true},
	{"a chunk size with zeros", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0002\r\nhi\r\n0\r\n\r\n",
		`200 "hi"`, true},
	{"a chunk size of 17 digits", "GET",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\nhi\r\n0\r\n\r\n", `200 "" cut`, false},
	{"a chunk size that is none", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nhi\r\n0\r\n\r\n",
		`200 "" cut`, false},
	{"a chunk that is too long", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n",
		`200 "h" cut`, false},
	{"a very long chunk extension", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" +
		strings.Repeat("a", 64<<10) + "\r\nhi\r\n0\r\n\r\n", `200 "" cut`, false},
	{"trailers", "GET", "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n",
		`200 "hi" map[X-Sum:[1]]`, true},
	{"trailers that nobody announced", "GET",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n", `200 "hi" map[X-Sum:[1]]`, true},
	{"a bad trailer", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX Sum\r\n\r\n",
		`200 "hi" cut`, false},
	{"closing", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, false},
	{"closing, empty", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", `200 ""`, false},
	{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, false},
	{"HTTP/1.0 that goes on", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, true},
	{"HTTP/1.0 without a length that goes on", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhi", `200 "hi"`, false},
	{"HTTP/1.0 in chunks", "GET", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", `200 "0\r\n\r\n"`, false},
	{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", `200 ""`, true},
	{"HEAD in chunks", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", `200 ""`, true},
	{"HEAD with a body", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", `200 ""`, false},
	{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", `204 ""`, true},
	{"204 with a body", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", `204 ""`, false},
	{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", `304 ""`, true},
	{"interim answers", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, true},
	{"101 that nobody asked for", "GET", "HTTP/1.1 101 Switching Protocols\r\n\r\n", `101 ""`, false},
	{"status 099", "GET", "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", `99 ""`, false},
	{"status 999", "GET", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", `999 ""`, true},
	{"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", "no answer", false},
	{"the same length twice", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, true},
	{"a negative length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi", "no answer", false},
	{"a length and chunks", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
		`200 "hi"`, true},
	{"a coding that nobody knows", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "no answer", false},
	{"more than its length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!", `200 "hi"`, false},
	{"two answers", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", `200 "hi"`, false},
	{"two answers in chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", `200 "hi"`, false},
	{"two answers to HEAD", "HEAD", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", `200 ""`, false},
	{"garbage", "GET", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "no answer", false},
	{"another protocol", "GET", "SSH-2.0-OpenSSH_9.9\r\n", "no answer", false},
	{"HTTP/2", "GET", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", `200 ""`, true},
	{"a header name with a space", "GET", "HTTP/1.1 200 OK\r\nX A: 2\r\nContent-Length: 0\r\n\r\n", `200 ""`, true},
	{"a header without a colon", "GET", "HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 0\r\n\r\n", "no answer", false},
	{"a folded header", "GET", "HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n", `200 ""`, true},
	{"lines without CR", "GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", `200 "hi"`, true},
	{"a header of 100 KiB", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: " + strings.Repeat("a", 100<<10) + "\r\n\r\n", `200 ""`, true},
	{"a long body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("a", 100000), `200 "` +
		strings.Repeat("a", 100000) + `"`, true},
	{"408 as an answer", "GET", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", `408 ""`, true},
}

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
