package localpg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// oldestMajor is the oldest PostgreSQL that pgx supports.
const oldestMajor = 14

// usualPlaces are directories where distributions put the server programs, outside PATH.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",                   // Debian, Ubuntu
	"/usr/pgsql-*/bin",                            // PGDG packages on RHEL and its relatives
	"/usr/libexec/postgresql*",                    // Alpine
	"/opt/homebrew/opt/postgresql@*/bin",          // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",             // Homebrew on Intel
	"/Applications/Postgres.app/*/Versions/*/bin", // Postgres.app
}

type programs struct {
	dir   string
	major int
}

// findPrograms returns the directory of the programs for the data directory: those of the major version that made
// it, or the newest when there is none yet.
func findPrograms(explicit, data string) (string, error) {
	made, err := madeBy(data)
	if err != nil {
		return "", err
	}
	found := installed(explicit)
	var best programs
	for _, p := range found {
		if p.major == made || made == 0 && p.major > best.major {
			best = p
		}
	}
	switch {
	case best.major >= oldestMajor:
		return best.dir, nil
	case explicit != "" && len(found) == 0:
		return "", fmt.Errorf("GATEPOST_POSTGRES_BIN: no programs postgres and initdb in %q", explicit)
	case made != 0 && len(found) > 0:
		return "", fmt.Errorf("the data in %s was made by PostgreSQL %d, and only %s is installed: install "+
			"PostgreSQL %d, or dump the data with it and load it into a new directory", data, made, majors(found), made)
	case len(found) > 0:
		return "", fmt.Errorf("PostgreSQL %s is too old, %d or newer is needed", majors(found), oldestMajor)
	}
	return "", errors.New("no PostgreSQL server programs found: install them (Debian, Ubuntu: apt-get install " +
		"postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql@17), name their folder " +
		"in GATEPOST_POSTGRES_BIN, or set DATABASE_URL")
}

// madeBy is the major version that made the data directory; 0 when there is none.
func madeBy(data string) (int, error) {
	b, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err == nil {
		return strconv.Atoi(strings.TrimSpace(string(b)))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("look at the data directory: %w", err)
	}
	entries, err := os.ReadDir(data)
	if err == nil && len(entries) > 0 {
		return 0, fmt.Errorf("%s holds files but no PostgreSQL data: name another folder in GATEPOST_DATA_DIR, or "+
			"empty it yourself", data)
	}
	return 0, nil
}

func installed(explicit string) []programs {
	var found []programs
	seen := map[string]bool{}
	for _, dir := range candidates(explicit) {
		if real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil {
			dir = filepath.Dir(real)
		}
		if seen[dir] {
			continue
		}
		seen[dir] = true
		if major := version(dir); major > 0 {
			found = append(found, programs{dir, major})
		}
	}
	return found
}

func candidates(explicit string) []string {
	if explicit != "" {
		return []string{explicit}
	}
	var dirs []string
	if p, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range usualPlaces {
		more, _ := filepath.Glob(pattern) // the patterns are constants and valid
		dirs = append(dirs, more...)
	}
	return dirs
}

var versionNumber = regexp.MustCompile(`\b(\d+)[.\d]*`)

// version is the major version of the programs in dir; 0 when one is missing.
func version(dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	m := versionNumber.FindSubmatch(out)
	if m == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(m[1])) // digits by the pattern
	return major
}

func majors(found []programs) string {
	names := make([]string, len(found))
	for i, p := range found {
		names[i] = strconv.Itoa(p.major)
	}
	return strings.Join(names, ", ")
}
