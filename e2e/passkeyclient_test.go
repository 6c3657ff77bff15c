package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// webAuthn does in a page what a script asks of the browser, and returns its answer as JSON.
const webAuthn = `(async () => {
	const {kind, options} = %s
	const read = kind === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON"
	try {
		const key = await navigator.credentials[kind]({publicKey: PublicKeyCredential[read](options)})
		return JSON.stringify(key)
	} catch (error) {
		return JSON.stringify({error: error.name, message: error.message})
	}
})()`

// The plugin of npm's client adds a passkey that Chromium has made, signs in by it, alone and after the password,
// renames and removes it.
func TestBetterAuthsPasskeyClientFindsWhatItKnows(t *testing.T) {
	v := newVisitor(t)
	needOldSystems(t)
	p := zhangWei()
	newReader(t).signUp(p)
	p.change(t, `UPDATE gatepost."user" SET email_verified = true WHERE email = :'email'`)
	v.hasKeyring(true)
	v.open("/signup")
	cmd := exec.CommandContext(t.Context(), nodeFor(t), "passkey-client.mjs")
	cmd.Dir = "movein"
	cmd.Env = append(os.Environ(), "SERVER="+site.url, "EMAIL="+p.email, "PASSWORD="+p.password)
	var failed strings.Builder
	cmd.Stderr = &failed
	asks, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for lines := bufio.NewScanner(asks); lines.Scan(); asked++ {
		if !json.Valid(lines.Bytes()) {
			t.Errorf("the client prints %q", lines.Text())
			continue
		}
		fmt.Fprintln(answers, judge[string](v, "do what the client asks", fmt.Sprintf(webAuthn, lines.Text())))
	}
	if err := cmd.Wait(); err != nil || asked != 5 {
		t.Errorf("%v after %d asks\n%s", err, asked, &failed)
	}
}
