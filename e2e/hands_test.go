package e2e

import (
	"fmt"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// open opens a path of the site from the address bar.
func (v *visitor) open(path string) int {
	v.t.Helper()
	return v.load("open "+path, chromedp.Navigate(v.gate.url+path))
}

// follow clicks the link with these words.
func (v *visitor) follow(words string) int {
	v.t.Helper()
	return v.load("follow "+words, chromedp.Click(linkOf(words)))
}

// choose clicks the link with these words when it may load no page.
func (v *visitor) choose(words string) {
	v.t.Helper()
	ask(v, "choose "+words, chromedp.Click(linkOf(words)))
}

func linkOf(words string) chromedp.Search {
	return chromedp.Search(fmt.Sprintf("//a[normalize-space()=%q]", words))
}

// change follows the button beside a value of the account to the page that changes it.
func (v *visitor) change(page string) int {
	v.t.Helper()
	return v.load("change at "+page, chromedp.Click(chromedp.CSS(fmt.Sprintf("main a[href=%q]", page))))
}

// speak chooses a language in the menu.
func (v *visitor) speak(language string) int {
	v.t.Helper()
	ask(v, "open the menu of languages", chromedp.Click(chromedp.CSS(".menu summary")))
	return v.press(language)
}

// press clicks the button with these words.
func (v *visitor) press(words string) int {
	v.t.Helper()
	return v.load("press "+words, chromedp.Click(chromedp.Search(fmt.Sprintf("//button[normalize-space()=%q]", words))))
}

// submit sends the form with this action by its button, whatever its words.
func (v *visitor) submit(action string) int {
	v.t.Helper()
	return v.load("send the form "+action, chromedp.Click(buttonOf(action)))
}

// click clicks the same button when it may load no page.
func (v *visitor) click(action string) {
	v.t.Helper()
	ask(v, "click the button of "+action, chromedp.Click(buttonOf(action)))
}

func buttonOf(action string) chromedp.CSS {
	return chromedp.CSS(fmt.Sprintf("main form[action=%q] button[type=submit]", action))
}

// fill replaces the text of a field at once, as a password manager does. The keyboard tests type instead.
func (v *visitor) fill(field, text string) {
	v.t.Helper()
	selectAll := fmt.Sprintf(`(field => { field.focus(); field.select() })(document.querySelector("input[name=%s]"))`,
		field)
	ask(v, "go to "+field, chromedp.Evaluate[chromedp.Void](selectAll))
	call(v, "fill in "+field, input.InsertText, input.InsertTextParams{Text: text})
}
