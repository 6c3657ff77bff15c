package loginui

import (
	"html/template"
	"regexp"
	"strings"
)

var (
	// anAddress is an address as most are: letters of other scripts may belong to the sentence around.
	anAddress = regexp.MustCompile("[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
	atBreak   = regexp.MustCompile(`[@.][A-Za-z0-9]`)
)

// Breaking is a text as HTML in which an e-mail address that is longer than a line breaks before its @ or a dot of it.
// Browsers know no other place than any letter, and the last one then stood alone.
func (w *words) Breaking(text string) template.HTML {
	var out strings.Builder
	for {
		at := anAddress.FindStringIndex(text)
		if at == nil {
			out.WriteString(template.HTMLEscapeString(text))
			return template.HTML(out.String())
		}
		address := template.HTMLEscapeString(text[at[0]:at[1]])
		out.WriteString(template.HTMLEscapeString(text[:at[0]]))
		out.WriteString("<bdi>" + atBreak.ReplaceAllString(address, "<wbr>$0") + "</bdi>")
		text = text[at[1]:]
	}
}
