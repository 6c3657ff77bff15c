package share

// row is a list of parts, the oldest first. A part is in one row at most, and takes no memory for it: connections
// change their row twice in each request.
type row struct{ first, last *Part }

// append adds a part that is in no row.
func (r *row) append(m *Part) {
	m.row, m.before = r, r.last
	if r.last == nil {
		r.first = m
	} else {
		r.last.after = m
	}
	r.last = m
}

// remove takes a part out of this row.
func (r *row) remove(m *Part) {
	if m.before == nil {
		r.first = m.after
	} else {
		m.before.after = m.after
	}
	if m.after == nil {
		r.last = m.before
	} else {
		m.after.before = m.before
	}
	m.row, m.before, m.after = nil, nil, nil
}
