package loginui

import "testing"

func TestAddressesBreakBeforeAnAtOrADot(t *testing.T) {
	for text, want := range map[string]string{
		"It is ada.l@app.example.com.": "It is ada<wbr>.l<wbr>@app<wbr>.example<wbr>.com.",
		"ü@x.рф":                       "ü<wbr>@x<wbr>.рф",
		"No address. Here.example":     "No address. Here.example",
		`<b>"@x.y`:                     "&lt;b&gt;&#34;<wbr>@x<wbr>.y",
		"":                             "",
	} {
		if got := string((*words)(nil).Breaking(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
