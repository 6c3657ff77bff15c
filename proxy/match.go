package proxy

import "strings"

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

// hasExtension says whether a path ends like a file name, as /page.html and /a.tar.1 do, and /v1.2 and /.git do not.
func hasExtension(path string) bool {
	name := path[strings.LastIndexByte(path, '/')+1:]
	for i := 1; i < len(name); i++ {
		if isExtension(name[i:]) {
			return true
		}
	}
	return false
}

func isExtension(s string) bool {
	return len(s) > 1 && s[0] == '.' && isLetter(s[1])
}
