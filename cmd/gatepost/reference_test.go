package main

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
)

var update = flag.Bool("update", false, "write docs/settings.md anew")

const settingsFile = "../../docs/settings.md"

// reference is docs/settings.md, made of the comments in the settings.
func reference(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "settings.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(`# Settings

From the environment; an empty variable counts as not set. Each secret can also come from a file named in ` + "`NAME_FILE`" + `, as in
` + "`DATABASE_URL_FILE=/run/secrets/database`" + `. Lengths of time are like ` + "`30s`, `10m` or `168h`" + `. Faults are reported all at once, and nothing
starts half-configured; ` + "`gatepost check`" + ` prints what it would run with. This page is made from the code by
` + "`go test ./cmd/gatepost -run TestTheReference -update`" + `.
`)
	for i, f := range fieldsOf(file, "settings") {
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

// fieldsOf are those of a struct.
func fieldsOf(file *ast.File, name string) (list []*ast.Field) {
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == name {
			list = spec.Type.(*ast.StructType).Fields.List
		}
		return list == nil
	})
	return list
}

// split takes the heading from the comment of a setting that begins a group.
func split(comment string) (heading, meaning string) {
	if rest, ok := strings.CutPrefix(comment, "# "); ok {
		heading, comment, _ = strings.Cut(rest, "\n")
	}
	return heading, strings.Join(strings.Fields(comment), " ")
}

// defaultOf is what stands in the column of defaults: the value, or what the comment says of it.
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
		t.Error("docs/settings.md is not what settings.go says: run this test with -update")
	}
}

// settingNames finds settings in texts.
var settingNames = regexp.MustCompile(`\bGATEPOST_[A-Z][A-Z_]*[A-Z]\b`)

// Whatever a text or an example calls a setting is one, and the README gives it the default that it has.
func TestTextsNameSettingsThatExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	s, list := readSettings(t.Context(), nil)
	if len(list) > 0 {
		t.Fatal(list)
	}
	for _, k := range s.all() {
		known[k.name], known[k.name+"_FILE"] = true, k.secret
		row := regexp.MustCompile("(?m)^\\| `" + k.name + "` \\| (.*?) \\|").FindSubmatch(readme)
		if row != nil && k.value != "" && string(row[1]) != "`"+k.value+"`" {
			t.Errorf("README: the default of %s is %q, not %s", k.name, k.value, row[1])
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

// texts are the files that operators read and copy from.
func texts(t *testing.T) []string {
	t.Helper()
	list := []string{"../../Dockerfile", "../../compose.yaml"}
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*/*", "examples/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
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
