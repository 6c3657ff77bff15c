package proxy

// Finding is one reading of a path and what decided it, for `gatepost explain`.
type Finding struct {
	Path string // the path as read
	How  string // how it was read so; empty for the path as sent
	Rule string // the deciding rule as written; empty: no rule matches, so it is public
	// Needs a user, and these roles: none of it when the rule is public.
	Protected bool
	Roles     []string
}

// Explain lists the readings of a path that differ in path or rule, the one as sent first. complete is false when
// there are more than the gate follows; such a path needs a user with a role of each rule that names roles.
func (r Rules) Explain(method, rawPath string) (findings []Finding, complete bool) {
	complete = visitReadings(rawPath, func(rd reading) {
		f := Finding{Path: rd.path, How: rd.how}
		for _, i := range r.deciding(method, rd, nil) {
			f.Rule = r.list[i].text
			f.Protected = f.Protected || !r.list[i].public
			f.Roles = append(f.Roles, r.list[i].roles...)
		}
		for _, g := range findings {
			if g.Path == f.Path && g.Rule == f.Rule {
				return
			}
		}
		findings = append(findings, f)
	})
	return findings, complete
}

// All lists the rules as written, protecting ones first.
func (r Rules) All() (protect, public []string) {
	for _, ru := range r.list {
		if ru.public {
			public = append(public, ru.text)
		} else {
			protect = append(protect, ru.text)
		}
	}
	return protect, public
}
