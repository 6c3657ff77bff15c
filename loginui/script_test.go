package loginui_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
)

// page is the part of a document that the script needs to judge a password.
const page = `
const said = { dataset: {} }, heard = {};
const input = { id: 'p', minLength: 8, value: '',
  dataset: { count: '{n} {min}', most: '256', long: 'long', common: 'common', simple: 'simple', enough: 'enough',
    strong: 'enough' },
  addEventListener: (_, f) => { heard.input = f; } };
globalThis.document = { documentElement: { lang: 'en' }, getElementById: () => said,
  querySelectorAll: (s) => s === 'input[data-count]' ? [input] : [] };
globalThis.location = { hash: '' };
globalThis.addEventListener = () => {};
SCRIPT
console.log(JSON.stringify(PASSWORDS.map((p) => { input.value = p; heard.input(); return said.textContent; })));
`

// The script judges a new password as the server does. If the script does not know a common password, it judges
// only the length.
func TestTheScriptJudgesAsTheServerDoes(t *testing.T) {
	t.Parallel()
	passwords := []string{"seven77", "password1", "PassWord1", "monkey123", "letmein1", "123456789012345",
		"qwertyuiopasdfgh", "aaaaaaaaaaaaaaaa", "AbCdEfGhIjKlMnOp", "1q2w3e4r5t6y7u8i",
		"a1b2c3d4e5f6g7h8", "aabbccddeeff", "147258369147258", "йцукенгшщзфывапр", "abcabcabcabc", "!@#$%^&*()!@#",
		"qwertzuiopyxcvbn", "azertyuiopqsdfgh", strings.Repeat("x", 300),
		"correct horse battery staple", "correcthorsebatterystaple", "were pop tree free deer", "only lower case words",
		"xK9$mQ2vLp7#", "äöüßéèàç", "毎日公園を散歩しています", "🙂🙃🐙🦊🍋🚲🎈🌵",
		"correct horse correct horse", "red1green2blue3", "kitchen sink 1234", "V4h!9rTz2kQw", "１２３４５６７８９０１２"}
	script, err := os.ReadFile("static/script.js")
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(passwords)
	if err != nil {
		t.Fatal(err)
	}
	program := strings.NewReplacer("SCRIPT", string(script), "PASSWORDS", string(list)).Replace(page)
	node := exec.Command("node", "-")
	node.Stdin = strings.NewReader(program)
	out, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	var said []string
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s, _ := authtest.NewStore(t)
	for i, p := range passwords {
		_, err := s.CreateUser(t.Context(), auth.NewUser{Email: "ada@example.com", Password: secret.Password(p)})
		want := "enough"
		if input, ok := err.(auth.InputError); ok {
			want = map[auth.Problem]string{auth.TooShort: "7 8", auth.TooCommon: "common", auth.TooSimple: "simple",
				auth.TooLong: "long", auth.Taken: "enough"}[input[0].Problem]
		} else if err != nil {
			t.Fatal(err)
		}
		if said[i] != want {
			t.Errorf("%.40q: the script says %q, the server %q (%v)", p, said[i], want, err)
		}
	}
}
