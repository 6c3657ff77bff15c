package doctor

import "strings"

// spelling is a way to ask for a page under another name, as the servers in kinds read it.
type spelling struct {
	kind string // a stable id
	request
}

// kinds say which servers read each kind of spelling as the page itself.
var kinds = map[string]string{
	"method":          "frameworks that answer HEAD, or a method in lower case, like GET",
	"slashes":         "nginx and most routers, which merge and drop slashes",
	"dots":            "everybody who resolves . and .. segments",
	"encoded-dots":    "servers that decode before they resolve . and ..",
	"encoded-slashes": "servers that decode %2f into a slash",
	"encoded-letters": "everybody who decodes, once or several times",
	"backslashes":     `Windows, and URL parsers that take \ for /`,
	"params":          "Java servers, which drop ;params",
	"case":            "routers and file systems that ignore letter case",
	"tails":           "Windows, C programs and routers, which drop dots, blanks and NUL at the end of a name",
	"line-ends":       "URL parsers that drop tabs and line ends",
	"suffixes":        "frameworks that take a suffix for the wanted format",
	"scripts": "PHP, which serves /index.php/page as /page, and ASP.NET, which takes /(S(x))/page for a " +
		"session and a page",
	"hosts":       "URL parsers that take //name/page for a host and a page",
	"absolute":    "servers that take a whole URL as a target",
	"fragments":   "programs that cut a decoded path at # or ?",
	"percent-u":   "IIS and old JavaScript, which read %u0064 as a letter",
	"overlong":    "careless UTF-8 decoders, and those told to ignore what is no UTF-8",
	"compatible":  "whatever normalises Unicode: full-width letters, dots and slashes become plain ones",
	"data-routes": "Next.js, which serves a page's data below /_next/data",
	"streams":     "Windows file systems, for which page::$DATA is the page",
	"queries":     "rules that look at the query as if it were the path",
	"escapes":     "servers that resolve a path after a rule has looked at its beginning",
	"chains":      "several servers one behind the other, each of which reads one layer",
}

// otherHost never resolves (RFC 6761), so that a server that believes it reaches no other site.
const otherHost = "gatepost-doctor.invalid"

// spellings are all ways to ask for a protected path, always in the same order. public and login are paths that are
// open to everybody, from which some spellings try to escape. host is the site's own.
func spellings(protected, public, login, host string) []spelling {
	p := "/" + strings.Trim(protected, "/")
	c := &corpus{page: p, name: p[1:], seen: map[string]bool{"GET " + protected: true}}
	c.methods()
	c.slashes()
	c.dots()
	c.letters()
	c.backslashes()
	c.params()
	c.tails()
	c.suffixes()
	c.hosts(host)
	c.cuts()
	c.unicode()
	c.queries(public)
	for _, open := range []string{public, login, "/.gatepost/healthz"} {
		c.escapes(open)
	}
	c.chains()
	return c.list
}

type corpus struct {
	page, name string // "/a/b" and "a/b"
	list       []spelling
	seen       map[string]bool
}

func (c *corpus) add(kind string, targets ...string) {
	for _, t := range targets {
		c.addRequest(kind, request{target: t})
	}
}

func (c *corpus) addRequest(kind string, r request) {
	key := r.verb() + " " + r.target
	if !c.seen[key] {
		c.seen[key] = true
		c.list = append(c.list, spelling{kind, r})
	}
}
