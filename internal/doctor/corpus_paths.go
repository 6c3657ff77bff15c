package doctor

import (
	"fmt"
	"strings"
)

// methods leaves out methods that could change something in an unprotected app.
func (c *corpus) methods() {
	for _, m := range []string{"HEAD", "get", "GATEPOST"} {
		c.addRequest("method", request{method: m, target: c.page})
	}
}

func (c *corpus) slashes() {
	p := c.page
	c.add("slashes", "/"+p, "//"+p, p+"/", p+"//", "/"+p+"//", strings.ReplaceAll(p, "/", "//"))
	c.add("encoded-slashes", "/%2f"+c.name, "/%2F"+c.name, "/%252f"+c.name, p+"%2f", p+"%2fx", p+"%252f", p+"%2f%2f",
		"/x%2f..%2f"+c.name, "/x/..%2f"+c.name, "/x/..%2F"+c.name, "/x%2f../"+c.name, "/x/..%252f"+c.name,
		"/x/..%25252f"+c.name, "/.%2f"+c.name)
}

func (c *corpus) dots() {
	p := c.page
	c.add("dots", "/."+p, "/./."+p, "/.."+p, "/x/.."+p, "/x/y/../.."+p, p+"/.", p+"/./", p+"/x/..", p+"/x/../",
		p+"/.."+p, "/x/."+"/.."+p)
	for _, up := range []string{"%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "%25252e%25252e"} {
		c.add("encoded-dots", "/x/"+up+p, "/x/"+up+"%2f"+c.name)
	}
	c.add("encoded-dots", "/%2e"+p, "/%252e"+p, p+"/%2e", p+"/x/%2e%2e", "/x/%252e%252e%252f"+c.name,
		"/a%2fb/%2e%2e"+p, "/a%2fb/.%2E"+p)
}

func (c *corpus) letters() {
	first, rest := c.name[:1], c.name[1:]
	lower := fmt.Sprintf("%%%02x", first)
	upper := fmt.Sprintf("%%%02x", strings.ToUpper(first))
	c.add("encoded-letters", "/"+lower+rest, "/"+strings.ToUpper(lower)+rest,
		"/"+strings.ReplaceAll(lower, "%", "%25")+rest,
		"/"+strings.ReplaceAll(lower, "%", "%2525")+rest, "/"+everyLetter(c.name, 1), "/"+everyLetter(c.name, 2),
		"/"+c.name[:len(c.name)-1]+everyLetter(c.name[len(c.name)-1:], 1), "/%25"+fmt.Sprintf("%x", "%")+lower[1:]+rest)
	c.add("case", strings.ToUpper(c.page), "/"+strings.ToUpper(first)+rest, alternating(c.page), "/"+upper+rest,
		"/"+everyLetter(strings.ToUpper(c.name), 1))
}

// everyLetter percent-encodes each byte but slashes, in so many layers.
func everyLetter(s string, layers int) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '/' {
			b.WriteByte('/')
			continue
		}
		fmt.Fprintf(&b, "%%%s%02x", strings.Repeat("25", layers-1), s[i])
	}
	return b.String()
}

func alternating(s string) string {
	b := []byte(strings.ToLower(s))
	for i := 0; i < len(b); i += 2 {
		b[i] = strings.ToUpper(string(b[i]))[0]
	}
	return string(b)
}

func (c *corpus) backslashes() {
	c.add("backslashes", `/\`+c.name, `/x\..\`+c.name, `/x/..\`+c.name, c.page+`\`, c.page+`\x`, `/.\`+c.name,
		"/%5c"+c.name, "/%5C"+c.name,
		"/x/..%5c"+c.name, "/x%5c..%5c"+c.name, "/x/%2e%2e%5c"+c.name, "/x/..%255c"+c.name, "/x/%252e%252e%255c"+c.name,
		c.page+"%5c", c.page+"%5cx",
		"/"+strings.ReplaceAll(c.name, "/", "%5c")+"%5c")
}

func (c *corpus) params() {
	p := c.page
	c.add("params", p+";", p+";x", p+";x=1", p+";/x", p+"%3b", p+"%3bx=1", p+"%253bx=1", p+";.css",
		p+";%2f..", "/;"+p, "/;x=1"+p,
		"/x/..;"+p, "/x/..;a=b"+p, "/x/..%3b"+p, "/x;a/..;b"+p, "/.;"+p, "/%3b"+p, "/;%2f"+c.name, "/x/%2e%2e;"+p)
}

func (c *corpus) tails() {
	p := c.page
	c.add("overlong", p+"%ff", "/"+c.name[:1]+"%ff"+c.name[1:])
	c.add("tails", p+"+", "/+"+c.name, p+".", p+"..", p+"...", p+"%2e", p+"./", p+"%20", p+"%20/", p+"%20%20", p+".%20",
		p+"%00", p+"%00.css", p+"%00/x", p+"%2500",
		p+"%c2%a0", p+"%e3%80%80", p+"%7f", "/%20"+c.name, "/%00"+c.name, "/"+c.name[:1]+"%00"+c.name[1:])
	c.add("line-ends", p+"%0a", p+"%0d", p+"%0d%0a", p+"%09", p+"%0b", p+"%0c", p+"%250a", "/%0a"+c.name,
		"/%09"+c.name, "/%09"+p,
		"/"+c.name[:1]+"%0a"+c.name[1:], "/"+c.name[:1]+"%09"+c.name[1:], "/"+c.name[:1]+"%0d%0a"+c.name[1:],
		"/x/.%0a."+p, "/x/.%09."+p)
}

func (c *corpus) suffixes() {
	for _, s := range []string{".json", ".html", ".htm", ".php", ".xml", ".css", ".js", ".txt", ".png", ".aspx", ".jsp",
		".JSON", ".json/", ".tar.gz", "%2ejson", ".json;x"} {
		c.add("suffixes", c.page+s)
	}
	c.add("scripts", "/index.php"+c.page, "/INDEX.PHP"+c.page, "/app.php"+c.page, "/index.php/x/.."+c.page,
		"/index%2ephp"+c.page, "/index.php//"+c.name, "/x/index.php/../.."+c.page)
	c.add("scripts", "/public/index.php"+c.page, "/index"+c.page, "/(S(x))"+c.page, "/(A(x)F(y))"+c.page)
	c.add("data-routes", "/_next/data/build"+c.page+".json", "/_next/data/x"+c.page+".json?page=1",
		"/%5fnext/data/build"+c.page+".json")
	c.add("streams", c.page+"::$DATA", c.page+"::$data", c.page+"::$INDEX_ALLOCATION", c.page+"%3a%3a$DATA",
		c.page+":$i30:$INDEX_ALLOCATION/")
}
