package acceptance_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The app cannot set the gate's cookies, in any spelling that a browser would store as one of them.
func TestTheAppsAnswersCannotSetOurCookies(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	name := l.cookieName()
	for id, header := range map[string]string{
		"bar_28_plain":                      "Set-Cookie: " + name + "=evil",
		"bar_28_with_attributes":            "Set-Cookie: " + name + "=evil; Path=/; HttpOnly",
		"bar_28_cleared":                    "Set-Cookie: " + name + "=; Max-Age=0",
		"bar_28_another_path":               "Set-Cookie: " + name + "=evil; Path=/dashboard",
		"bar_28_domain":                     "Set-Cookie: " + name + "=evil; Domain=localhost",
		"bar_28_lower_case_header":          "set-cookie: " + name + "=evil",
		"bar_28_upper_case_header":          "SET-COOKIE: " + name + "=evil",
		"bar_28_blank_before_equals":        "Set-Cookie: " + name + " =evil",
		"bar_28_tab_before_equals":          "Set-Cookie: " + name + "\t=evil",
		"bar_28_blanks_before_the_name":     "Set-Cookie:    " + name + "=evil",
		"bar_28_tab_before_the_name":        "Set-Cookie:\t" + name + "=evil",
		"bar_28_no_blank_after_colon":       "Set-Cookie:" + name + "=evil",
		"bar_28_without_a_value":            "Set-Cookie: " + name,
		"bar_28_nameless":                   "Set-Cookie: =" + name + "=evil",
		"bar_28_nameless_with_blanks":       "Set-Cookie: = " + name + "=evil",
		"bar_28_nameless_twice":             "Set-Cookie: ==" + name + "=evil",
		"bar_28_quoted":                     "Set-Cookie: " + name + `="evil"`,
		"bar_28_the_second_cookie":          "Set-Cookie: " + name + "_left=evil",
		"bar_28_the_second_cookie_nameless": "Set-Cookie: =" + name + "_left=evil",
		"bar_28_the_known_browser":          "Set-Cookie: " + name + "_known=evil; Path=/",
	} {
		t.Run(id, func(t *testing.T) {
			for _, cookie := range []string{"X: y", l.cookie} {
				l.app.answerWith("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n" + header +
					"\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\n" + header + "\r\nSet-Cookie: b=" + name +
					"\r\nContent-Length: 3\r\n\r\napp")
				all := l.send(t, l.request("GET /public", cookie))
				if !slices.Equal(statuses(all), []int{103, 200}) || all[0].header.Get("Link") != "</a.css>" {
					t.Fatalf("got %v", all)
				}
				if got := all[0].header.Values("Set-Cookie"); len(got) != 0 {
					t.Errorf("the interim answer sets %q", got)
				}
				if got := all[1].header.Values("Set-Cookie"); !slices.Equal(got, []string{"a=1", "b=" + name}) {
					t.Errorf("the answer sets %q", got)
				}
			}
		})
	}
}

// The app cannot send headers that only the gate sends: in its answer, in an informational one before it, or in
// trailers.
func TestTheAppsAnswersHoldNoHeaderOfTheGates(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	for _, name := range []string{"X-Gatepost", "X-Gatepost-User", "x_gatepost_via", "X-GATEPOST-ANYTHING"} {
		forged := name + ": evil\r\n"
		l.app.answerWith("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n" + forged +
			"\r\nHTTP/1.1 200 OK\r\nX-Gate: a\r\n" + forged +
			"Transfer-Encoding: chunked\r\nTrailer: X-End, " + name + "\r\n\r\n3\r\napp\r\n0\r\nX-End: z\r\n" + forged +
			"\r\n")
		got := l.raw(t, l.request("GET /public"))
		if strings.Contains(got, "evil") || !strings.Contains(got, "Link: </a.css>") ||
			!strings.Contains(got, "X-Gate: a") || !strings.Contains(got, "X-End: z") {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// If an app switches protocols unasked, or to another protocol than requested, no tunnel past the rules opens.
// A WebSocket that the app declines opens none either: what follows on the connection is judged.
func TestNoTunnelIsOpenedUnasked(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	const switching = "HTTP/1.1 101 Switching Protocols\r\n"
	ws := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	for _, row := range []struct {
		id, answer string
		headers    []string
	}{
		{"A16_101_unasked_to_h2c", switching + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", nil},
		{"A16_101_unasked_to_websocket", switching + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", nil},
		{"A16_101_unasked_to_nothing", switching + "Connection: Upgrade\r\n\r\n", nil},
		{"A16_101_unasked_bare", switching + "\r\n", nil},
		{"A16_101_unasked_with_an_empty_upgrade", switching + "Connection: Upgrade\r\nUpgrade:\r\n\r\n", nil},
		{"A16_101_to_a_request_for_h2c", switching + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
			[]string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"}},
		{"A16_101_to_another_protocol", switching + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", ws},
		{"A16_101_without_connection", switching + "Upgrade: websocket\r\n\r\n", []string{"Upgrade: websocket"}},
	} {
		t.Run(row.id, func(t *testing.T) {
			for _, path := range []string{"/public", "/dashboard"} {
				l.app.answerWith(row.answer)
				all := l.send(t, l.request("GET "+path, append(row.headers, l.cookie)...)+probe)
				seen := l.app.take()
				if len(all) == 0 || all[0].status != 502 || len(seen) != 1 {
					t.Errorf("%s: got %v, want 502; the app saw\n%s", path, statuses(all), quoted(seen))
				}
			}
		})
	}
	t.Run("bar_18_a_websocket_the_app_refuses", func(t *testing.T) {
		for _, status := range []string{"426 Upgrade Required", "400 Bad Request", "200 OK"} {
			l.app.answerWith("HTTP/1.1 " + status +
				"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n")
			got := statuses(l.send(t, l.open("GET /public",
				ws...)+l.open("GET /dashboard")+l.request("GET /.gatepost/healthz")))
			if len(got) != 3 || got[1] != 401 || got[2] != 200 || len(l.app.take()) != 1 {
				t.Errorf("%s: got %v", status, got)
			}
		}
	})
	t.Run("bar_18_a_websocket_is_a_tunnel", func(t *testing.T) {
		l.app.answerWith(switching + "Connection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: " +
			l.cookieName() + "=evil\r\n\r\n")
		all := l.send(t, l.open("GET /dashboard", append(ws, l.cookie, "Origin: "+l.url, "X_Auth_User: admin",
			"Connection: X-Auth-User")...))
		if len(all) != 1 || all[0].status != 101 || all[0].header.Get("Set-Cookie") != "" {
			t.Fatalf("got %v", all)
		}
		want := l.forwarded("GET /dashboard", "", append(l.identity, "Connection: Upgrade", "Upgrade: websocket",
			"Origin: "+l.url, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")...)
		l.saw(t, "the handshake", want, probe)
	})
}

// The gate decides who may open a WebSocket before the app hears of it.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	foreign := []string{
		"https://evil.example", "null", "http://" + l.host + ".evil.example", "http://evil.example#" + l.host,
		"http://" + l.host + "@evil.example", "https://" + l.host, "http://localhost",
		"http://127.0.0.1:1", "file://", "",
		"http://evil.example, http://" + l.host, "//" + l.host, l.host,
	}
	for _, upgrade := range []string{"websocket", "WebSocket", "WEBSOCKET", " websocket ", "\twebsocket"} {
		for _, connection := range []string{"Upgrade", "keep-alive, Upgrade", "upgrade"} {
			t.Run("bar_18/"+upgrade+"/"+connection, func(t *testing.T) {
				handshake := []string{"Connection: " + connection, "Upgrade: " + upgrade, "Origin: " + l.url}
				l.refuses(t, l.request("GET /dashboard", handshake...), 401)
				l.refuses(t, l.request("GET /dashboard", append(handshake, navigate)...), 401)
				for _, origin := range foreign {
					handshake[2] = "Origin: " + origin
					r := l.refuses(t, l.request("GET /dashboard", append(handshake, l.cookie)...), 403)
					if !strings.Contains(r.body, "A page of another site") {
						t.Errorf("refused with the words %q", r.body)
					}
					l.refuses(t, l.request("GET /public", append(handshake, l.cookie)...), 403)
				}
				// There are two Origin headers now.
				l.refuses(t, l.request("GET /dashboard", append(handshake, l.cookie, "Origin: "+l.url)...), 403)
			})
		}
	}
}

// Answers for one user stay out of shared caches. Nothing else in the app's answers is changed.
func TestTheAppsAnswersPassUnchanged(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	canary := newWire(t)
	for _, row := range []struct {
		id, target, answer string
		private            bool // Cache-Control is added if the request has an identity
	}{
		{"bar_24_cache_deception", "/dashboard/x.css", "Content-Type: text/css\r\n", true},
		{"bar_24_cache_deception_params", "/dashboard;x.css", "Content-Type: text/css\r\n", true},
		{"bar_24_cache_deception_encoded", "/dashboard%2fx.js", "Content-Type: text/javascript\r\n", true},
		{"bar_24_validators_are_no_policy", "/dashboard/logo.png",
			"Content-Type: text/css\r\nEtag: \"x\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n", true},
		{"bar_24_the_apps_own_policy", "/dashboard/app.js",
			"Content-Type: text/css\r\nCache-Control: public, max-age=60\r\n", false},
		{"bar_24_expires", "/dashboard/app.js",
			"Content-Type: text/css\r\nExpires: Thu, 01 Jan 2026 00:00:00 GMT\r\n", false},
		{"bar_24_expires_that_is_no_date", "/dashboard/app.js", "Content-Type: text/css\r\nExpires: 0\r\n", true},
		{"bar_24_what_is_for_CDNs_alone", "/dashboard/app.js",
			"Content-Type: text/css\r\nCdn-Cache-Control: max-age=60\r\nSurrogate-Control: max-age=60\r\n", true},
		{"I5_nothing_of_ours", "/dashboard",
			"Content-Type: text/css\r\nContent-Security-Policy: script-src *\r\nX-Frame-Options: SAMEORIGIN\r\n" +
				"Server: app/1\r\nAccess-Control-Allow-Origin: *\r\nReferrer-Policy: unsafe-url\r\n",
			true},
	} {
		t.Run(row.id, func(t *testing.T) {
			l.app.answerWith("HTTP/1.1 200 OK\r\n" + row.answer +
				"Content-Length: 3\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\napp")
			r := l.passes(t, l.request("GET "+row.target, l.cookie), l.forwarded("GET "+row.target, "", l.identity...))
			want := http.Header{"Content-Length": {"3"}, "Date": {"Thu, 01 Jan 2026 00:00:00 GMT"},
				"Connection": {"close"}}
			for h := range strings.SplitSeq(strings.TrimSuffix(row.answer, "\r\n"), "\r\n") {
				if name, value, ok := strings.Cut(h, ": "); ok {
					want.Set(name, value)
				}
			}
			if row.private {
				want.Set("Cache-Control", "private, no-store")
			}
			sameHeaders(t, r.header, want)
			public := strings.Replace(row.target, "/dashboard", "/public", 1)
			r = l.passes(t, l.request("GET "+public), l.forwarded("GET "+public, ""))
			if row.private {
				want.Del("Cache-Control")
			}
			sameHeaders(t, r.header, want)
		})
	}
	t.Run("bar_24_pragma_is_no_policy", func(t *testing.T) {
		for said, want := range map[string]string{
			"Pragma: no-cache": "private, no-store", "Pragma: no-cache\r\nExpires: 0": "private, no-store",
			"pragma: x": "private, no-store",
			// Cache-Control may be Go's reading of Pragma.
			"Pragma: no-cache\r\nCache-Control: no-cache":            "private, no-store",
			"Pragma: no-cache\r\nCache-Control: no-cache, max-age=0": "no-cache, max-age=0",
			"Pragma: no-cache\r\nCache-Control: public":              "public",
			"Cache-Control: no-cache":                                "no-cache", "Cache-Control:": "private, no-store",
			"Cache-Control: ,": "private, no-store",
		} {
			l.app.answerWith("HTTP/1.1 200 OK\r\n" + said + "\r\nContent-Length: 3\r\n\r\napp")
			if r := l.one(t, l.request("GET /dashboard", l.cookie)); r.header.Get("Cache-Control") != want {
				t.Errorf("%q: got %q", said, r.header.Get("Cache-Control"))
			}
		}
	})
	t.Run("I5_no_type_is_guessed", func(t *testing.T) {
		const page = "<html><script>alert(1)</script>"
		l.app.answerWith("HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nContent-Length: " +
			strconv.Itoa(len(page)) + "\r\n\r\n" + page)
		if r := l.one(t, l.request("GET /public/upload")); r.body != page || r.header.Get("Content-Type") != "" {
			t.Errorf("an upload served without a type becomes %q", r.header.Get("Content-Type"))
		}
	})
	t.Run("A15.3.2_redirects_are_not_followed", func(t *testing.T) {
		for _, status := range []string{"301", "302", "307", "308"} {
			l.app.answerWith("HTTP/1.1 " + status + " x\r\nLocation: " + canary.url +
				"/latest/meta-data\r\nContent-Length: 0\r\n\r\n")
			if r := l.one(t, l.request("GET /public")); r.location() != canary.url+"/latest/meta-data" ||
				len(canary.take()) != 0 {
				t.Errorf("%s: got %d to %q", status, r.status, r.location())
			}
		}
	})
	t.Run("B9_Traefik_CVE-2026-41181_no_second_request_for_an_error", func(t *testing.T) {
		for _, answer := range []string{"HTTP/1.1 2000 OK\r\n\r\n", "nonsense\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"} {
			l.app.take()
			l.app.answerWith(answer)
			r := l.one(t, l.request("POST /dashboard", l.cookie, "Authorization: Bearer x", "Content-Length: 1")+"x")
			if seen := l.app.take(); r.status != 502 || len(seen) != 1 || strings.Contains(r.body, l.app.url) {
				t.Errorf("%q: got %d %.80q, the app saw %q", answer, r.status, r.body, seen)
			}
		}
	})
}

func sameHeaders(t *testing.T, got, want http.Header) {
	t.Helper()
	for name := range got {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: got %q, want %q", name, got[name], want[name])
		}
	}
	for name := range want {
		if got[name] == nil && name != "Connection" {
			t.Errorf("%s is missing", name)
		}
	}
}
