package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// violation is a rule of axe and the parts of the page that break it.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

func (x violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)", x.ID, x.Impact)
	for _, node := range x.Nodes {
		fmt.Fprintf(&b, "\n  %s\n    %s", node.HTML, strings.ReplaceAll(node.Summary, "\n", "\n    "))
	}
	return b.String()
}

// runAxe runs axe on the page. The rule about the size of targets is off by default, so it is enabled here. A
// contrast that axe cannot compute counts as too little, since nobody reviews doubtful results. With forced
// colours the contrast rule is off: axe would judge the page's own colours (-webkit-text-fill-color reports
// these), which are not shown.
const runAxe = `axe.run(document, {
	resultTypes: ["violations", "incomplete"],
	runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
	rules: {
		"target-size": {enabled: true},
		"color-contrast": {enabled: !matchMedia("(forced-colors: active)").matches},
	},
}).then(({violations, incomplete}) => violations.concat(incomplete.filter(r => r.id === "color-contrast")).map(
	({id, impact, nodes}) => ({
		id, impact: impact ?? "", nodes: nodes.map(({html, failureSummary}) => ({html, failureSummary})),
	})))`

// violations returns the rules of axe that the page breaks. The script of axe is injected by the browser
// driver, to which the page's content security policy does not apply.
func (v *visitor) violations() []violation {
	v.t.Helper()
	source, err := os.ReadFile(needModule(v.t, "axe-core/axe.min.js"))
	if err != nil {
		v.t.Fatal(err)
	}
	ask(v, "bring what moves to its end", chromedp.Evaluate[chromedp.Void](endMotion))
	if !ask(v, "look for axe", chromedp.Evaluate[bool](`"axe" in window`)) {
		ask(v, "hand axe to the page", chromedp.Evaluate[chromedp.Void](string(source)))
	}
	return judge[[]violation](v, "run axe", runAxe)
}

func (v *visitor) mustBeAccessible(page string) {
	v.t.Helper()
	for _, x := range v.violations() {
		v.t.Errorf("%s: %v", page, x)
	}
}

const badPage = `<title>Bad</title><meta name="viewport" content="user-scalable=no">
<style>
	button { width: 9px; height: 9px; padding: 0 }
	p { color: #aaa; background: #fff }
	h2 { color: #777; background: linear-gradient(#777, #fff) }
</style>
<main><h1>Bad</h1><h2>Doubtful</h2><p>Faint</p>` +
	`<input><button aria-label="1"></button><button aria-label="2"></button></main>`

func TestAxeFindsWhatIsWrong(t *testing.T) {
	v := newVisitor(t)
	v.mustFindTheFaults()
	v.disableScripts()
	v.mustFindTheFaults()
}

func (v *visitor) mustFindTheFaults() {
	v.t.Helper()
	v.show(badPage)
	found := map[string]int{}
	for _, x := range v.violations() {
		found[x.ID]++
	}
	for _, id := range []string{"html-has-lang", "meta-viewport", "label", "target-size"} {
		if found[id] != 1 {
			v.t.Errorf("axe does not find %s, only %v", id, found)
		}
	}
	if found["color-contrast"] != 2 { // one certain and one doubtful
		v.t.Errorf("axe finds %d kinds of low contrast, want 2", found["color-contrast"])
	}
}
