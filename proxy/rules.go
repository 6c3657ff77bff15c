package proxy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth"
)

// Access is what a request needs. The zero value needs a signed-in user.
type Access struct {
	Public bool
	// Roles lists alternatives that must each be met: one of the first list, and one of the second, and so on.
	Roles [][]string
}

// Allows says whether a signed-in user may pass.
func (a Access) Allows(u auth.User) bool {
	for _, alternatives := range a.Roles {
		if !u.HasAny(alternatives) {
			return false
		}
	}
	return true
}

// rule is one entry of GATEPOST_PROTECT or GATEPOST_PUBLIC.
type rule struct {
	text    string   // as written, for explain
	methods []string // nil: every method
	prefix  string   // "/" or without a slash at its end
	public  bool
	roles   []string // nil: any signed-in user

	folded string // the prefix under the reading that ignores case
}

// Rules say which paths need what. A path that no rule matches is public; the zero value makes every path public.
type Rules struct {
	list []rule
	// everyPath is set when even a plain path has several readings: a prefix has upper-case letters, or protects a file
	// with an extension, which apps serve without it too.
	everyPath bool
}

// namesMethod says whether the rule covers the method, and whether by name. Some apps take "post" for "POST": a
// protecting rule covers every spelling, a public one only its own.
func (ru *rule) namesMethod(method string) (covers, named bool) {
	if ru.methods == nil {
		return true, false
	}
	for _, m := range ru.methods {
		if m == method || m == http.MethodGet && method == http.MethodHead {
			return true, true
		}
		upper := strings.ToUpper(method)
		if !ru.public && (m == upper || m == http.MethodGet && upper == http.MethodHead) {
			return true, true
		}
	}
	return false, false
}

// For says what a request needs: the strictest of what each plausible reading of its path needs. It is pure, and its
// work is bounded whatever the path. rawPath is the path as the client sent it, before any decoding.
func (r Rules) For(method, rawPath string) Access {
	var v verdict
	if plain(rawPath) && !r.everyPath {
		r.judge(method, reading{path: rawPath}, &v)
		return v.access(r)
	}
	v.overflow = !visitReadings(rawPath, func(rd reading) { r.judge(method, rd, &v) })
	return v.access(r)
}

// verdict collects what the readings need.
type verdict struct {
	protected bool
	overflow  bool  // more readings than we follow: everything any rule asks for
	rules     []int // protecting rules with roles that decided a reading
}

func (v *verdict) access(r Rules) Access {
	if v.overflow {
		v.protected = true
		v.rules = nil
		for i, ru := range r.list {
			if ru.roles != nil {
				v.rules = append(v.rules, i)
			}
		}
	}
	a := Access{Public: !v.protected}
	for _, i := range v.rules {
		a.Roles = append(a.Roles, r.list[i].roles)
	}
	return a
}

// judge applies the rules to one reading and adds what it needs.
func (r Rules) judge(method string, rd reading, v *verdict) {
	var buf [4]int
	for _, i := range r.deciding(method, rd, buf[:0]) {
		if r.list[i].public {
			continue
		}
		v.protected = true
		if r.list[i].roles != nil && !slices.Contains(v.rules, i) {
			v.rules = append(v.rules, i)
		}
	}
}

// deciding are the rules that decide a reading: of the longest prefix, those that name the method before those that do
// not, and protecting ones before public ones. Two protecting rules can tie when their prefixes differ in case only;
// then both count. They are appended to found, which is empty.
func (r Rules) deciding(method string, rd reading, found []int) []int {
	var best score
	for i := range r.list {
		ru := &r.list[i]
		covers, named := ru.namesMethod(method)
		if !covers || !ru.matches(rd) {
			continue
		}
		s := score{len(ru.prefix), named, !ru.public}
		switch {
		case s.beats(best) || len(found) == 0:
			best, found = s, append(found[:0], i)
		case s == best:
			found = append(found, i)
		}
	}
	return found
}

type score struct {
	length         int
	named, protect bool
}

func (s score) beats(t score) bool {
	switch {
	case s.length != t.length:
		return s.length > t.length
	case s.named != t.named:
		return s.named
	}
	return s.protect && !t.protect
}

// matches reads the rule as the path was read.
func (ru *rule) matches(rd reading) bool {
	prefix := ru.prefix
	if rd.folded {
		prefix = ru.folded
	}
	if rd.loose {
		return coversLoosely(prefix, rd.path)
	}
	return covers(prefix, rd.path)
}

// covers matches whole segments: /dashboard covers /dashboard/x and never /dashboards.
func covers(prefix, path string) bool {
	if prefix == "/" {
		return true
	}
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

// coversLoosely is covers for apps that find a page whatever its format: a segment may have a suffix that the rule does
// not name (/page.json, /page.php/x), an extension that ends the rule may be missing or another one, a script may be
// followed by a path, and the index file of a folder is the folder.
func coversLoosely(prefix, path string) bool {
	if prefix == "/" {
		return true
	}
	for prefix != "" {
		var want, got string
		want, prefix = cutSegment(prefix)
		got, path = cutSegment(path)
		last, ends := prefix == "", strings.Trim(path, "/") == ""
		file := last && (ends || isScript(want))
		folder := last && ends && got == "" && isIndex(want)
		if !sameStem(want, got) && !(file && sameFile(want, got)) && !folder {
			return false
		}
	}
	return true
}

// sameStem says whether got is want, or want with a suffix.
func sameStem(want, got string) bool {
	return strings.HasPrefix(got, want) && (len(got) == len(want) || got[len(want)] == '.')
}

// sameFile says whether got is the file want without its extension, or with another.
func sameFile(want, got string) bool {
	for i := 1; i < len(want); i++ {
		if isExtension(want[i:]) && sameStem(want[:i], got) {
			return true
		}
	}
	return false
}

// isIndex says whether a file is what servers show for its folder.
func isIndex(name string) bool {
	for _, stem := range []string{"index", "default", "home"} {
		if len(name) > len(stem) && strings.EqualFold(name[:len(stem)], stem) && isExtension(name[len(stem):]) {
			return true
		}
	}
	return false
}

// cutSegment takes the first segment off a path that begins with a slash.
func cutSegment(p string) (segment, rest string) {
	p = strings.TrimPrefix(p, "/")
	if i := strings.IndexByte(p, '/'); i >= 0 {
		return p[:i], p[i:]
	}
	return p, ""
}

// hasExtension says whether a path ends like a file name, as /page.html does and /v1.2 and /.git do not.
func hasExtension(path string) bool {
	name := path[strings.LastIndexByte(path, '/')+1:]
	i := strings.LastIndexByte(name, '.')
	return i > 0 && isExtension(name[i:])
}

func isExtension(s string) bool {
	return len(s) > 1 && s[0] == '.' && isLetter(s[1])
}
