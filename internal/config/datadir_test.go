package config

import "testing"

// A service may have no home: its data is where systemd says.
func TestWhereTheDataOfAServiceIs(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"/var/lib/gatepost":               "/var/lib/gatepost",
		"/var/lib/gatepost:/var/lib/more": "/var/lib/gatepost",
	} {
		if got := defaultDataDir([]string{"STATE_DIRECTORY=" + said, "HOME=/nonexistent"}); got != want {
			t.Errorf("%s: %s, want %s", said, got, want)
		}
	}
}
