package e2e

import (
	"fmt"
	"testing"
)

// ownPages are the pages of the gate in an order in which one visitor can come by all of them.
func ownPages(p person) []ownPage {
	wrong := person{p.name, "zhang.wei@nowhere", "password"} // the browser lets both pass, the gate neither
	return []ownPage{
		{"/login", 200, func(v *visitor) int { return v.open("/login?next=/account") }},
		{"a failed login", 401, func(v *visitor) int { return v.logIn(p) }},
		{"/signup", 200, func(v *visitor) int { return v.open("/signup?next=/account") }},
		{"a failed signup", 422, func(v *visitor) int { return v.signUp(wrong) }},
		{"/account", 200, func(v *visitor) int { v.open("/signup?next=/account"); return v.signUp(p) }},
		{"a page that does not exist", 404, func(v *visitor) int { return v.open("/account/nothing") }},
		{"a page that is refused", 403, func(v *visitor) int { return v.open("/admin") }},
		{"/logout", 200, func(v *visitor) int { return v.open("/logout") }},
	}
}

type ownPage struct {
	name   string
	status int
	visit  func(*visitor) int
}

// looks are day and night on the narrowest window a page has to cope with, on a laptop, and on a wall.
func looks() (all []look) {
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 1280, 3840} {
			all = append(all, look{scheme: scheme, width: width, height: width * 9 / 16, scale: 1})
		}
	}
	return all
}

func TestPagesAreAccessible(t *testing.T) {
	v, all := newVisitor(t), looks()
	for _, page := range ownPages(zhangWei()) {
		v.as(all[0]) // before it loads: what a change of size moves is no shift
		if got := page.visit(v); got != page.status {
			t.Fatalf("%s: status %d, want %d\n%s", page.name, got, page.status, v.view())
		}
		if by := v.shift(); by != 0 {
			t.Errorf("%s moves by %v while it loads", page.name, by)
		}
		for _, l := range all {
			v.as(l)
			name := fmt.Sprintf("%s, %s, %d wide", page.name, l.scheme, l.width)
			v.mustBeAccessible(name)
			v.mustFit(name)
		}
	}
}
