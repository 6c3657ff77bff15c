package acceptance_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

var update = flag.Bool("update", false, "write docs/settings.md anew")

const settingsFile = "../docs/settings.md"

// reference returns docs/settings.md as generated from the comments in the settings.
func reference(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Settings

Settings are environment variables of the gate. An empty variable counts as not set. Each secret can also come from a
file that ` + "`NAME_FILE`" + ` names, as in ` + "`DATABASE_URL_FILE=/run/secrets/database`" + `.

The gate ignores blanks, line ends, a byte order mark and quotation marks around a value. A list may have a line for
each entry. True and false may be written as in YAML and shells (yes, no, on, off, 1, 0). Durations are like
` + "`30s`, `10m` or `168h`" + `.

The gate reports all faults at once, and does not start while there is one. ` + "`gatepost check`" + ` prints the
settings with which the gate would run. ` + "`go test ./acceptance -run TestTheReference -update`" + ` makes this page
from the code.
`)
	for i, f := range settingFields(t) {
		if f.Tag == nil { // the settings of providers, which follow
			continue
		}
		heading, meaning := split(f.Doc.Text())
		if heading != "" {
			fmt.Fprintf(&b, "\n## %s\n\n| variable | default | meaning |\n| --- | --- | --- |\n", heading)
		} else if i == 0 {
			t.Fatal("the first setting is under no heading")
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
		name, value, has := strings.Cut(tag.Get("env"), ", default=")
		meaning, value = defaultOf(meaning, value, has)
		if tag.Get("secret") == "true" {
			meaning += " A secret."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, value, strings.ReplaceAll(meaning, "|", `\|`))
	}
	b.WriteString(providerReference(t))
	return b.String()
}

// providerReference returns the part about providers. Each setting has one row with all its names.
func providerReference(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`
## Providers

People can sign in with a provider that has a client id and a client secret; Apple has a key instead of the secret.
` + "`<NAME>` is a name of your choice for an OpenID provider, of capital letters and digits, as in\n" +
		"`GATEPOST_OIDC_CORP_ISSUER`" + `. URLs have it in lower case. ` + "`gatepost check`" + ` says what to type into
which form of the provider, and tries whether the gate can reach the provider.

| variable | default | meaning |
| --- | --- | --- |
`)
	for _, f := range fieldsOf(t, "providersettings.go", "ProviderSettings") {
		if f.Tag == nil {
			continue
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
		_, meaning := split(f.Doc.Text())
		meaning, value := defaultOf(meaning, "", false)
		if tag.Get("secret") == "true" {
			meaning += " A secret."
		}
		names := namesOfProviderSetting(tag.Get("env"))
		if len(names) == 0 {
			t.Errorf("no provider has %s", tag.Get("env"))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.Join(names, "`<br>`"), value,
			strings.ReplaceAll(meaning, "|", `\|`))
	}
	return b.String()
}

// namesOfProviderSetting lists the names of a setting that providers have.
func namesOfProviderSetting(suffix string) (list []string) {
	for _, p := range append(config.BuiltInProviders(), config.OIDCProvider("<NAME>")) {
		for _, k := range p.All() {
			if k.Name == p.Prefix+suffix {
				list = append(list, k.Name)
			}
		}
	}
	return list
}

// settingFields returns the fields of Settings, with those of its part for pages in their place.
func settingFields(t *testing.T) (list []*ast.Field) {
	t.Helper()
	for _, f := range fieldsOf(t, "settings.go", "Settings") {
		if len(f.Names) == 0 {
			list = append(list, fieldsOf(t, "pagesettings.go", "PageSettings")...)
			continue
		}
		list = append(list, f)
	}
	return list
}

// fieldsOf returns the fields of a struct in a file of the settings.
func fieldsOf(t *testing.T, file, name string) (list []*ast.Field) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "../internal/config/"+file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == name {
			list = spec.Type.(*ast.StructType).Fields.List
		}
		return list == nil
	})
	return list
}

// split separates the heading from the comment of a setting that begins a group.
func split(comment string) (heading, meaning string) {
	if rest, ok := strings.CutPrefix(comment, "# "); ok {
		heading, comment, _ = strings.Cut(rest, "\n")
	}
	return heading, strings.Join(strings.Fields(comment), " ")
}

// defaultOf returns the text for the column of defaults: the value, or what the comment says about it.
func defaultOf(meaning, value string, has bool) (string, string) {
	if has {
		return meaning, "`" + value + "`"
	}
	if before, word, ok := strings.Cut(meaning, " Default: "); ok {
		return before, strings.TrimSuffix(word, ".")
	}
	return meaning, "none"
}

func TestTheReferenceOfSettingsIsMadeFromTheCode(t *testing.T) {
	t.Parallel()
	want := reference(t)
	if *update {
		if err := os.WriteFile(settingsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(settingsFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/settings.md is not what internal/config/settings.go says: run this test with -update")
	}
}

// settingNames matches the names of settings, and oidcName the part that operators choose.
var (
	settingNames = regexp.MustCompile(`\bGATEPOST_[A-Z][A-Z_]*[A-Z]\b`)
	oidcName     = regexp.MustCompile(`^(GATEPOST_OIDC_)[A-Z]+_`)
)

// Every setting that a text or an example names exists, and the README gives its real default.
func TestTextsNameSettingsThatExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	s, list := config.Read(t.Context(), nil)
	if len(list) > 0 {
		t.Fatal(list)
	}
	all := s.All()
	for _, p := range append(config.BuiltInProviders(), config.OIDCProvider("CORP")) {
		all = append(all, p.All()...)
	}
	for _, k := range all {
		known[k.Name], known[k.Name+"_FILE"] = true, k.Secret
		row := regexp.MustCompile("(?m)^\\| `" + k.Name + "` \\| (.*?) \\|").FindSubmatch(readme)
		if row != nil && k.Value != "" && string(row[1]) != "`"+k.Value+"`" {
			t.Errorf("README: the default of %s is %q, not %s", k.Name, k.Value, row[1])
		}
	}
	for _, file := range texts(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range settingNames.FindAllString(string(b), -1) {
			if !known[oidcName.ReplaceAllString(name, "${1}CORP_")] {
				t.Errorf("%s: there is no %s", file, name)
			}
		}
	}
}

// texts returns the files that operators read and copy from.
func texts(t *testing.T) []string {
	t.Helper()
	list := []string{"../Dockerfile", "../compose.yaml"}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "deploy/*/*", "examples/*.md",
		"examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, found...)
	}
	if len(list) < 20 {
		t.Errorf("only %d texts: %q", len(list), list)
	}
	slices.Sort(list)
	return list
}

// logged returns the messages that the code logs, apart from those for developers only.
func logged(t *testing.T) (list []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if d.IsDir() && (d.Name() == "e2e" || d.Name() == "bench" || d.Name() == "examples" || d.Name() == "tools") {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				list = append(list, messageOf(call)...)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// messageAt is the place of the message in the arguments of the calls that log.
var messageAt = map[string]int{
	"Info": 0, "Warn": 0, "Error": 0, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1, "Log": 2, "LogAttrs": 2,
}

// messageOf returns the message that a call logs, if it logs one that is in the code.
func messageOf(call *ast.CallExpr) []string {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	at, logs := messageAt[f.Sel.Name]
	if !logs || at >= len(call.Args) {
		return nil
	}
	text, ok := folded(call.Args[at])
	if !ok {
		return nil
	}
	return []string{text}
}

// folded returns the text of a literal, or of several that are added. What the code inserts between them is "…". It
// reports false when there is no literal.
func folded(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.ParenExpr:
		return folded(e.X)
	case *ast.BinaryExpr:
		left, ok1 := folded(e.X)
		right, ok2 := folded(e.Y)
		return left + right, e.Op == token.ADD && (ok1 || ok2)
	}
	return "…", false
}

// A message is all that a call logs as one, wherever the lines of the code break it.
func TestMessagesAreReadWhole(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]string{
		`log.Warn("a b", "c", 1)`:                              "a b",
		`log.WarnContext(ctx, "a " + "b", "c", 1)`:             "a b",
		`log.LogAttrs(ctx, l, "a " +` + "\n" + `("b " + "c"))`: "a b c",
		"log.Error(`a \"b\"`)":                                 `a "b"`,
		`log.Info("a " + name + " b")`:                         "a … b",
		`log.Info(text, "c", "d")`:                             "",
		`http.Error(w, "a", 400)`:                              "",
		`log.Debug("a")`:                                       "",
	} {
		e, err := parser.ParseExpr(call)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(messageOf(e.(*ast.CallExpr)), "|"); got != want {
			t.Errorf("%s: %q, want %q", call, got, want)
		}
	}
}

// docs/troubleshoot.md explains every line of the log.
func TestEveryLineOfTheLogIsExplained(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../docs/troubleshoot.md")
	if err != nil {
		t.Fatal(err)
	}
	list := logged(t)
	if len(list) < 20 {
		t.Errorf("only %d lines are logged: %q", len(list), list)
	}
	for _, message := range list {
		if !strings.Contains(string(b), "`"+message+"`") {
			t.Errorf("docs/troubleshoot.md does not explain %q", message)
		}
	}
}

// Links between the texts lead to existing files and headings.
func TestLinksBetweenTextsLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:\s]*)(#[^)\s]*)?\)`)
	for _, file := range texts(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			target := file
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(file), m[1])
			}
			there, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr != nil || err != nil && !info.IsDir() {
				t.Errorf("%s: %s leads nowhere", file, m[0])
			} else if m[2] != "" && !slices.Contains(anchors(string(there)), m[2]) {
				t.Errorf("%s: %s leads to no heading", file, m[0])
			}
		}
	}
}

// anchors returns the anchors that GitHub makes of headings.
func anchors(text string) (list []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		plain := regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(m[1]), "")
		list = append(list, "#"+strings.ReplaceAll(plain, " ", "-"))
	}
	return list
}
