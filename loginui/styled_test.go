package loginui_test

import (
	"os"
	"regexp"
	"testing"
)

// Pages that have a script for error pages or for codes have style.css and more.css, and no other.
func TestWhatScriptsAddToAPageHasItsRules(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		content, err := os.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	rules, named := read("style.css")+read("more.css"), regexp.MustCompile(`className = '([a-z]+)'`)
	for _, script := range []string{"error.js", "codes.js"} {
		classes := named.FindAllStringSubmatch(read(script), -1)
		if len(classes) == 0 {
			t.Errorf("%s names no class: what does this test read?", script)
		}
		for _, class := range classes {
			if !regexp.MustCompile(`\.` + class[1] + `\b`).MatchString(rules) {
				t.Errorf("%s makes something of the class %q, for which the page has no rule", script, class[1])
			}
		}
	}
}
