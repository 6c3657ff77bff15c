package proxy

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/auth/session"
)

// anyRequest is a finished request. Many of its values need no quotation marks, and some do.
func anyRequest(t *rapid.T) (x *exchange, took time.Duration) {
	value := func(name string, ordinary ...string) string {
		return rapid.OneOf(rapid.SampledFrom(ordinary), rapid.StringMatching(`[!-~]{1,20}`),
			rapid.String()).Draw(t, name)
	}
	header := http.Header{}
	if rapid.Bool().Draw(t, "traced") {
		header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	}
	x = &exchange{
		request: &http.Request{Method: value("method", "GET", "POST"), Header: header},
		start: time.Unix(rapid.Int64Range(0, 1<<35).Draw(t, "seconds"),
			rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds")),
		id: value("id", "NE2HOVSGMPB5ZHYXNKMSCB7U2R"), address: value("client", "", "192.0.2.7", "2001:db8::1"),
		target:  target{path: value("path", "", "/", "/dashboard/items/42", "/caf%C3%A9")},
		class:   class(rapid.IntRange(0, int(classes)-1).Draw(t, "class")),
		outcome: outcome(rapid.IntRange(0, int(outcomes)-1).Draw(t, "outcome")),
		session: session.Session{User: session.User{ID: value("user", "", "NE2HOVSGMPB5ZHYXNKMSCB7U2R")}},
		status:  rapid.SampledFrom([]int{101, 200, 303, 404, 499, 502}).Draw(t, "status"),
		bytes:   rapid.Int64().Draw(t, "bytes"),
	}
	if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
		x.err = errors.New(value("err", "the app does not answer"))
	}
	return x, time.Duration(rapid.Int64().Draw(t, "took"))
}

// The two writers of the request line write the same bytes.
func TestLinesAreThoseOfTheLibrary(t *testing.T) {
	t.Parallel()
	for _, json := range []bool{false, true} {
		ours := 0
		rapid.Check(t, func(t *rapid.T) {
			x, took := anyRequest(t)
			var want, got bytes.Buffer
			handler := func(to *bytes.Buffer) *slog.Logger {
				if json {
					return slog.New(slog.NewJSONHandler(to, nil))
				}
				return slog.New(slog.NewTextHandler(to, nil))
			}
			p := &Proxy{c: Config{Log: handler(&want)}}
			p.log(x, took)
			p.c.Lines = Lines{&got, json}
			if p.c.Log = handler(&got); p.c.Lines.write(x, slog.LevelInfo, took) {
				ours++
				got.Reset()
			}
			p.log(x, took)
			if got.String() != want.String() {
				t.Errorf("got  %swant %s", got.String(), want.String())
			}
		})
		if ours == 0 {
			t.Error("the library wrote all of them")
		}
	}
}

// Ordinary lines are written by Lines. A line with quoted values, written by slog, costs three times as much.
func TestOrdinaryLinesAreNotLeftToTheLibrary(t *testing.T) {
	t.Parallel()
	x := &exchange{request: &http.Request{Method: "GET", Header: http.Header{}},
		id: "NE2HOVSGMPB5ZHYXNKMSCB7U2R", address: "2001:db8::1",
		session: session.Session{User: session.User{ID: "NE2HOVSGMPB5ZHYXNKMSCB7U2R"}}, status: 200}
	for _, path := range []string{"/", "/dashboard/items/42", "/caf%C3%A9/~ada/a+b;c,d:e@f&g!(h)'*$"} {
		for _, json := range []bool{false, true} {
			var got strings.Builder
			if x.target.path = path; !(Lines{&got, json}).write(x, slog.LevelInfo, 250*time.Microsecond) ||
				!strings.Contains(got.String(), path) {
				t.Errorf("%s: got %q", path, got.String())
			}
		}
	}
}
