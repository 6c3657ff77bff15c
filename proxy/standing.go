package proxy

// standing is a rule that matches a reading.
type standing struct {
	*rule
	index   int
	named   bool // the rule names the method, in any letter case
	loosens bool // the rule may override others, as the request is what its author meant
}

// matching appends the rules that match a reading to found. A rule loosens only a request that it names in the
// client's own spelling, and then only readings below its prefix with case and suffixes counted. Otherwise a rule
// for one file would open the file beside it.
func (r Rules) matching(q request, rd reading, found []standing) []standing {
	for i := range r.list {
		ru := &r.list[i]
		if !ru.appliesTo(q.method) || !ru.matches(&rd) {
			continue
		}
		found = append(found, standing{ru, i, ru.methods != nil, ru.mayLoosen(&q, &rd)})
	}
	return found
}

// mayLoosen reports whether the rule, which matches, may set others aside.
func (ru *rule) mayLoosen(q *request, rd *reading) bool {
	if (ru.pattern || rd.folded || rd.loose) && !ru.coversPlainly(rd.counted) { // else matches has compared the same
		return false
	}
	return ru.names(q) && (ru.except == nil || !ru.excepts(rd))
}

// excepts reports whether a reading lies below a prefix that the rule leaves alone.
func (ru *rule) excepts(rd *reading) bool {
	for i := range ru.except {
		if ru.except[i].matches(rd) {
			return true
		}
	}
	return false
}

// setAside reports whether a rule does not count, because one that may loosen comes before it.
func setAside(s standing, matching []standing) bool {
	for i := range matching {
		if o := &matching[i]; o.loosens && o.before(&s) {
			return true
		}
	}
	return false
}

// before reports whether a rule comes before a protecting one: from the left, it has the first segment that names more
// exactly; or it has the longer prefix, or the same length and names the method. Length is compared in segments and in
// letters, because a prefix in deeper folders may have fewer letters. Letters are counted without case and accents.
func (s *standing) before(o *standing) bool {
	if s.pattern || o.pattern {
		if c := exacter(s.rule, o.rule); c != 0 {
			return c < 0
		}
	}
	switch {
	case s.depth < o.depth || len(s.folded) < len(o.folded):
		return false
	case s.depth > o.depth || len(s.folded) > len(o.folded):
		return true
	}
	return s.named && !o.named
}
