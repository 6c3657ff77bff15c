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
