package config

import (
	"strings"
	"testing"
)

// A list of nothing but commas is a fault for every setting that takes one: as an empty one it would let everybody
// come.
func TestAListWithoutAnEntryIsRefused(t *testing.T) {
	t.Parallel()
	for _, k := range knownSettings(with(nil)) {
		if !k.List {
			continue
		}
		for _, value := range []string{",", " , , ", ",\n,"} {
			list := faultsWith(t, map[string]string{k.Name: value})
			if !strings.Contains(list.Error(), k.Name+": ") || !strings.Contains(list.Error(), "is a list without an entry") {
				t.Errorf("%s=%q: got %v", k.Name, value, list)
			}
		}
	}
	list := faultsWith(t, map[string]string{"GATEPOST_OIDC_CORP_ROLES": " , "})
	if len(list) != 1 {
		t.Errorf("one cause is several faults: %v", list)
	}
}
