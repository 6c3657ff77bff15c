package loginui

import "testing"

func TestAddressesBreakBeforeAnAtOrADot(t *testing.T) {
	for text, want := range map[string]string{
		"It is ada.l@app.example.com.": "It is <bdi>ada<wbr>.l<wbr>@app<wbr>.example<wbr>.com</bdi>.",
		"a@x.y, b@x":                   "<bdi>a<wbr>@x<wbr>.y</bdi>, <bdi>b<wbr>@x</bdi>",
		"新しいa@x.yです":                   "新しい<bdi>a<wbr>@x<wbr>.y</bdi>です",
		"No address. Here.example":     "No address. Here.example",
		`<b>o'k&p@x.y"`:                "&lt;b&gt;<bdi>o&#39;k&amp;p<wbr>@x<wbr>.y</bdi>&#34;",
		"@ a@ @b":                      "@ a@ @b",
		"":                             "",
	} {
		if got := string((*words)(nil).Breaking(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
