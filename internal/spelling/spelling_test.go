package spelling

import "testing"

func TestTheNearestWord(t *testing.T) {
	t.Parallel()
	words := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	for word, want := range map[string]string{"PSOT": "POST", "GETT": "GET", "DELTE": "DELETE", "PTACH": "PATCH",
		"PUT": "PUT", "": "GET"} {
		if got := Nearest(word, words); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}

func TestAWordThatIsNotNear(t *testing.T) {
	t.Parallel()
	words := []string{"list", "show", "create", "sign-out"}
	for word, want := range map[string]string{"lst": "list", "lsit": "list", "craete": "create", "signout": "sign-out",
		"shw": "show", "frobnicate": "", "new": "", "remove": ""} {
		if got, near := Near(word, words); near != (want != "") || near && got != want {
			t.Errorf("%q: got %s, %t, want %q", word, got, near, want)
		}
	}
}
