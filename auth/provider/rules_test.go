package provider

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// builtIn is a provider that is not called.
func builtIn(t *testing.T, s Spec) *Provider {
	t.Helper()
	s.ClientID, s.ClientSecret = "id", "secret"
	if s.Name == "apple" {
		s.Apple = testKey(t)
	}
	p, err := New(s, Options{Callback: callback})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const tenantID = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"

func TestWhoseMailboxAnAddressIs(t *testing.T) {
	t.Parallel()
	corp := Spec{Name: "corp", Issuer: "https://id.corp.example"}
	trusted := func(s Spec) Spec { s.TrustEmail = true; return s }
	google, microsoft, apple := Spec{Name: "google"}, Spec{Name: "microsoft"}, Spec{Name: "apple"}
	pinned := Spec{Name: "microsoft", Tenant: tenantID}
	own := Spec{Name: "gitlab", Issuer: "https://git.corp.example"}
	for i, c := range []struct {
		spec   Spec
		claims string
		want   bool
	}{
		{google, `"email":"a@gmail.com","email_verified":true`, true},
		{google, `"email":"A@GMAIL.com","email_verified":true`, true},
		{google, `"email":"a@gmail.com","email_verified":false`, false},
		{google, `"email":"a@gmail.com","email_verified":"true"`, false},
		{google, `"email":"a@gmail.com"`, false},
		{google, `"email":"a@evilgmail.com","email_verified":true`, false},
		{google, `"email":"a@gmail.com.evil.example","email_verified":true`, false},
		{google, `"email":"a@corp.example","email_verified":true,"hd":"corp.example"`, true},
		{google, `"email":"a@corp.example","email_verified":true,"hd":""`, false},
		{google, `"email":"a@corp.example","email_verified":true,"hd":true`, false},
		{google, `"email":"a@corp.example","email_verified":true`, false},
		{google, `"email":"a@corp.example","hd":"corp.example"`, false},
		{google, `"email_verified":true,"hd":"corp.example"`, false},
		{apple, `"email":"a@corp.example","email_verified":true`, true},
		{apple, `"email":"a@corp.example","email_verified":"true"`, true},
		{apple, `"email":"a@corp.example","email_verified":"false"`, false},
		{apple, `"email":"a@corp.example","email_verified":1`, false},
		{apple, `"email":"a@corp.example"`, false},
		{Spec{Name: "gitlab"}, `"email":"a@corp.example","email_verified":true`, true},
		{Spec{Name: "gitlab"}, `"email":"a@corp.example"`, false},
		{own, `"email":"a@corp.example","email_verified":true`, false},
		{trusted(own), `"email":"a@corp.example","email_verified":true`, true},
		{microsoft, `"email":"a@corp.example","email_verified":true`, false},
		{microsoft, `"email":"a@corp.example","xms_edov":true`, true},
		{microsoft, `"email":"a@corp.example","xms_edov":1`, true},
		{microsoft, `"email":"a@corp.example","xms_edov":"1"`, true},
		{microsoft, `"email":"a@corp.example","xms_edov":"true"`, true},
		{microsoft, `"email":"a@corp.example","xms_edov":false`, false},
		{microsoft, `"email":"a@corp.example","xms_edov":0`, false},
		{microsoft, `"email":"a@corp.example","xms_edov":"0"`, false},
		{microsoft, `"email":"a@corp.example","xms_edov":[1]`, false},
		{microsoft, `"email":"a@corp.example"`, false},
		{pinned, `"email":"a@corp.example"`, false},
		{trusted(pinned), `"email":"a@corp.example"`, true},
		{trusted(pinned), `"xms_edov":true`, false},
		{corp, `"email":"a@corp.example","email_verified":true`, false},
		{trusted(corp), `"email":"a@corp.example","email_verified":true`, true},
		{trusted(corp), `"email":"a@corp.example","email_verified":"true"`, false},
		{trusted(corp), `"email":"a@corp.example","email_verified":1`, false},
		{trusted(corp), `"email":"a@corp.example","email_verified":null`, false},
		{trusted(corp), `"email":"a@corp.example"`, false},
		{trusted(corp), `"email":"no address","email_verified":true`, false},
		{trusted(corp), `"email":["a@corp.example"],"email_verified":true`, false},
		{Spec{Name: "discord"}, `"email":"a@corp.example","email_verified":true`, false},
		{trusted(Spec{Name: "discord"}), `"email":"a@corp.example","email_verified":true`, true},
		{Spec{Name: "github"}, `"email":"a@corp.example","email_verified":true`, true},
		{Spec{Name: "github", Issuer: "https://git.corp.example"}, `"email":"a@corp.example","email_verified":true`, false},
	} {
		id, err := identityOf(t, builtIn(t, c.spec), c.claims)
		if err != nil || id.EmailProved != c.want {
			t.Errorf("row %d: %s with %s: got %v, %v, want %v", i, c.spec.Name, c.claims, id.EmailProved, err, c.want)
		}
	}
}

func identityOf(t *testing.T, p *Provider, members string) (Identity, error) {
	t.Helper()
	c, err := parseClaims([]byte(`{"iss":"i","sub":"s",` + members + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return p.identity(c, noToken, "")
}

func TestWhoMayCome(t *testing.T) {
	t.Parallel()
	domains := []string{"corp.example", "other.example"}
	corp := Spec{Name: "corp", Issuer: "https://id.corp.example", AllowedDomains: domains, TrustEmail: true}
	google := Spec{Name: "google", AllowedDomains: domains}
	for i, c := range []struct {
		spec   Spec
		claims string
		want   bool
	}{
		{google, `"hd":"corp.example"`, true},
		{google, `"hd":"Other.example"`, true},
		{google, `"hd":"evil.example","email":"a@corp.example","email_verified":true`, false},
		{google, `"email":"a@corp.example","email_verified":true`, false},
		{corp, `"email":"a@CORP.example","email_verified":true`, true},
		{corp, `"email":"a@corp.example"`, false},
		{corp, `"email":"a@sub.corp.example","email_verified":true`, false},
		{corp, `"email":"a@evilcorp.example","email_verified":true`, false},
		{corp, `"email":"corp.example@evil.example","email_verified":true`, false},
		{corp, `"hd":"corp.example"`, false},
	} {
		_, err := identityOf(t, builtIn(t, c.spec), c.claims)
		if c.want && err != nil {
			t.Errorf("row %d: got %v", i, err)
		} else if !c.want {
			wantFault(t, err, "not_allowed", "domain")
		}
	}
}

func TestRolesThatAClaimGives(t *testing.T) {
	t.Parallel()
	roles := map[string]string{"admins": "admin", "staff": "editor", "writers": "editor"}
	many := `"groups":[` + strings.Repeat(`"x",`, 2*listMost) + `"admins"]`
	for i, c := range []struct{ claim, claims, want string }{
		{"groups", `"groups":["admins","staff"]`, "[admin editor]"},
		{"groups", `"groups":["staff","writers","staff"]`, "[editor]"},
		{"groups", `"groups":"admins"`, "[admin]"},
		{"groups", `"groups":["Admins","admin",7,null,["admins"]]`, "[]"},
		{"groups", `"groups":{"admins":true}`, "[]"},
		{"groups", `"other":["admins"]`, "[]"},
		{"groups", many, "[]"},
		{"realm_access.roles", `"realm_access":{"roles":["admins"]}`, "[admin]"},
		{"realm_access.roles", `"realm_access":["admins"]`, "[]"},
		{"https://x.example/roles", `"https://x.example/roles":["admins"]`, "[admin]"},
	} {
		p := builtIn(t, Spec{Name: "corp", Issuer: "https://id.corp.example", RoleClaim: c.claim, Roles: roles})
		id, err := identityOf(t, p, c.claims)
		if err != nil || fmt.Sprint(id.Roles) != c.want {
			t.Errorf("row %d: got %v, %v, want %s", i, id.Roles, err, c.want)
		}
	}
}

func TestTenantsOfMicrosoft(t *testing.T) {
	t.Parallel()
	const host = "https://login.microsoftonline.com/"
	issuer := func(tid string) string { return `"iss":"` + host + tid + `/v2.0","tid":"` + tid + `"` }
	for _, c := range []struct{ tenant, claims, kind string }{
		{"", issuer(tenantID), ""},
		{"common", issuer(consumers), ""},
		{"organizations", issuer(tenantID), ""},
		{"organizations", issuer(consumers), "not_allowed"},
		{"consumers", issuer(consumers), ""},
		{"consumers", issuer(tenantID), "forged"},
		{tenantID, issuer(tenantID), ""},
		{strings.ToUpper(tenantID), issuer(tenantID), ""},
		{tenantID, issuer(consumers), "forged"},
		{"common", `"iss":"` + host + tenantID + `/v2.0","tid":"` + consumers + `"`, "forged"},
		{"common", `"iss":"` + host + tenantID + `/v2.0"`, "forged"},
		{"common", issuer("{tenantid}"), "forged"},
		{"common", issuer("x"), "forged"},
		{"common", `"iss":"https://evil.example/` + tenantID + `/v2.0","tid":"` + tenantID + `"`, "forged"},
	} {
		p := builtIn(t, Spec{Name: "microsoft", Tenant: c.tenant})
		claims, err := parseClaims([]byte("{" + c.claims + "}"))
		if err != nil {
			t.Fatal(err)
		}
		err = p.checkTokenIssuer(metadata{Issuer: p.published()}, claims)
		if c.kind != "" {
			wantFault(t, err, c.kind, "")
		} else if err != nil {
			t.Errorf("tenant %q with %s: %v", c.tenant, c.claims, err)
		}
	}
}

func TestWhatIsShownOfAPerson(t *testing.T) {
	t.Parallel()
	p := builtIn(t, Spec{Name: "corp", Issuer: "https://id.corp.example"})
	members, _ := json.Marshal(map[string]any{"name": "  A\u202eda\x00\n" + strings.Repeat("é", 300),
		"picture": "javascript:alert(1)", "sid": strings.Repeat("s", 300), "email": strings.Repeat("a", 400) + "@x.example",
		"preferred_username": "ada\x07"})
	id, err := identityOf(t, p, strings.Trim(string(members), "{}"))
	if err != nil || id.Picture != "" || id.SessionID != "" || id.Email != "" || id.Login != "ada" ||
		len(id.Name) > idMost || !strings.HasPrefix(id.Name, "Adaé") {
		t.Errorf("got %+v, %v", id, err)
	}
	id, err = identityOf(t, p, "\"sid\":\"jos\xe9\",\"email\":\"jos\xe9@example.com\"")
	if err != nil || id.SessionID != "" || id.Email != "" {
		t.Errorf("texts that are no UTF-8: got %+v, %v", id, err)
	}
}

func FuzzIdentity(f *testing.F) {
	f.Add([]byte(`{"sub":"s","email":"a@b","groups":["x"],"realm_access":{"roles":[1]},"auth_time":1e400}`))
	p, err := New(Spec{Name: "corp", Issuer: "https://i.example", ClientID: "c", ClientSecret: "s", RoleClaim: "a.b",
		Roles: map[string]string{"x": "y"}, TrustEmail: true}, Options{Callback: callback})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseClaims(text)
		if err != nil {
			return
		}
		id, err := p.identity(c, noToken, "")
		if err == nil && (!isID(id.Subject) || len(id.Name) > idMost || len(id.Email) > emailMost ||
			slices.ContainsFunc(id.Roles, func(r string) bool { return r != "y" })) {
			t.Errorf("got %+v", id)
		}
	})
}
