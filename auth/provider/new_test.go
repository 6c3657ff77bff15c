package provider

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestWhatASpecLacks(t *testing.T) {
	t.Parallel()
	key := testKey(t)
	for i, c := range []struct {
		change  func(*Spec, *Options)
		field   string
		problem string
	}{
		{func(s *Spec, _ *Options) { s.Name = "Corp" }, "Name", "lower-case"},
		{func(s *Spec, _ *Options) { s.ClientID = "" }, "ClientID", "missing"},
		{func(s *Spec, _ *Options) { s.ClientSecret = "" }, "ClientSecret", "missing"},
		{func(s *Spec, _ *Options) { s.Issuer = "" }, "Issuer", "missing"},
		{func(s *Spec, _ *Options) { s.Issuer = "id.corp.example" }, "Issuer", "https"},
		{func(s *Spec, _ *Options) { s.Issuer = "http://id.corp.example" }, "Issuer", "https"},
		{func(s *Spec, _ *Options) { s.Issuer = "http://127.0.0.1:1" }, "Issuer", "https"},
		{func(s *Spec, o *Options) { s.Issuer, o.Insecure = "http://id.corp.example", true }, "Issuer", "https"},
		{func(s *Spec, _ *Options) { s.Issuer = "https://id.corp.example?x" }, "Issuer", "query"},
		{func(s *Spec, _ *Options) { s.Issuer = "https://a:b@id.corp.example" }, "Issuer", "https"},
		{func(s *Spec, o *Options) { o.Callback = "/callback" }, "Callback", "absolute"},
		{func(s *Spec, _ *Options) { s.Tenant = "common" }, "Tenant", "Microsoft"},
		{func(s *Spec, _ *Options) { s.AllowedOrgs = []string{"x"} }, "AllowedOrgs", "GitHub"},
		{func(s *Spec, _ *Options) { s.AllowedDomains = []string{"@x.example"} }, "AllowedDomains", "domain"},
		{func(s *Spec, _ *Options) { s.RoleClaim = "groups" }, "Roles", "missing"},
		{func(s *Spec, _ *Options) { s.Roles = map[string]string{"a": "b"} }, "RoleClaim", "missing"},
		{func(s *Spec, _ *Options) { s.Name = "google" }, "Issuer", "can not"},
		{func(s *Spec, _ *Options) { s.Name, s.AllowedOrgs = "github", []string{"a/b/c"} }, "AllowedOrgs", "entry"},
		{func(s *Spec, _ *Options) { s.Name, s.AllowedOrgs = "github", []string{".."} }, "AllowedOrgs", "entry"},
		{func(s *Spec, _ *Options) {
			s.Name, s.RoleClaim, s.Roles = "github", "x", map[string]string{"a": "b"}
		}, "RoleClaim", "claims"},
		{func(s *Spec, _ *Options) { s.Name, s.Issuer, s.Tenant = "microsoft", "", "corp.example" }, "Tenant", "GUID"},
		{func(s *Spec, _ *Options) { s.Name, s.Issuer, s.TrustEmail = "microsoft", "", true }, "TrustEmail", "one tenant"},
		{func(s *Spec, _ *Options) { s.Name, s.Issuer = "apple", "" }, "Apple.TeamID", "missing"},
		{func(s *Spec, _ *Options) {
			s.Name, s.Issuer, s.Apple = "apple", "", AppleKey{TeamID: "t"}
		}, "Apple.KeyID", "missing"},
		{func(s *Spec, _ *Options) {
			s.Name, s.Issuer, s.Apple = "apple", "", AppleKey{"t", "k", "private"}
		}, "Apple.PrivateKey", "PEM"},
		{func(s *Spec, _ *Options) {
			s.Name, s.Issuer, s.Apple = "apple", "", AppleKey{"t", "k", key.PrivateKey[:len(key.PrivateKey)/2]}
		}, "Apple.PrivateKey", "p8"},
	} {
		s, o := Spec{Name: "corp", Issuer: "https://id.corp.example", ClientID: "id", ClientSecret: "client-secret"},
			Options{Callback: callback}
		c.change(&s, &o)
		_, err := New(s, o)
		e, ok := errors.AsType[*FieldError](err)
		if !ok || e.Field != c.field || !strings.Contains(e.Problem, c.problem) {
			t.Errorf("row %d: got %v, want something about %s and %q", i, err, c.field, c.problem)
		}
	}
}

func TestEveryBuiltInProvider(t *testing.T) {
	t.Parallel()
	want := []string{"github", "google", "microsoft", "apple", "gitlab", "discord"}
	if !slices.Equal(BuiltIn(), want) {
		t.Errorf("got %v, want %v", BuiltIn(), want)
	}
	for _, name := range want {
		p := builtIn(t, Spec{Name: name})
		if !strings.EqualFold(p.Label(), name) || p.Label() == name {
			t.Errorf("%s: got the label %q", name, p.Label())
		}
		if p.Spec().Issuer == "" || len(p.Spec().Scopes) == 0 || p.Down() || p.FormPost() != (name == "apple") {
			t.Errorf("%s: got %+v", name, p.Spec())
		}
		setup := strings.Join(p.Setup(), "\n")
		if !strings.Contains(setup, callback) || !strings.Contains(setup, p.Spec().Scopes[0]) {
			t.Errorf("%s: got %s", name, setup)
		}
		checkMark(t, name, p.Mark())
	}
}

// checkMark fails unless a mark is well-formed, small, and nothing that a policy for pages forbids.
func checkMark(t *testing.T, name, mark string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(mark))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains([]string{"svg", "path"}, element.Name.Local) {
			t.Errorf("%s: got <%s>", name, element.Name.Local)
		}
		for _, a := range element.Attr {
			if !slices.Contains([]string{"xmlns", "width", "height", "viewBox", "fill", "d"}, a.Name.Local) {
				t.Errorf("%s: got the attribute %s", name, a.Name.Local)
			}
		}
	}
	if !strings.HasPrefix(mark, "<svg ") || len(mark) > 4<<10 {
		t.Errorf("%s: got %d bytes", name, len(mark))
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	s := Spec{Name: "corp", Issuer: "https://id.corp.example"}
	if p := builtIn(t, s); p.Label() != "corp" || p.Mark() != "" || p.Callback() != callback || !p.AsksAge() {
		t.Errorf("got %q", p.Label())
	}
	s.Label = "Corp ID"
	if got := builtIn(t, s).Label(); got != "Corp ID" {
		t.Errorf("got %q", got)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	key := testKey(t)
	s := Spec{Name: "apple", ClientID: "id", ClientSecret: "client-secret", Apple: key}
	p, err := New(s, Options{Callback: callback})
	if err != nil {
		t.Fatal(err)
	}
	tokens := Tokens{Access: "access-token", Refresh: "refresh-token"}
	asJSON, _ := json.Marshal([]any{s, tokens})
	text := fmt.Sprintf("%v %+v %#v %v %s", s, p.Spec(), s, tokens, asJSON)
	for _, word := range []string{"client-secret", "PRIVATE KEY", "access-token", "refresh-token"} {
		if strings.Contains(text, word) {
			t.Errorf("%s was printed", word)
		}
	}
}

func TestWhatACallbackWithAnErrorMeans(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]Kind{
		"access_denied": Refused, "login_required": Interaction, "interaction_required": Interaction,
		"account_selection_required": Interaction, "consent_required": Interaction, "temporarily_unavailable": Unavailable,
		"server_error": Unavailable, "invalid_scope": Misconfigured, "unauthorized_client": Misconfigured,
		"invalid_request": Misconfigured, "unsupported_response_type": Misconfigured, "request_not_supported": Misconfigured,
		"": Failed, "whatever": Failed, "ACCESS_DENIED": Failed,
	} {
		err := FromCallback(word)
		if err.Kind != want || errors.Is(err, ErrUnavailable) != (want == Unavailable) {
			t.Errorf("%s: got %v, want %v", word, err, want)
		}
	}
	hostile := FromCallback("<script>\n\x1b[31m\u202e" + strings.Repeat("x", 10000)).Error()
	if len(hostile) > 200 || strings.ContainsFunc(hostile, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("got %q", hostile)
	}
}

func TestEveryKindHasAWord(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := Failed; k <= NoSubject; k++ {
		if seen[k.Word()] || k.Word() == "" {
			t.Errorf("kind %d has the word %q", k, k.Word())
		}
		seen[k.Word()] = true
	}
	if Kind(-1).Word() != "failed" || Kind(99).Word() != "failed" {
		t.Error("what is no kind has a word of its own")
	}
}

func TestCausesAreFitForALog(t *testing.T) {
	t.Parallel()
	cause := errors.New("é\n" + strings.Repeat("x", 5000))
	got := fault(Forged, fmt.Errorf("read: %w", cause)).Error()
	if len(got) > causeMost+20 || strings.ContainsAny(got, "é\n") {
		t.Errorf("got %q", got)
	}
	if !errors.Is(fault(Forged, cause), cause) {
		t.Error("the cause is not wrapped")
	}
}
