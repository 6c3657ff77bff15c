package proxy

import "fmt"

// folderDoubt is for a rule like /api/*, which does not cover /api.
func (r Rules) folderDoubt(ru *rule, folder string) []string {
	for _, s := range r.samples(rule{methods: ru.methods, prefix: instance(folder, fillers[0])})[:1] {
		if r.For(s.method, s.path).Public {
			return []string{fmt.Sprintf("GATEPOST_PROTECT: rule %q protects what lies below %s, and not %s itself; "+
				"a rule for %s protects both", ru.text, folder, folder, folder)}
		}
	}
	return nil
}

// overriddenDoubts are about a rule with a * that a shorter one sets aside, because it names the first segments more
// exactly.
func (r Rules) overriddenDoubts(i int) (list []string) {
	ru := &r.list[i]
	for j := range r.list {
		o := &r.list[j]
		p, ok := meeting(ru, o)
		if !ok || o.depth >= ru.depth || exacter(o, ru) >= 0 || !o.public && o.needs.implyAll(ru.needs) {
			continue
		}
		for _, m := range r.tellsApart() {
			if ru.appliesTo(m) && o.appliesTo(m) && !r.protects(i, sample{m, p}) {
				list = append(list, fmt.Sprintf("GATEPOST_PROTECT: rule %q does not count for %s %s, as rule %q names its "+
					"first segments more exactly; to protect it, add a rule for %s", ru.text, m, p, o.text, p))
				break
			}
		}
	}
	return list
}
