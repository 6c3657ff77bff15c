package acceptance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
