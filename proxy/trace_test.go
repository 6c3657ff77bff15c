package proxy

import (
	"net/http"
	"strings"
	"testing"
)

func TestTheTraceIsLogged(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for line, want := range map[string]string{
		"00-" + id + "-00f067aa0ba902b7-01":      id,
		"00-" + id + "-00f067aa0ba902b7-01-more": id,
		"":                                       "",
		"00-" + id:                               "",
		"01-" + id + "-00f067aa0ba902b7-01":      "",
		"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01":     "",
		"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01": "",
		"00-" + id[:31] + "\n-00f067aa0ba902b7-01":               "",
	} {
		h := http.Header{"Traceparent": {line}}
		if line == "" {
			h = http.Header{}
		}
		if got := traceID(h); got != want {
			t.Errorf("%q: %q", line, got)
		}
	}
	parent := "00-" + id + "-00f067aa0ba902b7-01"
	if got := traceID(http.Header{"Traceparent": {parent, parent}}); got != "" {
		t.Errorf("two of them: %q", got)
	}
}
