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
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

var update = flag.Bool("update", false, "write docs/settings.md anew")

const settingsFile = "../docs/settings.md"

// reference returns docs/settings.md as generated from the comments in the settings.
func reference(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../internal/config/settings.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(`# Settings

From the environment; an empty variable counts as not set. Blanks, line ends, a byte order mark and quotation marks around a value are left
out, a list may have a line for each entry, and true and false may be written as YAML and shells do (yes, no, on, off, 1, 0). Each secret can also come from a file named in ` + "`NAME_FILE`" + `, as in
` + "`DATABASE_URL_FILE=/run/secrets/database`" + `. Lengths of time are like ` + "`30s`, `10m` or `168h`" + `. Faults are reported all at once, and nothing
starts half-configured; ` + "`gatepost check`" + ` prints what it would run with. This page is made from the code by
` + "`go test ./acceptance -run TestTheReference -update`" + `.
`)
	for i, f := range fieldsOf(file, "Settings") {
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
	return b.String()
}

// fieldsOf returns the fields of a struct.
func fieldsOf(file *ast.File, name string) (list []*ast.Field) {
	ast.Inspect(file, func(n ast.Node) bool {
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

// settingNames matches the names of settings.
var settingNames = regexp.MustCompile(`\bGATEPOST_[A-Z][A-Z_]*[A-Z]\b`)

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
	for _, k := range s.All() {
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
			if !known[name] {
				t.Errorf("%s: there is no %s", file, name)
			}
		}
	}
}

// texts returns the files that operators read and copy from.
func texts(t *testing.T) []string {
	t.Helper()
	list := []string{"../Dockerfile", "../compose.yaml"}
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*/*", "examples/*.md", "examples/*/*.md"} {
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

// messageOf returns the message that a call logs, if it logs one that is a literal.
func messageOf(call *ast.CallExpr) []string {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !regexp.MustCompile(`^((Info|Warn|Error)(Context)?|LogAttrs)$`).MatchString(f.Sel.Name) {
		return nil
	}
	for _, arg := range call.Args {
		if text, ok := arg.(*ast.BasicLit); ok && text.Kind == token.STRING {
			return []string{strings.Trim(text.Value, "`\"")}
		}
	}
	return nil
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
