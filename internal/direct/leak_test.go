package direct

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// running are the goroutines of this package's own, tests left out.
func running() (list []string) {
	all := make([]byte, 4<<20)
	all = all[:runtime.Stack(all, true)]
	for g := range bytes.SplitSeq(all, []byte("\n\n")) {
		if bytes.Contains(g, []byte("direct.(*Transport)")) || bytes.Contains(g, []byte("direct.(*upload)")) ||
			bytes.Contains(g, []byte("direct.(*conn)")) {
			list = append(list, string(g))
		}
	}
	return list
}

// descriptors are the files that the process has open; -1 where nobody says.
func descriptors() int {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(files)
}

// Whatever requests come to, afterwards no goroutine and no connection is left. It runs alone, as it counts those of
// the process.
func TestNothingIsLeftOpen(t *testing.T) {
	before := descriptors()
	app := newApp(t, func(p *peer) {
		for {
			r, err := http.ReadRequest(p.in)
			if err != nil {
				return
			}
			switch r.Header.Get("X-Do") {
			case "answer":
				_, _ = io.Copy(io.Discard, r.Body)
				p.say(second, p.number)
			case "hang":
				_, _ = io.Copy(io.Discard, p.in)
				return
			case "half":
				p.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
				_, _ = io.Copy(io.Discard, p.in)
				return
			case "garbage":
				p.say("garbage\r\n\r\n")
				return
			case "early":
				p.say("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
				_, _ = io.Copy(io.Discard, p.in)
				return
			default:
				return
			}
		}
	})
	rt := makers["direct"](app.dial, patienceOfTests)
	var all sync.WaitGroup
	for _, do := range []string{"answer", "hang", "half", "garbage", "early", "close"} {
		for _, body := range []string{"", "hello", strings.Repeat("a", 1<<20)} {
			for range 5 {
				all.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
					defer cancel()
					r, err := http.NewRequestWithContext(ctx, "PUT", "http://app/", strings.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("X-Do", do)
					res, err := rt.RoundTrip(r)
					if err != nil {
						return
					}
					if do != "half" || len(body) == 0 {
						_, _ = io.Copy(io.Discard, res.Body)
					}
					_ = res.Body.Close()
				})
			}
		}
	}
	all.Wait()
	rt.CloseIdleConnections()
	eventually(t, "its goroutines have ended", func() bool { return len(running()) == 0 })
	app.close()
	eventually(t, "its connections are closed", func() bool { return descriptors() <= before })
}

// Many requests at once, some of which leave: each gets its own answer. This is for -race.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	app := newApp(t, func(p *peer) {
		for n := 0; ; n++ {
			r := p.request()
			if r == nil {
				return
			}
			b, _ := io.ReadAll(r.Body)
			end := ""
			if n%3 == 2 {
				end = "Connection: close\r\n"
			}
			mark := r.Header.Get("X-A")
			p.say("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s%s", end, len(b)+len(mark), mark, b)
			if end != "" && n%2 == 0 {
				return
			}
		}
	})
	rt := app.open(makers["direct"])
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			for i := range 30 {
				body, mark := "", strings.Repeat(string(rune('a'+n)), 1+i*300)
				method := "GET"
				if i%2 == 1 {
					body, method = strings.Repeat("b", i*1000), "POST"
				}
				r := newRequest(t, method, strings.NewReader(body))
				if body == "" {
					r.Body = nil
				}
				r.Header.Set("X-A", mark)
				ctx, cancel := context.WithCancel(r.Context())
				if i%7 == 6 {
					time.AfterFunc(time.Duration(i)*10*time.Microsecond, cancel)
				}
				got, err := ask(rt, r.WithContext(ctx))
				if got.Body != mark+body && err == nil {
					t.Errorf("got another answer: %.40q, want %.40q", got.Body, mark+body)
				}
				if err != nil && i%7 != 6 && method == "GET" {
					t.Error(err)
				}
				if i%5 == 4 {
					rt.CloseIdleConnections()
				}
				cancel()
			}
		})
	}
	all.Wait()
}
