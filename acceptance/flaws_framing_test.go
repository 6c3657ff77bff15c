package acceptance_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// inside is a request hidden in the body of another one. It asks for a protected page, so any answer to it but
// a refusal means that the server was fooled.
const inside = "GET /dashboard/inside HTTP/1.1\r\nHost: inside\r\n\r\n"

// framing is one way to declare where a body ends.
type framing struct {
	id, headers, body string
	want              []int    // the statuses on a public path, including the request after it
	forwarded         []string // what the app gets instead of these headers; nil: no request
	as                string   // the body as the app gets it
}

var framings = []framing{
	{"CL+TE", "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + inside, []int{200, 401, 200},
		[]string{"Transfer-Encoding: chunked"}, "0\r\n\r\n"},
	{"TE+CL", "Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n" + inside, []int{200, 401, 200},
		[]string{"Transfer-Encoding: chunked"}, "0\r\n\r\n"},
	{"CL+TE_request_in_a_chunk", "Content-Length: 4\r\nTransfer-Encoding: chunked", chunk(inside) + "0\r\n\r\n",
		[]int{200, 200}, []string{"Transfer-Encoding: chunked"}, chunk(inside) + "0\r\n\r\n"},
	{"CL_request_in_the_body", "Content-Length: " + strconv.Itoa(len(inside)), inside, []int{200, 200},
		[]string{"Content-Length: " + strconv.Itoa(len(inside))}, inside},
	{"xchunked", "Transfer-Encoding: xchunked", "0\r\n\r\n", []int{501}, nil, ""},
	{"chunked_identity", "Transfer-Encoding: chunked, identity", "0\r\n\r\n", []int{501}, nil, ""},
	{"identity_chunked", "Transfer-Encoding: identity, chunked", "0\r\n\r\n", []int{501}, nil, ""},
	{"identity", "Transfer-Encoding: identity", "", []int{501}, nil, ""},
	{"gzip_chunked", "Transfer-Encoding: gzip, chunked", "0\r\n\r\n", []int{501}, nil, ""},
	{"chunked_twice_in_one", "Transfer-Encoding: chunked, chunked", "0\r\n\r\n", []int{501}, nil, ""},
	{"TE_twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n", []int{501}, nil, ""},
	{"TE_twice_differing", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
		"0\r\n\r\n", []int{501}, nil, ""},
	{"TE_twice_in_two_cases", "Transfer-Encoding: chunked\r\ntransfer-encoding: x", "0\r\n\r\n", []int{501}, nil, ""},
	{"TE_quoted", `Transfer-Encoding: "chunked"`, "0\r\n\r\n", []int{501}, nil, ""},
	{"TE_empty", "Transfer-Encoding:", "0\r\n\r\n", []int{501}, nil, ""},
	{"TE_param", "Transfer-Encoding: chunked;a=b", "0\r\n\r\n", []int{501}, nil, ""},
	{"TE_vertical_tab", "Transfer-Encoding: \x0bchunked", "0\r\n\r\n", []int{400}, nil, ""},
	{"TE_NUL", "Transfer-Encoding: chunked\x00", "0\r\n\r\n", []int{400}, nil, ""},
	{"TE_bare_CR", "Transfer-Encoding: chunked\rX: y", "0\r\n\r\n", []int{400}, nil, ""},
	{"TE_blank_before_the_colon", "Transfer-Encoding : chunked", "0\r\n\r\n", []int{400}, nil, ""},
	{"TE_blank_before_the_name", " Transfer-Encoding: chunked", "0\r\n\r\n", []int{400}, nil, ""},
	{"TE_tab", "Transfer-Encoding:\tchunked", "0\r\n\r\n", []int{200, 200}, []string{"Transfer-Encoding: chunked"},
		"0\r\n\r\n"},
	{"TE_tab_after", "Transfer-Encoding: chunked\t", "0\r\n\r\n", []int{200, 200},
		[]string{"Transfer-Encoding: chunked"}, "0\r\n\r\n"},
	{"TE_upper_case", "TRANSFER-ENCODING: CHUNKED", chunk("hello") + "0\r\n\r\n", []int{200, 200},
		[]string{"Transfer-Encoding: chunked"}, chunk("hello") + "0\r\n\r\n"},
	{"TE_folded", "Transfer-Encoding:\r\n chunked", "0\r\n\r\n", []int{200, 200},
		[]string{"Transfer-Encoding: chunked"}, "0\r\n\r\n"},
	{"obs-fold", "X-Folded: a\r\n X-Auth-User: admin", "", []int{200, 200},
		[]string{"Content-Length: 0", "X-Folded: a X-Auth-User: admin"}, ""},
	{"CL_plus", "Content-Length: +5", "hello", []int{400}, nil, ""},
	{"CL_minus", "Content-Length: -5", "hello", []int{400}, nil, ""},
	{"CL_hexadecimal", "Content-Length: 0x5", "hello", []int{400}, nil, ""},
	{"CL_list", "Content-Length: 5,5", "hello", []int{400}, nil, ""},
	{"CL_blank_inside", "Content-Length: 5 5", "hello", []int{400}, nil, ""},
	{"CL_empty", "Content-Length:", "hello", []int{400}, nil, ""},
	{"CL_beyond_64_bits", "Content-Length: 99999999999999999999", "hello", []int{400}, nil, ""},
	{"CL_wraps_around", "Content-Length: 18446744073709551621", "hello", []int{400}, nil, ""},
	{"CL_underscore", "Content-Length: 5_0", "hello", []int{400}, nil, ""},
	{"CL_twice_differing", "Content-Length: 5\r\nContent-Length: 6", "hello", []int{400}, nil, ""},
	{"CL_twice_equal", "Content-Length: 5\r\nContent-Length: 5", "hello", []int{200, 200},
		[]string{"Content-Length: 5"}, "hello"},
	{"CL_leading_zero", "Content-Length: 05", "hello", []int{200, 200}, []string{"Content-Length: 5"}, "hello"},
	{"bare_LF", "X-Lines: a\nContent-Length: 5", "hello", []int{200, 200}, []string{"Content-Length: 5", "X-Lines: a"},
		"hello"},
	{"bare_CR", "X-Lines: a\rContent-Length: 5", "hello", []int{400}, nil, ""},
	{"NUL_in_a_value", "X-Lines: a\x00b", "", []int{400}, nil, ""},
	{"no_colon", "X-Lines", "", []int{400}, nil, ""},
	{"no_name", ": x", "", []int{400}, nil, ""},
	{"blank_in_a_name", "X Auth User: admin", "", []int{400}, nil, ""},
	{"byte_beyond_ASCII_in_a_name", "X-Auth-Us\xc3\xa9r: admin", "", []int{400}, nil, ""},
	{"chunk_extension", "Transfer-Encoding: chunked", "5;a=\"b\"\r\nhello\r\n0;x\r\n\r\n", []int{200, 200},
		[]string{"Transfer-Encoding: chunked"}, chunk("hello") + "0\r\n\r\n"},
	{"chunk_size_with_zeros", "Transfer-Encoding: chunked", "0005\r\nhello\r\n00\r\n\r\n", []int{200, 200},
		[]string{"Transfer-Encoding: chunked"}, chunk("hello") + "0\r\n\r\n"},
	{"chunk_size_with_a_blank", "Transfer-Encoding: chunked", "5 \r\nhello\r\n0\r\n\r\n", []int{200, 200},
		[]string{"Transfer-Encoding: chunked"}, chunk("hello") + "0\r\n\r\n"},
	{"bar_17_trailer_announced", "Transfer-Encoding: chunked\r\nTrailer: X-Auth-User",
		"5\r\nhello\r\n0\r\nX-Auth-User: admin\r\n\r\n", []int{200, 200}, []string{"Transfer-Encoding: chunked"},
		chunk("hello") + "0\r\n\r\n"},
	{"bar_17_trailer_not_announced", "Transfer-Encoding: chunked",
		"5\r\nhello\r\n0\r\nX-Auth-User: admin\r\nContent-Length: 9\r\n\r\n", []int{200, 200},
		[]string{"Transfer-Encoding: chunked"}, chunk("hello") + "0\r\n\r\n"},
	{"bar_17_trailer_kept_for_what_comes", "Transfer-Encoding: chunked\r\nTrailer: X-Auth-Level",
		"5\r\nhello\r\n0\r\nX-Auth-Level: aal2\r\nX-Gatepost-User: admin\r\n\r\n", []int{200, 200},
		[]string{"Transfer-Encoding: chunked"}, chunk("hello") + "0\r\n\r\n"},
	{"bar_17_trailer_that_frames", "Transfer-Encoding: chunked\r\nTrailer: Content-Length",
		"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n", []int{400}, nil, ""},
	{"bar_17_trailer_without_a_body", "Trailer: X-Auth-User", "", []int{200, 200}, []string{"Content-Length: 0"}, ""},
	{"bar_20_Expect", "Expect: 100-continue\r\nContent-Length: 5", "hello", []int{200, 200},
		[]string{"Content-Length: 5"}, "hello"},
	{"bar_20_Expect_request_in_the_body", "Expect: 100-continue\r\nContent-Length: " + strconv.Itoa(len(inside)),
		inside, []int{200, 200}, []string{"Content-Length: " + strconv.Itoa(len(inside))}, inside},
	{"bar_20_Expect_chunked", "Expect: 100-continue\r\nTransfer-Encoding: chunked", chunk(inside) + "0\r\n\r\n",
		[]int{200, 200}, []string{"Transfer-Encoding: chunked"}, chunk(inside) + "0\r\n\r\n"},
	{"bar_20_Expect_y", "Expect: y 100-continue\r\nContent-Length: 5", "hello", []int{200, 200},
		[]string{"Content-Length: 5"}, "hello"},
	{"bar_20_Expect_upper_case", "EXPECT: 100-Continue\r\nContent-Length: 5", "hello", []int{200, 200},
		[]string{"Content-Length: 5"}, "hello"},
	{"bar_20_Expect_another", "Expect: 200-ok\r\nContent-Length: 5", "hello", []int{417}, nil, ""},
	{"J4_Go_CVE-2024-24791_Expect_without_a_body", "Expect: 100-continue", "", []int{200, 200},
		[]string{"Content-Length: 0"}, ""},
	{"bar_19_h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "",
		[]int{200, 200}, []string{"Content-Length: 0"}, ""},
	{"A16_AdGuard_CVE-2026-32136_h2c_alone", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "", []int{200, 200},
		[]string{"Content-Length: 0", "Http2-Settings: AAMAAABkAAQAAP__"}, ""},
	{"A16_Traefik_CVE-2026-71324_unknown_upgrade", "Connection: Upgrade\r\nUpgrade: TLS/1.3, foo", "", []int{200, 200},
		[]string{"Content-Length: 0"}, ""},
	{"A16_h2c_after_websocket", "Connection: Upgrade\r\nUpgrade: websocket, h2c", "", []int{200, 200},
		[]string{"Content-Length: 0"}, ""},
	{"A16_two_upgrades", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c", "", []int{200, 200},
		[]string{"Content-Length: 0"}, ""},
}

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// Each request reaches the app as one request, framed anew, or not at all. Nothing in a body is taken for a
// request.
func TestHowABodyEndsIsNeverAmbiguous(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	last := l.request("GET /.gatepost/healthz")
	for _, f := range framings {
		id := f.id
		if !strings.ContainsAny(id[:1], "AJ") && !strings.HasPrefix(id, "bar_") {
			id = "bar_21_smuggling_" + id
		}
		t.Run(id, func(t *testing.T) {
			for _, path := range []string{"/public", "/dashboard", "/login"} {
				head := "POST " + path + " HTTP/1.1\r\nHost: " + l.host + "\r\n" + f.headers + "\r\n\r\n"
				got := slices.DeleteFunc(statuses(l.send(t, head+f.body+last)),
					func(status int) bool { return status == 100 })
				if path != "/public" {
					refusedOneByOne(t, path, got, f.want)
					l.saw(t, head)
					continue
				}
				if !slices.Equal(got, f.want) {
					t.Errorf("got %v, want %v", got, f.want)
				}
				var want []string
				if f.forwarded != nil {
					want = []string{l.forwarded("POST /public", f.as, f.forwarded...)}
				}
				l.saw(t, head, want...)
			}
		})
	}
}

// refusedOneByOne checks that the request got a refusal, and that the answers after it are those of a public
// path, or fewer.
func refusedOneByOne(t *testing.T, path string, got, public []int) {
	t.Helper()
	refusals := []int{400, 401, 415, 417, 422, 501}
	if len(got) == 0 || !slices.Contains(refusals, got[0]) || len(got) > len(public) ||
		public[0] != 200 && got[0] != public[0] {
		t.Errorf("%s: got %v where a public path gives %v", path, got, public)
	}
	for i := 1; i < len(got); i++ {
		if got[i] != public[i] {
			t.Errorf("%s: got %v where a public path gives %v", path, got, public)
		}
	}
}

// A body whose end is ambiguous ends the connection. The app sees at most that the body broke off.
func TestABrokenBodyEndsTheConnection(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	for id, body := range map[string]string{
		"chunk_size_0x5":             "0x5\r\nhello\r\n0\r\n\r\n",
		"chunk_size_plus":            "+5\r\nhello\r\n0\r\n\r\n",
		"chunk_size_minus":           "-1\r\nhello\r\n0\r\n\r\n",
		"chunk_size_after_a_blank":   " 5\r\nhello\r\n0\r\n\r\n",
		"chunk_size_of_nothing":      "\r\nhello\r\n0\r\n\r\n",
		"chunk_size_too_great":       "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
		"chunk_size_wraps_around":    "10000000000000005\r\nhello\r\n0\r\n\r\n",
		"chunk_size_underscore":      "5_0\r\nhello\r\n0\r\n\r\n",
		"chunk_bare_LF":              "5\nhello\n0\n\n",
		"chunk_bare_CR":              "5\rhello\r\n0\r\n\r\n",
		"chunk_extension_bare_LF":    "5;a\nhello\r\n0\r\n\r\n",
		"chunk_longer_than_it_says":  "5\r\nhelloXX0\r\n\r\n",
		"chunk_shorter_than_it_says": "9\r\nhello\r\n0\r\n\r\n",
		"chunk_end_without_CR":       "5\r\nhello\n0\r\n\r\n",
		"trailer_without_a_colon":    "5\r\nhello\r\n0\r\nX Auth\r\n\r\n",
		"trailer_with_bare_CR":       "5\r\nhello\r\n0\r\nA: b\rX-Auth-User: admin\r\n\r\n",
		"NUL_chunk_size":             "\x005\r\nhello\r\n0\r\n\r\n",
		"chunk_extension_of_20_KiB":  "5;" + strings.Repeat("x", 20<<10) + "\r\nhello\r\n0\r\n\r\n",
	} {
		t.Run("bar_21_smuggling_"+id, func(t *testing.T) {
			raw := l.open("POST /public", "Transfer-Encoding: chunked") + body + inside +
				l.request("GET /.gatepost/healthz")
			if got := statuses(l.send(t, raw)); !slices.Equal(got, []int{400}) {
				t.Errorf("got %v", got)
			}
			raw = strings.Replace(raw, "/public", "/dashboard", 1)
			if got := statuses(l.send(t, raw)); !slices.Equal(got, []int{401}) {
				t.Errorf("protected: got %v", got)
			}
		})
	}
	for _, seen := range l.app.take() {
		if !strings.HasPrefix(seen, "POST /public ") ||
			!strings.Contains(seen, "broken body") && !strings.Contains(seen, "unreadable: ") {
			t.Errorf("the app saw %q", seen)
		}
	}
}

// The gate reads requests of old and careless clients as the app will read them, and judges each request on the
// connection by itself.
func TestEachRequestOnAConnectionIsJudgedByItself(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	last := l.request("GET /.gatepost/healthz")
	public := l.forwarded("GET /public", "")
	for _, row := range []struct {
		id, raw string
		want    []int
		seen    []string
	}{
		{"bar_21_TE_in_HTTP_1.0", "POST /public HTTP/1.0\r\nHost: " + l.host +
			"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inside, []int{200},
			[]string{l.forwarded("POST /public", "", "Content-Length: 0")}},
		{"bar_21_TE_in_HTTP_1.0_kept_alive", "POST /public HTTP/1.0\r\nHost: " + l.host +
			"\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inside, []int{200, 400},
			[]string{l.forwarded("POST /public", "", "Content-Length: 0")}},
		{"bar_21_CL+TE_in_HTTP_1.0", "POST /public HTTP/1.0\r\nHost: " + l.host +
			"\r\nConnection: keep-alive\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inside +
			last, []int{200, 401, 200}, []string{l.forwarded("POST /public", "0\r\n", "Content-Length: 3")}},
		{"bar_21_body_of_a_GET", l.open("GET /public", "Content-Length: "+strconv.Itoa(len(inside))) + inside + last,
			[]int{200, 200}, []string{l.forwarded("GET /public", inside,
				"Content-Length: "+strconv.Itoa(len(inside)))}},
		{"bar_21_GET_without_a_length", l.open("GET /public") + inside + last, []int{200, 401, 200}, []string{public}},
		{"bar_21_empty_line_between", l.open("GET /public") + "\r\n" + l.open("GET /public") + last,
			[]int{200, 400}, []string{public}},
		{"bar_21_bare_LF_everywhere", strings.ReplaceAll(l.open("GET /public")+inside+last, "\r\n", "\n"),
			[]int{200, 401, 200}, []string{public}},
		{"bar_21_headers_begin_folded", "GET /public HTTP/1.1\r\n Host: x\r\nHost: y\r\n\r\n" + last, []int{400}, nil},
		{"E3_cookie_of_the_request_before", l.open("GET /dashboard", l.cookie) + l.open("GET /dashboard") + last,
			[]int{200, 401, 200}, []string{l.forwarded("GET /dashboard", "", l.identity...)}},
		{"E3_role_of_the_request_before", l.open("GET /login") + l.open("GET /admin", l.cookie) +
			l.open("GET /dashboard") + last, []int{200, 403, 401, 200}, nil},
		{"bar_21_HEAD_then_GET", l.open("HEAD /dashboard") + l.open("GET /dashboard") + last,
			[]int{401, 401, 200}, nil},
		{"bar_21_eleven_in_a_row", strings.Repeat(l.open("GET /dashboard"), 10) + last,
			[]int{401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 200}, nil},
	} {
		t.Run(row.id, func(t *testing.T) {
			if got := statuses(l.send(t, row.raw)); !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
			l.saw(t, row.raw, row.seen...)
		})
	}
}
