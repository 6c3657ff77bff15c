package loginui

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

func ourTexts(t *testing.T) map[string]map[string]text {
	t.Helper()
	texts, err := readMessages(messageFiles, nil)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// A released program embeds the messages compressed.
func TestMessagesMayBeCompressed(t *testing.T) {
	packed, ours := fstest.MapFS{}, ourTexts(t)
	for _, lang := range offered {
		plain, err := messageFiles.ReadFile("messages/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(plain)
		_ = w.Close()
		packed["messages/"+lang+".json"] = &fstest.MapFile{Data: b.Bytes()}
	}
	if texts, err := readMessages(packed, nil); err != nil || !reflect.DeepEqual(texts, ours) {
		t.Errorf("compressed they are others: %v", err)
	}
	for name := range packed {
		for where, files := range map[string]fs.FS{"as it is": messageFiles, "compressed": packed} {
			want := ours[strings.TrimSuffix(path.Base(name), ".json")]["language.name"].other
			if own, err := readName(files, name); err != nil || own != want {
				t.Errorf("%s, %s: the language calls itself %q, %v", name, where, own, err)
			}
		}
	}
	half := packed["messages/de.json"].Data
	packed["messages/de.json"].Data = half[:len(half)/2]
	if _, err := readMessages(packed, nil); err == nil || !strings.Contains(err.Error(), "messages/de.json: ") {
		t.Errorf("half a file: %v", err)
	}
	packed["messages/de.json"].Data = []byte(`{"page.title": "x", "language.name": "Deutsch"}`)
	if own, err := readName(packed, "messages/de.json"); err == nil {
		t.Errorf("a file that begins with another message: %q", own)
	}
}

// offered are the languages that there are.
var offered = []string{"ar", "de", "en", "es", "fr", "he", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt-BR", "ru",
	"tr", "uk", "vi", "zh-Hans", "zh-Hant"}

// alike are messages that are rightly the same as in English, in all languages or in one.
var alike = []string{"page.title", "list.comma", "account.roles", "de page.optional", "de page.title.failed",
	"de field.name", "fr wait.minutes", "it page.privacy", "it field.password", "it passkey.unnamed", "de passkey.title",
	"de passkey.unnamed", "nl passkey.title", "nl passkey.unnamed"}

func TestNoLanguageLacksAMessage(t *testing.T) {
	texts := ourTexts(t)
	if got := slices.Sorted(maps.Keys(texts)); !slices.Equal(got, offered) {
		t.Errorf("the languages are %q", got)
	}
	for name, own := range texts {
		for key := range texts[source] {
			if _, ok := own[key]; !ok {
				t.Errorf("%s lacks %q", name, key)
			}
		}
		for key, message := range own {
			if err := fits(message, texts[source], key); err != nil {
				t.Errorf("%s: %q %v", name, key, err)
			}
			for _, form := range append(slices.Collect(maps.Values(message.forms)), message.other) {
				if name != source && !slices.Contains(alike, key) &&
					!slices.Contains(alike, name+" "+key) && message.list == nil &&
					form == texts[source][key].other {
					t.Errorf("%s: %q is in English", name, key)
				}
			}
		}
	}
}

// A message with a number has a form for each plural category of its language, and no other.
func TestPluralFormsAreThoseOfTheLanguage(t *testing.T) {
	for name, own := range ourTexts(t) {
		tag, needed := language.Make(name), map[string]bool{"other": true}
		for n := range 1_000_001 {
			needed[categories[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]] = true
		}
		for key, message := range own {
			if message.forms == nil {
				continue
			}
			got, want := slices.Sorted(maps.Keys(message.forms)), slices.Sorted(maps.Keys(needed))
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q has the forms %q, want %q", name, key, got, want)
			}
		}
	}
}

func wordsIn(t *testing.T, lang string) *words {
	t.Helper()
	l, err := loadLanguages(nil, nil, func(s string) { t.Error(s) })
	if err != nil {
		t.Fatal(err)
	}
	return l.find(lang)
}

func TestNumbersDatesAndSpansOfTime(t *testing.T) {
	when := time.Date(2026, time.March, 7, 9, 5, 0, 0, time.FixedZone("", 3600))
	for lang, want := range map[string]struct{ date, wait1, wait2, wait11, ago string }{
		"en":      {"7 March 2026 at 08:05 UTC", "1 minute", "2 minutes", "11 minutes", "3 days ago"},
		"es":      {"7 de marzo de 2026 a las 08:05 UTC", "1 minuto", "2 minutos", "11 minutos", "hace 3 días"},
		"zh-Hans": {"2026年3月7日 08:05 UTC", "1 分钟", "2 分钟", "11 分钟", "3 天前"},
		"ar":      {"٧ مارس ٢٠٢٦ في ٠٨:٠٥ بالتوقيت العالمي", "دقيقة واحدة", "دقيقتين", "١١ دقيقة", "قبل ٣ أيام"},
	} {
		w := wordsIn(t, lang)
		minutes := func(n int) string { return w.say("wait.minutes", "n", n) }
		got := struct{ date, wait1, wait2, wait11, ago string }{w.Date(when), minutes(1), minutes(2),
			minutes(11), w.Ago(80 * time.Hour)}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", lang, got, want)
		}
	}
	w := wordsIn(t, "en")
	for d, want := range map[time.Duration]string{
		time.Second: "1 second", 1500 * time.Millisecond: "2 seconds", 90 * time.Second: "90 seconds",
		91 * time.Second: "2 minutes",
		90 * time.Minute: "90 minutes", 91 * time.Minute: "2 hours",
	} {
		if got := w.wait(d); got != want {
			t.Errorf("wait %v: got %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 59 * time.Minute: "59 minutes ago",
		time.Hour:      "1 hour ago",
		47 * time.Hour: "47 hours ago", 48 * time.Hour: "2 days ago", 3_000 * time.Hour: "125 days ago",
	} {
		if got := w.Ago(d); got != want {
			t.Errorf("%v ago: got %q, want %q", d, got, want)
		}
	}
}

func TestWordsOfAnotherDirectionStayAmongThemselves(t *testing.T) {
	for _, c := range []struct{ lang, email, want string }{
		{"en", "ada@example.com", "You are logged in as ada@example.com."},
		{"en", "\u202egro.live", "You are logged in as \u2068\u202egro.live\u2069."},
		{"en", "עדה", "You are logged in as \u2068עדה\u2069."},
		{"ar", "ada@example.com", "أنت مسجّل الدخول باسم \u2068ada@example.com\u2069."},
	} {
		if got := wordsIn(t, c.lang).say("logout.who", "email", c.email); got != c.want {
			t.Errorf("%s: got %q, want %q", c.lang, got, c.want)
		}
	}
}

func TestTheLanguageIsTheVisitors(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	few, err := newTestUI(t, Brand{Languages: []string{"es", "en"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ query, cookie, accept, all, few string }{
		{"", "", "", "en", "es"},
		{"", "", "es", "es", "es"},
		{"", "", "es-MX,es;q=0.9,en;q=0.8", "es", "es"},
		{"", "", "zh-CN,zh;q=0.9", "zh-Hans", "es"},
		{"", "", "zh", "zh-Hans", "es"},
		{"", "", "ar-EG", "ar", "es"},
		{"", "", "de,fr;q=0.9,en-GB;q=0.5", "de", "en"},
		{"", "", "sv,fr;q=0.9,en-GB;q=0.5", "fr", "en"},
		{"", "", "ja", "ja", "es"},
		{"", "", "ka", "en", "en"},
		{"", "", "pt-PT", "pt-BR", "es"},
		{"", "", "zh-TW", "zh-Hant", "es"},
		{"", "", "zh-HK", "zh-Hant", "es"},
		{"", "", "iw", "he", "es"},
		{"", "", "in", "id", "es"},
		{"", "", "*", "en", "es"},
		{"", "", "nonsense;;;q=x", "en", "es"},
		{"", "", "ar,foo_bar_toolongtagg;q=0.5", "ar", "es"},
		{"", "", strings.Repeat("es-", 10_000), "en", "es"},
		{"", "ar", "es", "ar", "es"},
		{"", "xx", "en", "en", "en"},
		{"es", "ar", "en", "es", "es"},
		{"ES", "", "en", "es", "es"},
		{"xx", "", "en", "en", "en"},
		{"../../etc", "\"", "en", "en", "en"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/login?lang="+c.query, nil)
		r.Header.Set("Accept-Language", c.accept)
		if c.cookie != "" {
			r.Header.Set("Cookie", languageCookie+"="+c.cookie)
		}
		if all, some := ui.words(r).Lang, few.words(r).Lang; all != c.all || some != c.few {
			t.Errorf("%+v: got %s and %s", c, all, some)
		}
	}
}

func TestAnOperatorsMessages(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	t.Run("replace ours and add a language", func(t *testing.T) {
		var warnings []string
		l, err := loadLanguages(fstest.MapFS{
			"messages/en.json": file(`{"login.title": "Come in"}`),
			"messages/sv.json": file(`{"language.name": "Svenska",
				"wait.hours": {"one": "{n} timme", "other": "{n} timmar"}}`),
		}, nil, func(s string) { warnings = append(warnings, s) })
		if err != nil {
			t.Fatal(err)
		}
		sv := l.find("sv")
		if got := []string{l.find("en").say("login.title"), l.find("en").say("signup.title"),
			sv.say("wait.hours", "n", 1), sv.say("wait.hours", "n", 2), sv.say("login.title")}; !slices.Equal(got,
			[]string{"Come in", "Sign up", "1 timme", "2 timmar", "Come in"}) {
			t.Errorf("got %q", got)
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0], "messages/sv.json lacks") {
			t.Errorf("the warnings are %q", warnings)
		}
	})
	for content, want := range map[string]string{
		"{\n  \"login.title\": \"x\",\n}":    "messages/sv.json:3: not a JSON object",
		"[]":                                 "messages/sv.json:1: not a JSON object",
		"{\n\n\"login.titel\": \"x\"}":       `messages/sv.json:3: "login.titel" is not a message of ours`,
		"{\"login.title\": 5}":               `messages/sv.json:1: "login.title" is neither`,
		"{\"login.title\": \"\"}":            `"login.title" is neither`,
		"{\"wait.hours\": {\"one\": \"x\"}}": `"wait.hours" is neither`,
		"{\"wait.hours\": {\"one\": \"x\", \"some\": \"x\", \"other\": \"x\"}}": `plural form "some"`,
		"{\"login.title\": []}":                             `"login.title" is neither`,
		"{\"login.title\": \"a\",\n\"login.title\": \"b\"}": `messages/sv.json:2: "login.title" is there twice`,
		"{\"logout.who\": \"{ email }\"}":                   `has the placeholder { email }`,
		"{\"login.title\": \"x\"}":                          `"language.name" is missing`,
		"{\"login.title\": \"x\"":                           "messages/sv.json:1: not a JSON object",
		"{\"logout.who\": \"{mail}\"}": `"logout.who" has the placeholder {mail}; ` +
			`it can have {email}`,
		"{\"date.months\": [\"Januar\"]}": `"date.months" is to be a list of 12`,
	} {
		_, err := loadLanguages(fstest.MapFS{"messages/sv.json": file(content)}, nil, func(string) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", content, err, want)
		}
	}
	for name, want := range map[string]string{"messages/fr.yaml": "is no language",
		"messages/en.JSON": "is no language", "messages": "not"} {
		if _, err := loadLanguages(fstest.MapFS{name: file("{}")}, nil, nil); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := loadLanguages(fstest.MapFS{"messages/..data": file("x"), "messages/.en.json.swp": file("x")}, nil,
		func(string) {}); err != nil {
		t.Errorf("hidden files: %v", err)
	}
	if _, err := loadLanguages(fstest.MapFS{"messages/zh-Hans.json": file("{}"), "messages/zh-hans.json": file("{}")},
		nil, nil); err == nil || !strings.Contains(err.Error(), "another file") {
		t.Errorf("got %v", err)
	}
	if _, err := loadLanguages(fstest.MapFS{"messages/what ever.json": file("{}")}, nil, nil); err == nil ||
		!strings.Contains(err.Error(), "is no language") {
		t.Errorf("got %v", err)
	}
	if _, err := loadLanguages(nil, []string{"sv"}, nil); err == nil ||
		!strings.Contains(err.Error(), `there is no language "sv"; there are `+strings.Join(offered, ", ")) {
		t.Errorf("got %v", err)
	}
}
