package loginui

import (
	"html/template"
	"regexp"
)

var (
	inAddress = regexp.MustCompile(`\S+@\S+`)
	atBreak   = regexp.MustCompile(`[@.][\pL\pN]`)
)

// Breaking is a text as HTML in which an e-mail address breaks before its @ or a dot of it, where a line is too short.
// Browsers know no other place than any letter, and the last one then stood alone.
func (w *words) Breaking(text string) template.HTML {
	return template.HTML(inAddress.ReplaceAllStringFunc(template.HTMLEscapeString(text), func(address string) string {
		return atBreak.ReplaceAllString(address, "<wbr>$0")
	}))
}
