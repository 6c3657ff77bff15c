package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// posted is a webhook as it came.
type posted struct {
	header map[string]string
	body   string
}

// The library of Standard Webhooks, used as docs/webhooks.md says, takes what the gate sends, and nothing else.
func TestTheLibraryTakesWebhooks(t *testing.T) {
	needModule(t, "standardwebhooks/package.json")
	page, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)\n```js\n(.*?)```\n").FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/webhooks.md has no JavaScript")
	}
	came := make(chan posted, 100)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		header := map[string]string{}
		for name := range r.Header {
			header[strings.ToLower(name)] = r.Header.Get(name)
		}
		if r.Method == http.MethodPost {
			came <- posted{header, string(body)}
		}
	}))
	defer app.Close()
	secret := newWebhookSecret(t)
	h := moveInto(t, "json", "", app.URL, freePort(t), "GATEPOST_WEBHOOK_URL="+app.URL+"/hooks",
		"GATEPOST_WEBHOOK_SECRET="+newWebhookSecret(t)+","+secret).serve(t)
	p := firstWebhook(t, h, came)
	takes := func(p posted) (string, error) {
		head, _ := json.Marshal(p.header)
		cmd := exec.Command(nodeFor(t), "--input-type=module", "-e", string(found[1])+
			"\nconsole.log(event(process.env.BODY, JSON.parse(process.env.HEAD)).data.email)")
		cmd.Env = append(cmd.Environ(), "GATEPOST_WEBHOOK_SECRET="+secret, "BODY="+p.body, "HEAD="+string(head))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := takes(p); err != nil || !strings.Contains(out, "@example.com") {
		t.Errorf("it does not take what the gate sends: %v %s", err, out)
	}
	other := posted{p.header, strings.Replace(p.body, "@example.com", "@evil.example", 1)}
	if out, err := takes(other); err == nil || !strings.Contains(out, "No matching signature") {
		t.Errorf("it takes another body: %v %s", err, out)
	}
}

func newWebhookSecret(t *testing.T) string {
	t.Helper()
	out, err := exec.Command(site.cmd.Path, "webhook", "secret").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// firstWebhook makes users until the app is told of one: from its start on, a gate asks for events within moments.
func firstWebhook(t *testing.T, h *home, came <-chan posted) posted {
	t.Helper()
	for i := range 20 {
		h.must(t, "user", "create", fmt.Sprintf("ada%d@example.com", i))
		select {
		case p := <-came:
			return p
		case <-time.After(5 * time.Second):
		}
	}
	t.Fatal("never: the app is told")
	return posted{}
}
