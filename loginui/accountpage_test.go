package loginui_test

import (
	"strings"
	"testing"
)

func TestTheAccountPageShowsRolesThatNotEverybodyHas(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.cookie(t, "ada@example.com")
	for role, shown := range map[string]bool{"user": false, "": false, "admin": true, "user,editor": true} {
		d.exec(t, `UPDATE gatepost."user" SET role = '`+role+`'`)
		page := d.do(t, "GET", "/account", "", cookie).body
		if strings.Contains(page, "<dt>Roles</dt>") != shown {
			t.Errorf("the roles %q are shown: %v, want %v", role, !shown, shown)
		}
	}
}
