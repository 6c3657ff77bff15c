package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Accounts at providers come over as the real Better Auth wrote them: that of somebody who signed in with a certified
// provider there opens the same account here, and those at well-known ones are known by issuer and subject.
func TestMoveInWithLinkedAccounts(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			needBrowser(t)
			port, gatePort := freePort(t), freePort(t)
			provider := startCertified(t, map[string]string{"old": "http://localhost:" + port,
				"gate": "http://localhost:" + gatePort})
			old := l.startAt(t, port, "PROVIDER="+provider.issuer)
			app := httptest.NewServer(http.HandlerFunc(tellHeaders))
			t.Cleanup(app.Close)
			h := moveInto(t, "better-auth", old.source, app.URL, gatePort, append(provider.settings("gate"),
				"GATEPOST_ENCRYPTION_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")...)

			zoe := old.stranger(t, person{"Zoë of zoe", "zoe@example.com", ""})
			zoe.comeBy(provider, "zoe")
			zoe.id = zoe.find()
			ada := old.join(t, "ada", "a quiet river at noon")
			for provider, subject := range map[string]string{"google": "113", "github": "4711", "gitlab": "12",
				"discord": "80351110224678912", "apple": "001.a", "microsoft": "oid"} {
				row := url.Values{"userId": {ada.id}, "providerId": {provider}, "accountId": {subject}}
				if l.version == "better-auth-1.7.1" {
					row.Set("issuer", "local:oauth:"+provider)
				}
				ada.get("/link?" + row.Encode())
			}

			out, said, code := h.command(t, "import", "better-auth", "--dry-run", "--issuer", "crop="+provider.issuer)
			if code != 1 || !strings.Contains(said, "did you mean corp?") {
				t.Errorf("a misspelt issuer: %d %s%s", code, out, said)
			}
			n, report := h.bring(t, "--issuer", "corp="+provider.issuer)
			if n.Created != 2 || !slices.ContainsFunc(report, func(l told) bool {
				return l.Result == "note" && strings.Contains(l.Reason, "microsoft")
			}) || len(report) != 3 {
				t.Errorf("counts %+v of %v", n, report)
			}
			want := []string{"apple=https://appleid.apple.com=001.a", "corp=" + provider.issuer + "=zoe",
				"discord=https://discord.com=80351110224678912", "github=https://github.com=4711",
				"gitlab=https://gitlab.com=12", "google=https://accounts.google.com=113"}
			if got := sql(t, h.database, `SELECT concat_ws('=', provider_id, issuer, account_id) FROM gatepost.account
			    WHERE provider_id <> 'credential' ORDER BY 1`); !slices.Equal(got, want) {
				t.Errorf("linked are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}

			v := newVisitorOf(t, h.serve(t).gateway)
			v.open("/login?next=%2Fdashboard")
			v.goWith(withStaff)
			v.comeAs(provider, "zoe")
			v.mustBeAt("/dashboard")
			v.mustSee("User: " + zoe.id + "\n")
		})
	}
}

// comeBy signs in at Better Auth with the provider, whose pages are forms that need no script.
func (m *member) comeBy(p *certified, login string) {
	m.t.Helper()
	path, body := "sign-in/social", map[string]any{"provider": "corp", "callbackURL": "/dashboard"}
	if m.at.version == "better-auth-1.6" {
		path, body = "sign-in/oauth2", map[string]any{"providerId": "corp", "callbackURL": "/dashboard"}
	}
	at, _ := m.ask(200, path, body)["url"].(string)
	following := &http.Client{Jar: m.client.Jar}
	form := regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	fields := []url.Values{nil, {"prompt": {"login"}, "login": {login}, "password": {"any"}}, {"prompt": {"consent"}}}
	for _, sent := range fields {
		res, err := following.Get(at)
		if sent != nil {
			res, err = following.PostForm(at, sent)
		}
		if err != nil {
			m.t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			m.t.Fatal(err)
		}
		found := form.FindStringSubmatch(string(text))
		if found != nil && strings.HasPrefix(res.Request.URL.String(), p.issuer) {
			to, _ := url.Parse(found[1])
			at = res.Request.URL.ResolveReference(to).String()
			continue
		}
		if res.Request.URL.Path != "/dashboard" {
			m.t.Fatalf("the provider leads to %s: %d\n%s", res.Request.URL, res.StatusCode, text)
		}
	}
}
