package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/webhook"
)

var event = webhook.Event{ID: "msg_1", Type: "user.created", At: time.Date(2027, 1, 31, 1, 2, 3, 4e6, time.UTC),
	Data: json.RawMessage(`{"id": "ada"}`)}

// receiver is a server, and a Client of it that signs with these secrets.
func receiver(t *testing.T, secrets string, handle http.HandlerFunc) *webhook.Client {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return clientOf(t, s.URL+"/hooks?key=hush", secrets)
}

func clientOf(t *testing.T, address, secrets string) *webhook.Client {
	t.Helper()
	u, err := url.Parse(address)
	list, err2 := webhook.ParseSecrets(secrets)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return webhook.NewClient(u, list)
}

// The example of the specification of Standard Webhooks has this secret.
const published = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestWhatIsPostedAndHowItIsSigned(t *testing.T) {
	t.Parallel()
	other := webhook.NewSecret()
	var head http.Header
	var body []byte
	var path string
	c := receiver(t, published+", "+other, func(_ http.ResponseWriter, r *http.Request) {
		head, path = r.Header, r.Method+" "+r.RequestURI
		body, _ = io.ReadAll(r.Body)
	})
	if err := c.Send(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"user.created","id":"msg_1","timestamp":"2027-01-31T01:02:03.004Z","data":{"id":"ada"}}`
	if string(body) != want || path != "POST /hooks?key=hush" || head.Get("Content-Type") != "application/json" ||
		head.Get("webhook-id") != "msg_1" {
		t.Errorf("%s %v\n%s", path, head, body)
	}
	at, err := strconv.ParseInt(head.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		t.Errorf("receivers refuse the timestamp %q", head.Get("webhook-timestamp"))
	}
	var signed []string
	for _, s := range []string{published, other} {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "msg_1.%d.%s", at, body)
		signed = append(signed, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if got := head.Get("webhook-signature"); got != strings.Join(signed, " ") {
		t.Errorf("signed %s, want %s", got, signed)
	}
}

func TestWhatAReceiverAnswers(t *testing.T) {
	t.Parallel()
	led := false
	for status, want := range map[int]string{200: "", 202: "", 204: "", 301: "redirect (301)", 307: "redirect (307)",
		400: "status 400", 401: "status 401", 404: "status 404", 410: "410", 429: "status 429", 500: "status 500",
		503: "status 503"} {
		c := receiver(t, published, func(w http.ResponseWriter, r *http.Request) {
			led = led || r.URL.Path != "/hooks"
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.Repeat("a very long answer ", 1<<16))
		})
		err := c.Send(t.Context(), event)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) ||
			errors.Is(err, webhook.ErrGone) != (status == 410) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if led {
		t.Error("a redirect was followed")
	}
}

// Neither the address nor a secret is in an error, nor printed.
func TestNoErrorHasASecret(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	err := clientOf(t, s.URL+"/hooks?key=hush", published).Send(t.Context(), event)
	if err == nil || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "ada") {
		t.Errorf("nobody there: %v", err)
	}
	secrets, err := webhook.ParseSecrets(published)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(secrets)
	said := fmt.Sprintf("%v %+v %#v %s %s", secrets, secrets, secrets[0], secrets[0], b)
	if strings.Contains(said, "MfKQ") || strings.Contains(said, "49 242") {
		t.Errorf("printed: %s", said)
	}
	tls := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was told") }))
	defer tls.Close()
	if err := clientOf(t, tls.URL, published).Send(t.Context(), event); err == nil ||
		!strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger's certificate: %v", err)
	}
}

// A receiver that hangs is left after a while, also in the middle of its answer.
func TestAReceiverThatHangsIsLeft(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	defer close(end) // before the servers wait for it
	for _, begun := range []bool{false, true} {
		c := receiver(t, published, func(w http.ResponseWriter, _ *http.Request) {
			if begun {
				w.Header().Set("Content-Length", "100")
				w.WriteHeader(http.StatusInternalServerError)
				w.(http.Flusher).Flush()
			}
			<-end
		})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := c.Send(ctx, event); err == nil {
			t.Errorf("it is taken for told (%t)", begun)
		}
		cancel()
	}
}

func TestASecretIsLongAndWrittenRightly(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		published:                                     true,
		webhook.NewSecret():                           true,
		published + "," + published:                   true,
		published + " , " + webhook.NewSecret():       true,
		"":                                            false,
		"whsec_":                                      false,
		strings.TrimPrefix(published, "whsec_"):       false,
		published + ",":                               false,
		published[:len(published)-4]:                  false, // 21 bytes
		"whsec_" + strings.Repeat("AAAA", 22):         false, // 66 bytes
		"whsec_" + strings.Repeat("AAAA", 21):         true,
		"whsec_not base64 at all, whatever it is":     false,
		published + "," + published + "," + published: false,
	} {
		if _, err := webhook.ParseSecrets(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		} else if err != nil && strings.Contains(err.Error(), "MfKQ") {
			t.Errorf("the error quotes it: %v", err)
		}
	}
}
