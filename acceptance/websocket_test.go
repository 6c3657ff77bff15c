package acceptance_test

import (
	"bufio"
	"strings"
	"testing"
)

// The app and the visitor see the headers of a WebSocket as RFC 6455 spells them: some devices compare letter by
// letter. Requests that are none keep Go's spelling.
func TestSocketsAreSpelledAsTheStandardDoes(t *testing.T) {
	t.Parallel()
	l := newLane(t, siteRules...)
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSEC-WEBSOCKET-PROTOCOL: chat\r\n\r\n"
	l.app.answerWith(answer)
	asks := []string{"Upgrade: websocket", "Connection: Upgrade", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-Websocket-Version: 13", "SEC-WEBSOCKET-PROTOCOL: chat, superchat", "sec-webSocket-extensions: x-y"}
	conn := l.dial(t, l.open("GET /public", asks...))
	res, err := bufio.NewReader(conn).Peek(len(answer))
	if err != nil {
		t.Fatal(err)
	}
	got := string(res)
	_ = conn.Close()
	for _, name := range []string{"Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Protocol: chat"} {
		if !strings.Contains(got, "\r\nSec-WebSocket-"+name+"\r\n") {
			t.Errorf("the visitor sees\n%s", got)
		}
	}
	seen := strings.Join(l.app.take(), "")
	for _, name := range []string{"Key: dGhlIHNhbXBsZSBub25jZQ==", "Version: 13", "Protocol: chat, superchat",
		"Extensions: x-y"} {
		if !strings.Contains(seen, "\r\nSec-WebSocket-"+name+"\r\n") {
			t.Errorf("the app sees\n%s", seen)
		}
	}
	if strings.Count(got+seen, "ebsocket-")+strings.Count(got+seen, "EBSOCKET-") > 0 {
		t.Errorf("another spelling is there, too:\n%s\n%s", seen, got)
	}
	l.app.answerWith(fine)
	l.one(t, l.request("GET /public", "sec-websocket-key: x"))
	if seen := strings.Join(l.app.take(), ""); !strings.Contains(seen, "\r\nSec-Websocket-Key: x\r\n") {
		t.Errorf("of no socket the app sees\n%s", seen)
	}
}
