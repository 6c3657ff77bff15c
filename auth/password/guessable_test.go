package password

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

// easy are passwords that a program tries first, whatever list they are on.
var easy = []string{
	"123456789012345", "qwertyuiopasdfgh", "1234567890123456789", "0987654321098765", "abcdefghijklmnop",
	"zyxwvutsrqponmlk", "aaaaaaaaaaaaaaaa", "11111111111111111",
	"abcabcabcabcabc", "abcdabcdabcdabcd", "12341234123412341", "hahahahahahahaha", "passwordpassword",
	"qwertyqwertyqwerty", "Ab9!Ab9!Ab9!Ab9!Ab9!", "lovelovelovelove",
	"qwertzuiopasdfghjkl", "qwertzuiopyxcvbn", "azertyuiopqsdfgh", "azertyuiopwxcvbn", "йцукенгшщзфывапр",
	"qazwsxedcrfvtgb", "1qaz2wsx3edc4rfv", "zaq12wsxcde34rfv", "1q2w3e4r5t6y7u8i9o",
	"!@#$%^&*()!@#$%^", "qweasdzxcqweasd1", "147258369147258", "789456123789456", "1472583690", "asdfghjkl;'asdfgh",
	"poiuytrewqlkjhgfd", "aabbccddeeffgghh", "112233445566778899",
	"a1b2c3d4e5f6g7h8", "1a2b3c4d5e6f7g8h", "13579135791357913", "2468024680246802", "aaaabbbbccccdddd",
	"aaaaaaaaaaaaaaab", "1234567890abcdefgh", "qwerty1234567890", "password12345678",
	"abcdefgh12345678", "QWERTYUIOPasdfghj", "AbCdEfGhIjKlMnOp", "qwertyuiop[]\\asdf", "абвгдежзийклмноп",
	"１２３４５６７８９０１２３４５", "........................", "zxcvbnm,./zxcvbnm",
	"mnbvcxzlkjhgfdsapoi", "9876543210987654", "000000000000001", "xyzxyzxyzxyzxyz", "123abc123abc123abc",
	"edcrfvtgbyhnujm", "0000111122223333", "111222333444555",
}

// good are passphrases and passwords that nobody may be refused for.
var good = []string{
	"correct horse battery staple", "correcthorsebatterystaple", "correct horse correct horse",
	"sunshine football mountain computer", "sunshinefootball-mountain", "were pop tree free deer",
	"Tr0ub4dor&3-x", "only lower case words", "my hovercraft is full of eels", "where were we when we were there",
	"the quick brown fox", "assess the success of Mississippi", "Tennessee bookkeeper",
	"pneumonoultramicroscopic", "first string lights high", "banana nirvana savanna", "no deed goes unpunished",
	"def leppard fan since 1987", "rst is not an alphabet of mine", "to be or not to be that is",
	"donde esta la biblioteca", "je ne regrette rien du tout", "der alte Mann und das Meer", "毎日公園を散歩しています",
	"我喜欢在下雨天喝热茶", "كان يوما مشمسا وباردا جدا", "мой дядя самых честных правил", "äöüßéèàç",
	"xK9$mQ2vLp7#", "V4h!9rTz2kQw", "83920175648201", "gT7pLm2Q", "abc9xQ!mT", "k7FpQr2x1234", "asdf9KmQ2x!p",
	"4815162342oceanic", "red1green2blue3", "2024-my-cat-ate-11-mice", "MargaretThatcheris110%SEXY",
	"eleventy-one birthday cakes", "kitchen sink 1234", "hunter2 is my favourite bug", "onetwothreefourfivesix",
	"op op op popcorn house", "deeded weeded seeded heeded", "ava saw a radar noon level",
}

// Sequences, repeats and walks over a keyboard are refused whatever their length; words never are.
func TestWhatTakesNoChoiceIsNoPassword(t *testing.T) {
	t.Parallel()
	for _, p := range easy {
		if !guessable(strings.ToLower(normal(secret.Password(p)))) {
			t.Errorf("%q is taken, with %d choices", p, choices([]rune(strings.ToLower(p))))
		}
	}
	for _, p := range good {
		if folded := strings.ToLower(normal(secret.Password(p))); guessable(folded) {
			t.Errorf("%q is refused, with %d choices", p, choices([]rune(folded)))
		}
	}
}

// What managers of passwords make is taken, of any length and alphabet.
func TestRandomPasswordsAreTaken(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, alphabet := range []string{"abcdefghijklmnopqrstuvwxyz", "0123456789abcdef",
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
		"0123456789abcdefghijklmnopqrstuvwxyz!#$%&*+-./:;=?@_"} {
		for n := 12; n <= 256; n = n*3/2 + 1 {
			for range 200 {
				b := make([]byte, n)
				for i := range b {
					b[i] = alphabet[r.IntN(len(alphabet))]
				}
				if guessable(strings.ToLower(string(b))) {
					t.Errorf("%q is refused", b)
				}
			}
		}
	}
}

// Phrases of ordinary words are taken, with and without blanks between them.
func TestPhrasesAreTaken(t *testing.T) {
	t.Parallel()
	words := strings.Fields(`
		were tree pop deer free assess success noon level radar feed sea edge zero west fade true rust hope look moon
		pool book door good first string high def stud under three seven eleven sugar lemon water paper stone river
		silver window garden letter number summer winter yellow purple tea act op no hi add odd egg bee see too all
		ill pass miss class grass glass wax saw was dad mum`)
	r := rand.New(rand.NewPCG(3, 4))
	for range 4000 {
		phrase := make([]string, 4+r.IntN(4))
		for i := range phrase {
			phrase[i] = words[r.IntN(len(words))]
		}
		for _, between := range []string{" ", "-"} {
			if p := strings.Join(phrase, between); period([]rune(p)) == len(p) && guessable(p) {
				t.Errorf("%q is refused", p)
			}
		}
	}
}
