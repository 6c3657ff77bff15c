package doctor

import (
	"context"
	"regexp"
	"strings"
)

// baseline is the normal answer of an open page, for comparison.
type baseline struct {
	answer
	shape  string
	stable bool // two requests got the same page; otherwise only status and headers can be compared
}

// takeBaseline requests the public page twice, because most pages have parts that change each time.
func (e *examination) takeBaseline(ctx context.Context) {
	r := request{target: e.c.Public}
	first, second := e.ask(ctx, r), e.ask(ctx, r)
	e.page = baseline{first, shape(first), shape(first) == shape(second)}
	if first.is2xx() || first.status/100 == 3 {
		return
	}
	if _, refused := e.refusal(first); refused {
		e.report.note("gate", "gate.public",
			"%s needs a login too; tests that take an open page see less (name one with --public)", e.c.Public)
		return
	}
	e.found("gate", "gate.public", Warning, r, first, "the public page %s does not open", e.c.Public).
		because("The tests that take an open page see less.",
			"See that the app is up, or name a page that anybody may open with --public.")
}

// changing matches parts of a page that differ each time it is made: numbers, times, tokens.
var changing = regexp.MustCompile(`[0-9A-Za-z_+/=-]{16,}|[0-9a-fA-F]{6,}|[0-9]+`)

// shape is an answer without the parts that change each time.
func shape(a answer) string {
	return outside(a) + "\n" + changing.ReplaceAllString(a.body, "0")
}

// outside is an answer without its body.
func outside(a answer) string {
	if a.err != nil {
		return "no answer"
	}
	return strings.Join([]string{a.String(), a.header.Get("Content-Type"), title(a.body)}, "\n")
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

func title(body string) string {
	if m := titleTag.FindStringSubmatch(body); m != nil {
		return changing.ReplaceAllString(m[1], "0")
	}
	return ""
}

// differs reports whether an answer is another page than the baseline.
func (b baseline) differs(a answer) bool {
	if b.stable {
		return shape(a) != b.shape
	}
	return outside(a) != outside(b.answer)
}

// holds reports whether an answer contains the marker.
func (a answer) holds(marker string) bool {
	if strings.Contains(a.body, marker) {
		return true
	}
	for _, values := range a.header {
		if strings.Contains(strings.Join(values, "\n"), marker) {
			return true
		}
	}
	return false
}
