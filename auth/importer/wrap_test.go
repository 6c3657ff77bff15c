package importer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// A run that is stopped has written what it has wrapped.
func TestAStoppedWrappingLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	var lines strings.Builder
	total := int64(2*runtime.GOMAXPROCS(0) + 2)
	for i := range total {
		fmt.Fprintf(&lines, `{"id":"%d","email":"%[1]d@example.com","hasher":"md5",`+
			`"password":"88e4ddd2402d92d50e1879d6ecd9ffd4"}`+"\n", i)
	}
	w.run(t, importer.JSON{File: file(t, lines.String())})
	ctx, stop := context.WithCancel(t.Context())
	n, err := w.store.WrapWeak(ctx, func(int64, int64) { stop() })
	var wrapped int64
	if err := w.here.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.account WHERE password LIKE '$wrap%'`).
		Scan(&wrapped); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, context.Canceled) || n == 0 || n == total || wrapped != n {
		t.Errorf("%d of %d are wrapped, said %d, %v", wrapped, total, n, err)
	}
	if more, err := w.store.WrapWeak(t.Context(), nil); more != total-n || err != nil {
		t.Errorf("then %d, %v", more, err)
	}
}
