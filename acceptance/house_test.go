package acceptance_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gatepost/gatepost/"

// mayImport lists the packages of this module that each package may import. Tests are exempt.
var mayImport = map[string][]string{
	"cmd/gatepost": {"auth", "auth/database", "auth/mail", "auth/password", "auth/secret", "auth/session",
		"loginui", "proxy", "migrations",
		"internal/config", "internal/demo", "internal/doctor", "internal/postgres", "internal/seal",
		"internal/server", "internal/spelling"},
	"proxy": {"auth/database", "auth/secret", "auth/session", "internal/share", "internal/spelling", "internal/upkeep"},
	"loginui": {"auth", "auth/database", "auth/mail", "auth/password", "auth/secret", "auth/session", "auth/throttle",
		"internal/share", "internal/upkeep"},
	"auth": {"internal/seal", "auth/audit", "auth/database", "auth/mail", "auth/password", "auth/secret",
		"auth/session", "auth/throttle",
		"internal/share", "internal/upkeep"},
	"auth/audit":    {"auth/database", "auth/secret", "internal/share"},
	"auth/database": {"auth/secret", "internal/share", "internal/upkeep"},
	"auth/mail":     {"auth/database", "auth/secret", "internal/upkeep"},
	"auth/password": {"auth/secret", "internal/share", "internal/upkeep"},
	"auth/secret":   {},
	"auth/session":  {"auth/database", "auth/secret", "internal/share", "internal/upkeep"},
	"auth/throttle": {"auth/database", "auth/secret", "internal/share"},
	"migrations":    {"internal/upkeep"},
	"internal/config": {"auth", "auth/session", "internal/seal", "internal/smtp",
		"internal/spelling", "loginui", "proxy"},
	"internal/demo":     {"auth", "auth/secret", "internal/config", "internal/server", "internal/upkeep", "loginui"},
	"internal/doctor":   {},
	"internal/localpg":  {},
	"internal/postgres": {"auth/database", "internal/config", "internal/localpg", "migrations"},
	"internal/server": {"auth", "auth/database", "auth/mail", "internal/config", "internal/postgres",
		"internal/share", "internal/smtp",
		"internal/upkeep", "loginui", "migrations", "proxy"},
	"internal/seal":            {},
	"internal/share":           {},
	"internal/smtp":            {"auth/mail", "internal/upkeep", "loginui", "proxy"},
	"internal/smtp/postoffice": {},
	"internal/spelling":        {},
	"internal/upkeep":          {},
	"acceptance":               {},
	"auth/authtest":            {"auth", "migrations", "internal/localpg"},
	"bench":                    {"auth", "auth/secret", "migrations", "internal/localpg"},
	"examples/go":              {},
	"scripts/house":            {},
}

// neverReaches lists the packages that a package must not import, directly or through others.
var neverReaches = map[string][]string{
	"proxy":   {"auth", "auth/password", "auth/mail", "auth/audit", "auth/throttle", "loginui"},
	"loginui": {"proxy"},
}

// onlyIn restricts some libraries to the one package that needs them.
var onlyIn = map[string]string{
	"github.com/sethvargo/go-envconfig": "internal/config",
	"github.com/urfave/cli/v3":          "cmd/gatepost",
	"github.com/wneessen/go-mail":       "internal/smtp",
	"github.com/pressly/goose/v3":       "migrations",
	"golang.org/x/crypto/argon2":        "auth/password",
}

type pkg struct {
	ImportPath, Doc string
	Imports, Deps   []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,Deps", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("%s is not in the plan of the house", room)
		}
		for _, imported := range p.Imports {
			if other, ours := strings.CutPrefix(imported, module); ours && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s", room, other)
			}
			if home, ok := onlyIn[imported]; ok && home != room {
				t.Errorf("%s imports %s, which belongs to %s", room, imported, home)
			}
		}
	}
}

// docs/house.svg shows the current imports.
func TestTheDrawingIsCurrent(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "run", "./scripts/house")
	cmd.Dir = ".."
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("../docs/house.svg"); err != nil || string(got) != string(want) {
		t.Errorf("docs/house.svg is not what the imports are: go run ./scripts/house > docs/house.svg (%v)", err)
	}
}

// Package proxy cannot reach passwords, not even through another package.
func TestNoRoomReachesWhatItMustNotKnow(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, other := range neverReaches[strings.TrimPrefix(p.ImportPath, module)] {
			if slices.ContainsFunc(p.Deps, func(dep string) bool { return isOrBelow(dep, module+other) }) {
				t.Errorf("%s reaches %s", p.ImportPath, other)
			}
		}
	}
}

// isOrBelow tells whether a package is other or lies below it. Below auth lie rooms that others may use.
func isOrBelow(dep, other string) bool {
	return dep == other || other != module+"auth" && strings.HasPrefix(dep, other+"/")
}

// Only package auth makes sessions, and so decides who is signed in.
func TestOnlyAuthMakesSessions(t *testing.T) {
	t.Parallel()
	maker := regexp.MustCompile(`session\.(NewMaker|Maker)\b`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		rel, _ := filepath.Rel("..", path)
		b, err := os.ReadFile(path)
		if maker.Match(b) && filepath.Dir(rel) != "auth" && rel != "acceptance/house_test.go" {
			t.Errorf("%s has a maker of sessions", rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.Doc) < 20 {
			t.Errorf("%s: its package comment is %q", p.ImportPath, p.Doc)
		}
	}
}

// readsEnvironment are the files that may read the environment, and why.
var readsEnvironment = map[string]string{
	"cmd/gatepost/main.go":        "it hands it to internal/config",
	"internal/localpg/process.go": "PostgreSQL's programs get what ours has",
	"auth/authtest/authtest.go":   "tests only",
	"bench/child.go":              "outside the product",
	"examples/go/main.go":         "outside the product",
}

// SQL on users and sessions is in auth only, and internal/config reads the environment. bench makes rows by
// SQL, and is not part of the product.
func TestThingsStayInTheirRoom(t *testing.T) {
	t.Parallel()
	sql := regexp.MustCompile(`(?i)\b(FROM|INTO|UPDATE)\s+gatepost\.("user"|session|account)`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		rel, _ := filepath.Rel("..", path)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if sql.Match(b) && !strings.HasPrefix(rel, "auth/") && rel != "bench/growth.go" {
			t.Errorf("%s has SQL on users or sessions", rel)
		}
		reads := strings.Contains(string(b), "os.Getenv(") || strings.Contains(string(b), "os.Environ(") ||
			strings.Contains(string(b), "os.LookupEnv(")
		if reads && readsEnvironment[rel] == "" {
			t.Errorf("%s reads the environment", rel)
		}
		_, err = parser.ParseFile(token.NewFileSet(), path, b, parser.PackageClauseOnly)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
