package proxy

import "strings"

// matches reports whether the rule's prefix covers a reading, in the form of that reading.
func (ru *rule) matches(rd *reading) bool {
	prefix := ru.prefix
	if rd.folded {
		prefix = ru.folded
	}
	if rd.loose {
		return coversLoosely(prefix, rd.path, ru.pattern)
	}
	if ru.pattern {
		return coversPattern(prefix, rd.path, fits)
	}
	return covers(prefix, rd.path)
}

// coversPlainly reports whether the prefix covers a path so exactly that the rule may set others aside.
func (ru *rule) coversPlainly(path string) bool {
	if ru.pattern {
		return coversPattern(ru.prefix, path, fitsPlainly)
	}
	return covers(ru.prefix, path)
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
// may have a path after it. The index file of a folder counts as the folder. A * in the rule may be any name.
func coversLoosely(prefix, path string, pattern bool) bool {
	if prefix == "/" {
		return true
	}
	for prefix != "" {
		var want, got string
		want, prefix = cutSegment(prefix)
		got, path = cutSegment(path)
		if sameStem(want, got) || pattern && stemFits(want, got) {
			continue
		}
		return prefix == "" && coversFile(want, got, strings.Trim(path, "/") == "")
	}
	return true
}

// coversFile reports whether the last segment of a rule names a file that is served for got. ends reports whether the
// path ends with it.
func coversFile(want, got string, ends bool) bool {
	return (ends || isScript(want)) && sameFile(want, got) || ends && got == "" && isIndex(want)
}

// sameStem reports whether got is want, or want with a suffix.
func sameStem(want, got string) bool {
	return strings.HasPrefix(got, want) && (len(got) == len(want) || got[len(want)] == '.')
}

// sameFile reports whether got is the file want without its extension, or with another one.
func sameFile(want, got string) bool {
	for i := 1; i < len(want); i++ {
		if isExtension(want[i:]) && stemFits(want[:i], got) {
			return true
		}
	}
	return false
}

// isIndex reports whether servers show the file for its folder, or one of the files, if the name has a *.
func isIndex(name string) bool {
	for _, stem := range []string{"index", "default", "home"} {
		if endsLikeIndex(name, stem) {
			return true
		}
		if len(name) <= len(stem) || !strings.EqualFold(name[:len(stem)], stem) {
			continue
		}
		if rest := name[len(stem):]; isExtension(rest) || rest == "*" {
			return true
		}
	}
	return false
}

// endsLikeIndex reports whether a name that begins with a * may be that of an index file: *.html, *x.html.
func endsLikeIndex(name, stem string) bool {
	if !strings.HasPrefix(name, "*") {
		return false
	}
	for i := 1; i < len(name); i++ {
		if isExtension(name[i:]) && strings.HasSuffix(stem, strings.ToLower(name[1:i])) {
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

// namesFile reports whether a prefix ends like a file name, as /page.html, /a.tar.1 and /index* do, and /v1.2 and /.git
// do not.
func namesFile(prefix string) bool {
	name := prefix[strings.LastIndexByte(prefix, '/')+1:]
	if isIndex(name) {
		return true
	}
	for i := 1; i < len(name); i++ {
		if isExtension(name[i:]) {
			return true
		}
	}
	return false
}

// isExtension reports whether a text begins like an extension, or like that of a rule for any one (index.*).
func isExtension(s string) bool {
	return len(s) > 1 && s[0] == '.' && (isLetter(s[1]) || s[1] == '*')
}
