package proxy

import (
	"strings"
	"testing"
)

// withheld are paths that some app may read as one below /api/auth, and others that only look like one.
var withheld = map[string]bool{
	"/api/auth": true, "/api/auth/": true, "/api/auth/sign-in/email": true, "/api/auth/x/y": true,
	"//api/auth/x": true, "/api//auth/x": true, "/api/./auth/x": true, "/x/../api/auth/y": true,
	"/api%2fauth/x": true, "/api/%61uth/x": true, "/api/auth%2fx": true, "/%61%70%69/auth": true,
	"/api/%2561uth/x": true, "/API/auth/x": true, "/Api/Auth": true, "/api;v=1/auth/x": true, "/api/auth;x": true,
	"/api%5cauth/x": true, "/api/auth.json": true, "/api/auth%00": true, "/api/auth%20": true,
	"/_next/data/b/api/auth/x.json": true, "/%u0061pi/auth/x": true, "/api%c0%afauth/x": true,
	"/index.php/api/auth/x": true,
	"/ａpi/auth/x":           true, "/%" + strings.Repeat("25", 200) + "41": true, // more readings than are followed
	"/api": false, "/api/authors": false, "/api/auth-tokens/x": false, "/apis/auth": false, "/x/api/auth": false,
	"/api/authenticate": false, "/api/x/auth": false, "/": false, "/api/auth/../users": true,
	"/docs/api%20auth": false, "/search/a+b;c=d/e%2Ff.json": false,
	"/proxy/https%3A%2F%2Fexample.com%2Fa%2Bb%3Fc%3Dd": false,
}

func TestWhatMayBeReadAsTheGatesOwnIsWithheld(t *testing.T) {
	t.Parallel()
	for _, rules := range []Rules{mustRules(t, "/", "/api, /API, GET /api/auth"), mustRules(t, "/dashboard", ""),
		mustRules(t, "/Private, /a.html", "")} {
		kept := rules.Withhold("/api/auth")
		for path, want := range withheld {
			for _, method := range []string{"GET", "POST", "OPTIONS", "PROPFIND"} {
				got := kept.For(method, path)
				if got.Withheld != want || got.Withheld && got.Public {
					t.Errorf("%s %.60s: withheld is %t, public %t", method, path, got.Withheld, got.Public)
				}
				if plain := rules.For(method, path); plain.Withheld || !want && plain.Public != got.Public {
					t.Errorf("%s %.60s: withholding changes the rules", method, path)
				}
			}
		}
	}
}

// Rules with a prefix of their own leave those they were made of as they were.
func TestWithholdingIsOfOneSetOfRules(t *testing.T) {
	t.Parallel()
	one := mustRules(t, "/dashboard", "").Withhold("/x").Withhold("/y").Withhold("/one") // with room for a fourth
	two, three := one.Withhold("/two"), one.Withhold("/three")
	for path, want := range map[string][3]bool{"/one": {true, true, true}, "/two": {false, true, false},
		"/three": {false, false, true}} {
		got := [3]bool{one.For("GET", path).Withheld, two.For("GET", path).Withheld, three.For("GET", path).Withheld}
		if got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

// Whatever a known server would serve as a path below the prefix is withheld.
func FuzzWithhold(f *testing.F) {
	for path := range withheld {
		f.Add(path)
	}
	r := Rules{}.Withhold("/api/auth")
	f.Fuzz(func(t *testing.T, raw string) {
		raw = "/" + raw
		for _, u := range upstreams {
			if page := u.read(raw); covers("/api/auth", page) && !r.For("POST", raw).Withheld {
				t.Errorf("%q is %q to %s, and would reach the app", raw, page, u.name)
			}
		}
	})
}
