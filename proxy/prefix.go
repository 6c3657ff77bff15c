package proxy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// maxPrefix is in bytes. No request has a longer path, as heads above 64 KiB are refused.
const maxPrefix = 64 << 10

// parsePrefix accepts a prefix in its plainest spelling only, so that it is clear what it covers. A prefix that no
// path can have is refused: such a rule would leave open what its author meant to protect.
func parsePrefix(s string, public bool) (string, error) {
	if err := checkPrefix(s); err != nil {
		return "", err
	}
	p := strings.TrimSuffix(s, "/")
	if p == "" {
		return "/", nil
	}
	plain := p
	if !public {
		plain = strings.ReplaceAll(p, "+", "") // some apps read + as a blank, others as +, which the rule protects
	}
	for _, tr := range transforms {
		if other := tr.apply(plain); other != plain {
			return "", fmt.Errorf("an app could read this prefix as %q; write it in its plainest form", other)
		}
	}
	return p, nil
}

func checkPrefix(s string) error {
	switch {
	case strings.Contains(s, "://"):
		return errors.New("write the path alone, without scheme and host, such as /dashboard")
	case strings.HasPrefix(s, "@"):
		return errors.New("a preset stands in GATEPOST_PUBLIC only, and without methods")
	case !strings.HasPrefix(s, "/"):
		return errors.New("a path starts with /")
	case len(s) > maxPrefix:
		return errors.New("no path is that long")
	case strings.ContainsAny(s, "%\\;?#\""):
		return errors.New("a prefix is written decoded and without % \\ ; ? # or quotes")
	case strings.Contains(s, "//"):
		return errors.New("a prefix has no empty segment: write one / at a time")
	case strings.Contains(s, " "):
		return errors.New("a blank stands only behind the methods, as in GET|POST /path; " +
			"a protecting rule covers /a b when it says /a_b")
	}
	if i := strings.IndexFunc(s, invisible); i >= 0 {
		rest := strings.TrimLeftFunc(s[i:], invisible)
		return fmt.Errorf("it holds a character that cannot be seen, before %q; type it anew", rest)
	}
	for seg := range strings.SplitSeq(s, "/") {
		if placeholder(seg) {
			return fmt.Errorf("there are no patterns like %s: a prefix ends before them and covers everything below it",
				seg)
		}
		if err := checkStars(seg); err != nil {
			return err
		}
	}
	return nil
}

// invisible reports whether a character cannot be seen, such as one copied along with a rule. The joiners are
// excepted, as some languages need them in words.
func invisible(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return !unicode.IsPrint(r) && r != nonJoiner && r != joiner
}

// placeholder reports whether a segment is a placeholder of routers or regular expressions: :id, {id}, <id>, [id],
// (a|b), .+ or an anchor.
func placeholder(seg string) bool {
	switch {
	case strings.HasPrefix(seg, ":"), strings.HasPrefix(seg, "^"), strings.HasSuffix(seg, "$"):
		return true
	case strings.Contains(seg, "[") && strings.Contains(seg, "]"):
		return true
	}
	return strings.ContainsAny(seg, "{}<>|") || strings.Contains(seg, ".+")
}
