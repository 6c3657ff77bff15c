package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// findOverlap lists texts that lie on other texts, and buttons in fields that lie on what is typed there. Letters with
// marks above and below may reach a little into the lines beside theirs. The menu of languages is meant to lie on the
// page, so its texts are compared with one another.
const findOverlap = `(() => {
	const found = [], texts = [], range = document.createRange()
	const over = text => text.parentElement.closest(".menu form")
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	for (let text; text = walker.nextNode();) {
		const e = text.parentElement
		if (!text.data.trim() || !e.checkVisibility({visibilityProperty: true}) || e.closest(".hidden, .trap")) continue
		range.selectNodeContents(text)
		for (const area of range.getClientRects()) texts.push({text, area})
	}
	texts.forEach(({text, area: a}, i) => {
		for (const {text: other, area: b} of texts.slice(i + 1)) {
			const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
			const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
			if (text !== other && over(text) === over(other) && width > 1 && height > .4 * Math.min(a.height, b.height))
				found.push(JSON.stringify(text.data) + " lies on " + JSON.stringify(other.data))
		}
	})
	for (const button of document.querySelectorAll(".box button")) {
		const input = button.parentElement.querySelector("input")
		for (let words = 0; words < 2; words++) { // as Show and Hide
			const style = getComputedStyle(input), i = input.getBoundingClientRect(), b = button.getBoundingClientRect()
			const atRight = i.right - b.left - parseFloat(style.paddingRight)
			const atLeft = b.right - i.left - parseFloat(style.paddingLeft)
			if (Math.min(atRight, atLeft) > 1)
				found.push(JSON.stringify(button.textContent) + " lies on what is typed in " + input.name)
			button.click()
		}
	}
	return found
})()`

func TestTextsThatOverlapAreFound(t *testing.T) {
	v := newVisitor(t)
	v.as(look{width: 320, height: 256, scale: 1})
	const up = `<p>one</p><p style="margin-top: -2em">`
	for html, want := range map[string]string{
		`<p>one</p><p>two</p><p hidden>three</p>`: "",
		up + `two</p>`: `"one" lies on "two"`,
		up + `<span class="hidden">for readers</span>`: "",
		`<div class="box" style="display: flex"><input name="word" style="padding: 0 40px 0 0; width: 200px">` +
			`<button style="margin-left: -80px; width: 80px">Show</button></div>`: `"Show" lies on what is typed in word`,
	} {
		v.show(html)
		got := strings.Join(ask(v, "look for overlap", chromedp.Evaluate[[]string](findOverlap)), "\n")
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: found %q, want %q", html, got, want)
		}
	}
}
