package secret_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

func TestAnAPITokenIsReadAsItIsMade(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`^gp[ts]_[0-9A-Za-z]{36}$`)
	for range 100 {
		for _, prefix := range []string{secret.PersonalPrefix, secret.ServicePrefix} {
			made := secret.NewAPIToken(prefix)
			text := string(made)
			if !pattern.MatchString(text) || !strings.HasPrefix(text, made.Hint()) || len(made.Hint()) != 8 {
				t.Fatalf("it is no text that scanners find: %d characters", len(text))
			}
			if read, ok := secret.ParseAPIToken(text); !ok || read != made {
				t.Fatal("it was made and is not read")
			}
		}
	}
}

// A published value, so that scanners written elsewhere agree.
func TestTheChecksumOfAnAPIToken(t *testing.T) {
	t.Parallel()
	const text = "gpt_0000000000000000000000000000002C8GjS" // of which Python's zlib has made the end
	if _, ok := secret.ParseAPIToken(text); !ok {
		t.Errorf("%s is not read", text)
	}
}

func TestATypoIsNoAPIToken(t *testing.T) {
	t.Parallel()
	text := string(secret.NewAPIToken(secret.PersonalPrefix))
	for i := range text {
		for _, c := range []byte("aZ0_-é \x00") {
			typo := text[:i] + string(c) + text[i+1:]
			if _, ok := secret.ParseAPIToken(typo); ok && typo != text {
				t.Errorf("with %q at %d it is read", c, i)
			}
		}
	}
	for _, junk := range []string{"", "gpt_", text + "0", text[:len(text)-1], " " + text, "ghp_" + text[4:],
		"gpx_" + text[4:], strings.ToUpper(text[:4]) + text[4:]} {
		if _, ok := secret.ParseAPIToken(junk); ok {
			t.Errorf("%q is read", junk)
		}
	}
}

func TestWhatLooksLikeAnAPIToken(t *testing.T) {
	t.Parallel()
	text := string(secret.NewAPIToken(secret.ServicePrefix))
	for s, want := range map[string][2]bool{
		text: {true, true}, "token " + text: {true, true}, text + ",x": {true, true}, `"` + text + `"`: {true, true},
		"_" + text: {true, true}, text[:30]: {true, false}, text + "0": {true, false},
		text[:4] + strings.Repeat("a", 36):   {true, false},
		strings.ToUpper(text[:4]) + text[4:]: {true, false}, "a=b&t=" + text: {true, true},
		"": {}, "gpt_": {}, "gpt_4o_mini": {}, "gpt_" + text[4:20]: {}, "ghp_" + text[4:]: {},
		"x" + text: {true, true}, "x" + text[:39]: {}, "%20" + text: {true, true},
		"egpt_" + strings.Repeat("a", 36): {}, "gpt-" + text[4:]: {},
	} {
		if got := [2]bool{secret.HasAPIToken(s), secret.HasTrueAPIToken(s)}; got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestAnAPITokenDoesNotPrint(t *testing.T) {
	made := secret.NewAPIToken(secret.PersonalPrefix)
	if said := fmt.Sprintf("%v %s %q %x %#v", made, made, made, made, made); strings.Contains(said, string(made)) {
		t.Error("it prints")
	}
	if a := testing.AllocsPerRun(100, func() { _, _ = secret.ParseAPIToken(string(made)); _ = made.Sum() }); a > 0 {
		t.Errorf("to read one allocates %v times", a)
	}
}
