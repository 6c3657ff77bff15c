package acceptance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// A report is not written over what the import reads, by whatever name.
func TestAReportOverWhatIsRead(t *testing.T) {
	t.Parallel()
	const text = "id,email\n1,a@example.com\n"
	users, link := filepath.Join(t.TempDir(), "users"), filepath.Join(t.TempDir(), "link")
	if err := os.WriteFile(users, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(users, link); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"csv", users}, {"csv", link}, {"auth0", "others", "--hashes", users},
		{"clerk", "others", "--api", users}} {
		var said bytes.Buffer
		code := run(t.Context(), append(append([]string{"gatepost", "import"}, args...), "--report", users),
			[]string{"DATABASE_URL=postgres://127.0.0.1:1/x"}, strings.NewReader(""), &said, &said)
		now, err := os.ReadFile(users)
		if code != 2 || err != nil || string(now) != text || !strings.Contains(said.String(), "is read by this import") {
			t.Errorf("%q: code %d, said %q; the file has %q (%v)", args, code, &said, now, err)
		}
	}
}

// What went wrong is said once, and without counts where nothing was read.
func TestWhatIsSaidOfAnImportThatFails(t *testing.T) {
	t.Parallel()
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("id,email\n1,a@example.com\n"+strings.Repeat("2,b@example.com\n", 2000)),
		0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"DATABASE_URL=" + authtest.NewDatabase(t)}
	for _, c := range []struct {
		args   []string
		once   string
		counts bool
	}{
		{[]string{"csv", users, "--report", "/dev/full"}, "no space left", true},
		{[]string{"csv", filepath.Join(t.TempDir(), "nothing")}, "no such file", false},
		{[]string{"better-auth", "--from", "postgres://127.0.0.1:1/x?sslmode=disable"}, "connection refused", false},
	} {
		var said bytes.Buffer
		code := run(t.Context(), append([]string{"gatepost", "import"}, c.args...), env, strings.NewReader(""), &said, &said)
		if code == 0 || strings.Count(said.String(), c.once) != 1 ||
			strings.Contains(said.String(), "users read") != c.counts {
			t.Errorf("%q: code %d, said %q", c.args, code, &said)
		}
	}
}
