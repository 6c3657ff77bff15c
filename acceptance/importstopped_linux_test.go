package acceptance_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// Somebody who stops an import is told what that means.
func TestAnImportThatIsStopped(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "users")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if err != nil {
			return // the import says why it reads nothing
		}
		defer w.Close()
		_, _ = fmt.Fprint(w, "id,email\n1,a@example.com\n")
		stop()
		for i := range 100_000 { // until nobody reads any more
			if _, err := fmt.Fprintf(w, "%d,%[1]d@example.com\n", i+2); err != nil {
				return
			}
		}
	}()
	var said bytes.Buffer
	code := run(ctx, []string{"gatepost", "import", "csv", pipe}, []string{"DATABASE_URL=" + authtest.NewDatabase(t)},
		strings.NewReader(""), &said, &said)
	if code != 1 || !strings.Contains(said.String(), "the import was stopped: what was brought over") ||
		strings.Contains(said.String(), "context canceled") {
		t.Errorf("code %d: %s", code, &said)
	}
}
