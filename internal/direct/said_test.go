package direct

import "strings"

// beginnings of answers
const (
	ok     = "HTTP/1.1 200 OK\r\n"
	chunks = ok + "Transfer-Encoding: chunked\r\n\r\n"
	two    = ok + "Content-Length: 2\r\n\r\nhi"
)

// answers are what an app may say to a request, and what becomes of it. After each the app goes on to answer requests
// on the connection, so that kept tells whether it was used again.
var answers = []struct {
	name, method, say string
	want              string
	kept              bool
}{
	{"with a length", "GET", two, `200 "hi"`, true},
	{"empty", "GET", ok + "Content-Length: 0\r\n\r\n", `200 ""`, true},
	{"without a length", "GET", ok + "\r\nhi", `200 "hi"`, false},
	{"in chunks", "GET", chunks + "1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", `200 "hi"`, true},
	{"chunk extensions", "GET", chunks + "2;a=b;c=\"d\"\r\nhi\r\n0;x\r\n\r\n",
		`200 "hi"`, true},
	{"a chunk size with zeros", "GET", chunks + "0002\r\nhi\r\n0\r\n\r\n",
		`200 "hi"`, true},
	{"a chunk size of 17 digits", "GET",
		chunks + "10000000000000002\r\nhi\r\n0\r\n\r\n", `200 "" cut`, false},
	{"a chunk size that is none", "GET", chunks + "-2\r\nhi\r\n0\r\n\r\n",
		`200 "" cut`, false},
	{"a chunk that is too long", "GET", chunks + "1\r\nhi\r\n0\r\n\r\n",
		`200 "h" cut`, false},
	{"a very long chunk extension", "GET", chunks + "2;" +
		strings.Repeat("a", 64<<10) + "\r\nhi\r\n0\r\n\r\n", `200 "" cut`, false},
	{"trailers", "GET", ok + "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n",
		`200 "hi" map[X-Sum:[1]]`, true},
	{"trailers that nobody announced", "GET",
		chunks + "2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n", `200 "hi" map[X-Sum:[1]]`, true},
	{"a bad trailer", "GET", chunks + "2\r\nhi\r\n0\r\nX Sum\r\n\r\n",
		`200 "hi" cut`, false},
	{"closing", "GET", ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, false},
	{"closing, empty", "GET", ok + "Connection: close\r\nContent-Length: 0\r\n\r\n", `200 ""`, false},
	{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, false},
	{"HTTP/1.0 that goes on", "GET",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, true},
	{"HTTP/1.0 without a length that goes on", "GET",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhi", `200 "hi"`, false},
	{"HTTP/1.0 in chunks", "GET",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", `200 "0\r\n\r\n"`, false},
	{"HEAD", "HEAD", ok + "Content-Length: 2\r\n\r\n", `200 ""`, true},
	{"HEAD in chunks", "HEAD", chunks, `200 ""`, true},
	{"HEAD with a body", "HEAD", two, `200 ""`, false},
	{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", `204 ""`, true},
	{"204 with a body", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", `204 ""`, false},
	{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", `304 ""`, true},
	{"interim answers", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" +
		two, `200 "hi"`, true},
	{"101 that nobody asked for", "GET", "HTTP/1.1 101 Switching Protocols\r\n\r\n", `101 ""`, false},
	{"status 099", "GET", "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", `99 ""`, false},
	{"status 999", "GET", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", `999 ""`, true},
	{"two lengths", "GET", ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", "no answer", false},
	{"the same length twice", "GET", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", `200 "hi"`, true},
	{"a negative length", "GET", ok + "Content-Length: -2\r\n\r\nhi", "no answer", false},
	{"a length and chunks", "GET",
		ok + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
		`200 "hi"`, true},
	{"a coding that nobody knows", "GET",
		ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "no answer", false},
	{"more than its length", "GET", two + "!", `200 "hi"`, false},
	{"two answers", "GET", two + ok + "Content-Length: 4\r\n\r\nevil", `200 "hi"`, false},
	{"two answers in chunks", "GET", chunks + "2\r\nhi\r\n0\r\n\r\n" +
		ok + "Content-Length: 4\r\n\r\nevil", `200 "hi"`, false},
	{"two answers to HEAD", "HEAD", ok + "\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", `200 ""`, false},
	{"garbage", "GET", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "no answer", false},
	{"another protocol", "GET", "SSH-2.0-OpenSSH_9.9\r\n", "no answer", false},
	{"HTTP/2", "GET", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", `200 ""`, true},
	{"a header name with a space", "GET", ok + "X A: 2\r\nContent-Length: 0\r\n\r\n", `200 ""`, true},
	{"a header without a colon", "GET", ok + "X-A\r\nContent-Length: 0\r\n\r\n", "no answer", false},
	{"a folded header", "GET", ok + "X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n", `200 ""`, true},
	{"lines without CR", "GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", `200 "hi"`, true},
	{"a header of 100 KiB", "GET",
		ok + "Content-Length: 0\r\nX-A: " + strings.Repeat("a", 100<<10) + "\r\n\r\n", `200 ""`, true},
	{"a long body", "GET", ok + "Content-Length: 100000\r\n\r\n" + strings.Repeat("a", 100000), `200 "` +
		strings.Repeat("a", 100000) + `"`, true},
	{"408 as an answer", "GET", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", `408 ""`, true},
}
