package doctor

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

func (c *corpus) hosts(host string) {
	p := c.page
	for _, h := range []string{host, otherHost} {
		c.add("hosts", "//"+h+p, "///"+h+p, "////"+h+p, "//"+h+"/"+p, "//x@"+h+p, `/\`+h+p,
			"/%2f"+h+p, "//"+h+"/x/.."+p)
		c.add("absolute", "http://"+h+p, "https://"+h+p, "HTTP://"+h+p, "http:/"+h+p, "http://x@"+h+p, "ftp://"+h+p)
	}
	c.add("absolute", "http:"+c.name, "http:"+p, "http://"+p, "x:"+p, c.name)
}

func (c *corpus) cuts() {
	p := c.page
	c.add("fragments", p+"#", p+"#/", p+"#x", p+"%23", p+"%23/x", p+"%2523", p+"%3f", p+"%3fx=1", p+"%253fx=1",
		p+"%3f/../x", p+"%23/../x")
	c.add("percent-u", fmt.Sprintf("/%%u00%02x%s", c.name[:1], c.name[1:]), "/x/..%u002f"+c.name, "/x/%u002e%u002e"+p,
		"/x/..%u2215"+c.name, "/%u005c"+c.name)
}

func (c *corpus) unicode() {
	b, rest, p := c.name[0], c.name[1:], c.page
	c.add("overlong", fmt.Sprintf("/%%%02x%%%02x%s", 0xC0|b>>6, 0x80|b&0x3F, rest),
		fmt.Sprintf("/%%e0%%%02x%%%02x%s", 0x80|b>>6, 0x80|b&0x3F, rest),
		fmt.Sprintf("/%%f0%%80%%%02x%%%02x%s", 0x80|b>>6, 0x80|b&0x3F, rest), "/x/..%c0%af"+c.name,
		"/x/%c0%ae%c0%ae"+p, "/x/..%c1%9c"+c.name,
		"/%c0%af"+c.name, p+"%c0%80", "/x/..%e0%80%af"+c.name, "/x/%c0%ae%c0%ae%c0%af"+c.name, "/x/..\xc0\xaf"+c.name,
		"/x/%25c0%25ae%25c0%25ae"+p)
	c.add("compatible", "/"+fullWidth(c.name), "/"+fullWidth(c.name[:1])+rest, "/"+fullWidth(strings.ToUpper(c.name)),
		"/x/"+fullWidth("..")+p,
		"/x/.."+fullWidth("/")+c.name, "/"+fullWidth("/")+c.name, p+fullWidth("."), p+fullWidth(";")+"x",
		"/x/"+escape("\u2024\u2024")+p, "/x/"+escape("\u2025")+p)
	c.add("compatible", strings.Replace(p, "s", escape("\u017F"), 1), strings.Replace(p, "k", escape("\u212A"), 1),
		strings.Replace(p, "fi", escape("\uFB01"), 1))
}

// fullWidth writes ASCII in full-width characters, encoded.
func fullWidth(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(escape(string(rune(s[i]) - '!' + '\uFF01')))
	}
	return b.String()
}

// escape encodes every byte beyond ASCII.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] < utf8.RuneSelf {
			b.WriteByte(s[i])
			continue
		}
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func (c *corpus) queries(public string) {
	p := c.page
	c.add("queries", p+"?", p+"??", p+"?x="+public, p+"?/../"+strings.Trim(public, "/"), p+"?"+public, p+"?.css",
		p+"?x=1;y=2", p+"?x=%zz", p+"?#",
		p+"?next=%2Flogin", p+"?path="+public+"&path="+p, p+"/?x", p+"?"+strings.Repeat("a=1&", 50))
}

// escapes climb out of a path that is open to everybody.
func (c *corpus) escapes(open string) {
	base := "/" + strings.Trim(path.Clean(open), "/")
	depth := strings.Count(strings.TrimSuffix(base, "/"), "/")
	for _, up := range []string{"/..", "/%2e%2e", "/.%2e", "%2f..", `\..`, "%5c..", "/..;", "/..%00", "/%252e%252e",
		"/%c0%ae%c0%ae", "//.."} {
		climb := strings.TrimSuffix(base, "/") + strings.Repeat(up, max(depth, 1))
		c.add("escapes", climb+c.page, climb+"%2f"+c.name)
	}
	if depth > 0 {
		c.add("escapes", base+"/.."+strings.Repeat("/..", depth)+c.page, base+";/"+strings.Repeat("../", depth)+c.name,
			base+"/x/"+strings.Repeat("../", depth+1)+c.name)
	}
}

func (c *corpus) chains() {
	p := c.page
	c.add("chains", strings.Repeat("/.", 100)+p, strings.Repeat("/x/..", 100)+p, strings.Repeat("/", 200)+c.name,
		strings.Repeat("/%2e", 50)+p,
		strings.Repeat("/x;y/..;", 30)+p, "/x/%25252e%25252e%25252f"+c.name,
		"/X/..%2F.%5C"+strings.ToUpper(c.name)+"%00.json",
		"//"+otherHost+"/x/..;/%2e"+p+".json;a", "/index.php/x/..%2f"+everyLetter(c.name, 1)+".%20",
		"/;/%2e;/"+everyLetter(c.name, 2)+"%2f.",
		"/%25%32%65%25%32%65"+p, "/x/%%32%65%%32%65"+p, "/x/..%2f..%2f..%2f"+c.name,
		fmt.Sprintf("/%%%s%02x%s", strings.Repeat("25", 40), c.name[:1], c.name[1:]))
}
