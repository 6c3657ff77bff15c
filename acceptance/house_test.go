package acceptance_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gatepost/gatepost/"

// mayImport lists the packages of this module that each package may import. Tests are exempt.
var mayImport = map[string][]string{
	"cmd/gatepost": {"auth", "auth/assertion", "auth/importer", "auth/mail", "auth/password", "auth/provider",
		"auth/secret", "auth/session", "auth/webhook", "migrations", "proxy",
		"internal/breached", "internal/config", "internal/demo", "internal/doctor", "internal/postgres", "internal/preview",
		"internal/seal", "internal/server", "internal/spelling", "internal/upkeep"},
	"proxy": {"auth/database", "auth/secret", "auth/session", "internal/direct", "internal/share", "internal/spelling",
		"internal/upkeep"},
	"loginui": {"auth", "auth/database", "auth/factor", "auth/mail", "auth/password", "auth/provider", "auth/secret",
		"auth/session", "auth/throttle", "internal/captcha", "internal/share", "internal/upkeep", "loginui/api"},
	"loginui/api": {"auth", "auth/database", "auth/mail", "auth/provider", "auth/secret", "auth/session",
		"auth/throttle", "internal/captcha", "internal/share"},
	"auth": {"auth/assertion", "auth/audit", "auth/database", "auth/factor", "auth/importer", "auth/mail",
		"auth/passkey", "auth/password", "auth/provider", "auth/secret", "auth/session", "auth/throttle",
		"auth/webhook", "internal/captcha", "internal/seal", "internal/share", "internal/upkeep"},
	"auth/audit":     {"auth/database", "auth/secret", "internal/share"},
	"auth/database":  {"auth/secret", "internal/share", "internal/upkeep"},
	"auth/factor":    {},
	"auth/assertion": {"auth/database", "auth/secret", "auth/session", "internal/seal"},
	"auth/importer": {"auth/database", "auth/factor", "auth/passkey", "auth/password", "auth/secret",
		"internal/spelling", "internal/upkeep"},
	"auth/mail":                  {"auth/database", "auth/secret", "internal/upkeep"},
	"auth/passkey":               {},
	"auth/passkey/passkeytest":   {},
	"auth/password":              {"auth/secret", "internal/share", "internal/upkeep"},
	"auth/provider":              {"auth/secret", "internal/share", "internal/upkeep"},
	"auth/provider/providertest": {},
	"auth/secret":                {},
	"auth/session":               {"auth/database", "auth/secret", "internal/share", "internal/upkeep"},
	"auth/throttle":              {"auth/database", "auth/secret", "internal/share"},
	"auth/webhook":               {"auth/database", "auth/secret", "internal/upkeep"},
	"migrations":                 {"internal/upkeep"},
	"internal/config": {"auth", "auth/assertion", "auth/provider", "auth/secret", "auth/session", "auth/webhook",
		"internal/breached", "internal/captcha", "internal/fallback", "internal/seal", "internal/smtp",
		"internal/spelling", "loginui",
		"proxy"},
	"internal/direct":   {"internal/upkeep"},
	"internal/demo":     {"auth", "auth/secret", "internal/config", "internal/server", "internal/upkeep", "loginui"},
	"internal/doctor":   {},
	"internal/breached": {"auth/secret", "internal/share"},
	"internal/captcha":  {"auth/secret", "internal/share"},
	"internal/fallback": {"auth/secret"},
	"internal/localpg":  {},
	"internal/postgres": {"auth/database", "internal/config", "internal/localpg", "migrations"},
	"internal/preview":  {"auth/mail", "internal/config", "internal/upkeep", "loginui", "proxy"},
	"internal/server": {"auth", "auth/mail", "auth/secret", "auth/session",
		"internal/config", "internal/postgres", "internal/share", "internal/smtp", "internal/upkeep",
		"loginui", "migrations", "proxy"},
	"internal/seal":            {},
	"internal/share":           {"internal/upkeep"},
	"internal/smtp":            {"auth/mail", "internal/upkeep", "loginui", "proxy"},
	"internal/smtp/postoffice": {},
	"internal/spelling":        {},
	"internal/upkeep":          {},
	"acceptance":               {},
	"auth/authtest":            {"auth", "migrations", "internal/localpg"},
	"bench":                    {"auth", "auth/secret", "migrations", "internal/localpg"},
	"examples/go":              {},
	"scripts/house":            {},
	"scripts/pack":             {},
}

// neverReaches lists the packages that a package must not import, directly or through others.
var neverReaches = map[string][]string{
	"proxy": {"auth", "auth/password", "auth/provider", "auth/importer", "auth/mail", "auth/audit", "auth/throttle",
		"auth/webhook", "loginui"},
	"loginui":     {"proxy"},
	"loginui/api": {"proxy"},
}

// onlyIn restricts some libraries, and what lies below them, to the one package that needs them.
var onlyIn = map[string]string{
	"github.com/sethvargo/go-envconfig": "internal/config",
	"github.com/urfave/cli/v3":          "cmd/gatepost",
	"github.com/wneessen/go-mail":       "internal/smtp",
	"github.com/pressly/goose/v3":       "migrations",
	"golang.org/x/crypto/argon2":        "auth/password",
	"golang.org/x/crypto/bcrypt":        "auth/password",
	"golang.org/x/crypto/md4":           "auth/password",
	"golang.org/x/crypto/scrypt":        "auth/password",
	"github.com/go-crypt/x":             "auth/password",
	"github.com/coreos/go-oidc/v3":      "auth/provider",
	"golang.org/x/oauth2":               "auth/provider",
	"rsc.io/qr":                         "auth/factor",
	"github.com/go-webauthn/webauthn":   "auth/passkey",
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

// Each import is in the plan, and whatever the plan has is there.
func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	list := packages(t)
	for room := range mayImport {
		if !slices.ContainsFunc(list, func(p pkg) bool { return p.ImportPath == module+room }) {
			t.Errorf("there is no package %s", room)
		}
	}
	for _, p := range list {
		room := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("%s is not in the plan of the house", room)
		}
		for _, imported := range p.Imports {
			if other, ours := strings.CutPrefix(imported, module); ours && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s", room, other)
			}
		}
		for library, home := range onlyIn {
			imports := slices.ContainsFunc(p.Imports, func(imported string) bool { return isOrBelow(imported, library) })
			if imports != (room == home) {
				t.Errorf("%s: it imports %s: %t; the library belongs to %s", room, library, imports, home)
			}
		}
		for _, other := range allowed {
			if !slices.Contains(p.Imports, module+other) {
				t.Errorf("%s does not import %s, which the plan allows", room, other)
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
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		if slices.Contains(p.Imports, "testing") && strings.Contains(string(want), ">"+room+"</text>") {
			t.Errorf("%s is for tests, and drawn as a room of the product: see outside in scripts/house", room)
		}
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
	sourceFiles(t, func(path string, file *ast.File) {
		if filepath.Dir(path) != "auth" && namesMaker(file) {
			t.Errorf("%s has a maker of sessions", path)
		}
	})
	const in, from = "package x\nimport ", ` "github.com/gatepost/gatepost/auth/session"` + "\n"
	for source, want := range map[string]bool{
		in + from + "var x = session.NewMaker":                                    true,
		in + from + "var x *session.Maker":                                        true,
		in + "door" + from + "var x = door.NewMaker":                              true,
		in + "door" + from + "type Maker = door.Maker":                            true,
		in + "." + from + "var x = NewMaker":                                      true,
		in + "a" + from + "import b" + from + "var x = a.NewMaker(b.NewReader())": true,
		in + "." + from + "func f(m *Maker) {}":                                   true,
		in + from + "var x = session.NewReader":                                   false,
		in + `"other/door"` + "\nvar x = door.NewMaker":                           false,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := namesMaker(file); got != want {
			t.Errorf("%q: a maker of sessions: %t, want %t", source, got, want)
		}
	}
}

// namesMaker reports whether a file names the maker of package session, by whatever name it imports the package.
func namesMaker(file *ast.File) bool {
	var names []string // of the package in this file; "." as well
	for _, i := range file.Imports {
		if path, err := strconv.Unquote(i.Path.Value); err != nil || path != module+"auth/session" {
			continue
		}
		if i.Name == nil {
			names = append(names, "session")
		} else {
			names = append(names, i.Name.Name)
		}
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			found = found || ok && slices.Contains(names, x.Name) && isMaker(n.Sel)
		case *ast.Ident:
			found = found || slices.Contains(names, ".") && isMaker(n)
		}
		return !found
	})
	return found
}

func isMaker(id *ast.Ident) bool { return id.Name == "NewMaker" || id.Name == "Maker" }

// sourceFiles parses each Go file of the repository, tests included. Its path is relative to the root.
func sourceFiles(t *testing.T, f func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", path)
		f(rel, file)
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
	"cmd/gatepost/main.go":          "it hands it to internal/config",
	"internal/localpg/process.go":   "PostgreSQL's programs get what ours has",
	"auth/authtest/authtest.go":     "tests only",
	"bench/child.go":                "outside the product",
	"examples/go/main.go":           "outside the product",
	"examples/assertion/go/main.go": "outside the product",
}

// tableHomes are the files outside auth and migrations with SQL on a table of the schema gatepost, and the tables.
var tableHomes = map[string][]string{
	"internal/server/acme.go": {"acme"},
	"bench/growth.go":         {"session", `"user"`}, // it makes rows by SQL, and is not part of the product
}

// SQL on the gate's tables is in auth and migrations only, and internal/config reads the environment.
func TestThingsStayInTheirRoom(t *testing.T) {
	t.Parallel()
	sql := regexp.MustCompile(`\bgatepost\.(` + strings.Join(tables(t), "|") + `)(?:\W|$)`)
	sourceFiles(t, func(path string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		home := strings.HasPrefix(path, "auth/") || strings.HasPrefix(path, "migrations/")
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				for _, table := range sql.FindAllStringSubmatch(n.Value, -1) {
					if !home && !slices.Contains(tableHomes[path], table[1]) {
						t.Errorf("%s has SQL on the table %s", path, table[1])
					}
				}
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				reads := ok && x.Name == "os" && slices.Contains([]string{"Getenv", "Environ", "LookupEnv"}, n.Sel.Name)
				if reads && readsEnvironment[path] == "" {
					t.Errorf("%s reads the environment", path)
				}
			}
			return true
		})
	})
}

// tables are the tables of the schema gatepost, as the migrations name them.
func tables(t *testing.T) (list []string) {
	t.Helper()
	files, err := filepath.Glob("../migrations/*")
	if err != nil {
		t.Fatal(err)
	}
	made := regexp.MustCompile(`CREATE TABLE (?:IF NOT EXISTS )?gatepost\.("?\w+"?)`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			continue // a directory
		}
		for _, m := range made.FindAllSubmatch(b, -1) {
			list = append(list, string(m[1]))
		}
	}
	if !slices.Contains(list, "outbox") || !slices.Contains(list, `"user"`) || !slices.Contains(list, "migration") {
		t.Fatalf("the migrations make %q", list)
	}
	return list
}
