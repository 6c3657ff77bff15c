package spelling

import "testing"

func TestTheNearestWord(t *testing.T) {
	t.Parallel()
	words := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	for word, want := range map[string]string{"PSOT": "POST", "GETT": "GET", "DELTE": "DELETE", "PTACH": "PATCH",
		"PUT": "PUT", "post": "POST", "GTE": "GET"} {
		if got, _ := Near(word, words); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}

func TestAWordThatIsNotNear(t *testing.T) {
	t.Parallel()
	words := []string{"list", "show", "create", "sign-out", "reset-link", "key", "OIDC_KEYCLOAK_ISSUER", "PUBLIC_URL",
		"SESSION_IDLE", "SESSION_CACHE"}
	for word, want := range map[string]string{"lst": "list", "lsit": "list", "LIST": "list", "craete": "create",
		"signout": "sign-out", "sign_out": "sign-out", "sign": "sign-out", "reset": "reset-link", "shw": "show",
		"list-all": "list", "KEYCLOAK_ISSUER": "OIDC_KEYCLOAK_ISSUER", "GATE_PUBLIC_URL": "PUBLIC_URL",
		"frobnicate": "", "new": "", "remove": "", "xy": "", "URL": "", "re": "", "": "", "exit": "",
		"SESSION": ""} {
		if got, near := Near(word, words); near != (want != "") || got != want {
			t.Errorf("%q: got %q, %t, want %q", word, got, near, want)
		}
	}
	if got, near := Near("list", nil); near {
		t.Errorf("of no words %q is near", got)
	}
}
