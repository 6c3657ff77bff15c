package proxy

import (
	"path"
	"strings"
)

// prefixes are beginnings of paths in whole segments.
type prefixes []string

// have reports whether a raw path lies below one of them. A path that is not plain (with %-escapes, empty or dot
// segments) lies below none.
func (list prefixes) have(rawPath string) bool {
	if len(list) == 0 || strings.ContainsAny(rawPath, `%;\`) {
		return false
	}
	if clean := path.Clean(rawPath); clean != rawPath && clean+"/" != rawPath {
		return false
	}
	for _, prefix := range list {
		if rest, ok := strings.CutPrefix(rawPath, strings.TrimSuffix(prefix, "/")); ok &&
			(rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}
