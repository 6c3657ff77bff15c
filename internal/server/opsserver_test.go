package server

import (
	"io"
	"log"
	"net/http"
	"reflect"
	"testing"
	"time"
)

// The ops listener limits the time of each request, and has time for a profile of half a minute.
func TestTheOpsListenerHasItsLimits(t *testing.T) {
	t.Parallel()
	s := newOpsServer(http.NotFoundHandler(), log.New(io.Discard, "", 0))
	v := reflect.ValueOf(s).Elem()
	for _, limit := range []string{"ReadTimeout", "ReadHeaderTimeout", "WriteTimeout",
		"IdleTimeout", "MaxHeaderBytes"} {
		if v.FieldByName(limit).Int() <= 0 {
			t.Errorf("the ops listener has no %s", limit)
		}
	}
	if s.WriteTimeout <= 30*time.Second {
		t.Error("a profile takes 30 s")
	}
}
