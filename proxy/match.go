package proxy

import "strings"

// matches reports whether the rule's prefix covers a reading, in the form of that reading.
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

// covers matches whole segments: /dashboard covers /dashboard/x, and not /dashboards.
func covers(prefix, path string) bool {
	if prefix == "/" {
		return true
	}
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

// coversLoosely is covers for apps that find a page in any format. A segment may have a suffix that the rule does
// not have (/page.json, /page.php/x). An extension at the end of the rule may be missing or another one. A script
// may have a path after it. The index file of a folder counts as the folder.
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

// sameStem reports whether got is want, or want with a suffix.
func sameStem(want, got string) bool {
	return strings.HasPrefix(got, want) && (len(got) == len(want) || got[len(want)] == '.')
}

// sameFile reports whether got is the file want without its extension, or with another one.
func sameFile(want, got string) bool {
	for i := 1; i < len(want); i++ {
		if isExtension(want[i:]) && sameStem(want[:i], got) {
			return true
		}
	}
	return false
}

// isIndex reports whether servers show the file for its folder.
func isIndex(name string) bool {
	for _, stem := range []string{"index", "default", "home"} {
		if len(name) > len(stem) && strings.EqualFold(name[:len(stem)], stem) && isExtension(name[len(stem):]) {
			return true
		}
	}
	return false
}

// cutSegment cuts the first segment off a path that begins with a slash.
func cutSegment(p string) (segment, rest string) {
	p = strings.TrimPrefix(p, "/")
	if i := strings.IndexByte(p, '/'); i >= 0 {
		return p[:i], p[i:]
	}
	return p, ""
}

// hasExtension reports whether a path ends like a file name, as /page.html and /a.tar.1 do, and /v1.2 and /.git do
// not.
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
