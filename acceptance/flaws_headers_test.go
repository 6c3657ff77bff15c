package acceptance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// forgeries are header names in which some app expects an identity, an address or another fact that only the
// gate may state.
func forgeries() map[string][]string {
	rows := map[string][]string{
		"B1_O2P_CVE-2025-64484": {
			"X_Forwarded_User", "X-Auth_Request_User", "X_Forwarded_Proto", "Remote_Groups", "X_Forwarded_Email",
			"X_Forwarded_Groups", "X_Forwarded_Preferred_Username", "x_forwarded_for", "X_FORWARDED_HOST",
			"X_Auth_Request_Email", "X-Auth-Request-Groups", "X_Auth_Request_Access_Token", "REMOTE_USER",
			"Remote-User", "remote-name", "Remote_Email", "X_Remote_User", "X-REMOTE-USER", "X-Forwarded_User",
		},
		"B7_AUK_PR_17650": {
			"X_authentik_username", "X-Authentik-Username", "x-authentik_groups", "X_Authentik_Email",
			"X-authentik-uid", "X-Authentik-Jwt", "X_authentik_meta_app", "X-Pomerium-Claim-Email",
			"X_Pomerium_Jwt_Assertion",
			"X-WebAuth-User", "X_WEBAUTH_USER", "X-Webauth-Groups", "X-Token-Subject",
			"X_Token_User_Email", "X-Token-User-Roles",
		},
		"B8_Traefik_CVE-2026-35051": {
			"X-Forwarded-Prefix", "X-Forwarded-Port", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server",
			"X-Forwarded-Ssl", "X-Forwarded-By", "X-Forwarded-Scheme", "X-Forwarded-Uri", "X-Forwarded-Method",
			"X-Forwarded-Tls-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info", "X-Forwarded-Client-Cert",
			"X-Forwarded-Groups", "Forwarded", "X-Real-IP", "X_Real_IP", "X-Real-Ip", "FORWARDED", "Proxy",
		},
		"bar_14_underscores": {
			"X_Auth_User", "X-Auth_User", "X_Auth-User", "x_auth_user", "X_AUTH_ROLES", "X_Auth_Email",
			"X_Auth_Email_Verified", "X-Auth_Email-Verified", "X_Auth_Name", "XAuthUser",
			"Xauth-Roles", "X--Auth--User",
			"X-Auth-User-", "-X-Auth-User", "_X_Auth_User_", "X-Auth-User" + strings.Repeat("-", 10_240),
			"X-Auth-User" + strings.Repeat("_", 10_240),
		},
		"bar_15_plain": {"X-Auth-User", "x-auth-user", "X-AUTH-USER", "X-Auth-Email", "X-Auth-Email-Verified",
			"X-Auth-Name", "X-Auth-Roles", "x-aUTH-rOLES"},
		"bar_10_overrides": {
			"X-Original-URL", "X-Original-URI", "X-Rewrite-URL", "X_Original_Url", "X-HTTP-Method-Override",
			"X-HTTP-Method", "X-Method-Override", "X-Middleware-Subrequest", "x_middleware_subrequest",
			"X-Request_Id", "SCRIPT_NAME", "Script-Name", "PATH_INFO", "X-Envoy-Original-Path",
			"X-Accel-Mapping", "X-Sendfile-Type",
		},
	}
	for _, name := range []string{"Actor", "Session", "Groups", "Username", "Level", "Time", "Methods", "Scope",
		"Token-Id", "Assertion"} {
		folded := strings.ReplaceAll(name, "-", "_")
		rows["kept_for_what_comes"] = append(rows["kept_for_what_comes"], "X-Auth-"+name, "X_Auth_"+folded,
			"x.auth-"+strings.ToLower(folded))
	}
	rows["kept_for_what_comes"] = append(rows["kept_for_what_comes"], "X-Gatepost", "X-Gatepost-", "X-Gatepost-User",
		"x_gatepost_user", "X.GATEPOST.Level",
		"X-Gatepost-Anything-At-All", "XGatepost", "X-Gate-Post-User")
	for _, c := range "!#$%&'*+-.^_`|~" { // all characters of a header name besides letters and digits
		for _, words := range [][]string{{"X", "Auth", "User"}, {"x", "auth", "email", "verified"},
			{"X", "Forwarded", "User"}, {"Remote", "User"}, {"X", "Auth", "Request", "Email"},
			{"X", "authentik", "name"}} {
			rows["B2_Traefik_CVE-2026-88011"] = append(rows["B2_Traefik_CVE-2026-88011"],
				strings.Join(words, string(c)), strings.Join(words, string(c)+string(c)))
		}
	}
	return rows
}

func TestForgedHeadersDoNotReachTheApp(t *testing.T) {
	t.Parallel()
	l := newLane(t, siteRules...)
	l.signIn(t)
	for id, names := range forgeries() {
		t.Run(id, func(t *testing.T) {
			for _, name := range names {
				forged := []string{name + ": admin", name + ": admin,user", strings.ToLower(name) + ": 6.6.6.6"}
				signedIn := append([]string{l.cookie}, forged...)
				l.passes(t, l.request("GET /public", forged...), l.forwarded("GET /public", ""))
				l.passes(t, l.request("GET /public", signedIn...), l.forwarded("GET /public", "", l.identity...))
				l.passes(t, l.request("GET /dashboard", signedIn...), l.forwarded("GET /dashboard", "", l.identity...))
				l.refuses(t, l.request("GET /dashboard", forged...), 401)
				l.refuses(t, l.request("GET /admin", signedIn...), 403)
			}
		})
	}
	t.Run("other_headers_pass_unchanged", func(t *testing.T) {
		kept := []string{"Accept: */*", "Accept-Encoding: gzip", "Authorization: Bearer x", "Cookie: a=1; b=2",
			"Forwarded-For-Me: x", "Sec-Fetch-Site: none", "X-Auth: x", "X-Auth-Grouped: x", "X-Auth-Key: x",
			"X-Auth-Token: x", "X-Authority: x", "X-Csrf-Token: x", "X-Gate: x", "X-Remote: x", "X-User: x"}
		l.passes(t, l.request("GET /public", kept...), l.forwarded("GET /public", "", kept...))
	})
}

// A client cannot remove the gate's identity headers by listing them in Connection. The headers that it lists
// are removed from its own request.
func TestHopByHopHeadersCannotRemoveTheIdentity(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	for id, headers := range map[string][]string{
		"B3_OAT_GHSA-w9mr-28mw-j8hg": {"Connection: X-Auth-User"},
		"B3_Go_CVE-2021-33197": {"Connection: X-Auth-User, X-Auth-Email",
			"Connection: X-Auth-Roles,X-Auth-Name"},
		"B3_Traefik_CVE-2024-45410": {"connection: x-real-ip", "connection: x-auth-user", "X-Real-IP: 6.6.6.6"},
		"B3_Traefik_CVE-2026-29054": {"Connection: x-forwarded-for, x-forwarded-host, x-forwarded-proto, " +
			"x-request-id, host"},
		"B3_lists_with_blanks": {"Connection: ,, X-AUTH-USER ,\tx-auth-email,", "Connection:"},
		"B3_other_hop_by_hop": {"Keep-Alive: x", "Proxy-Connection: X-Auth-User", "Proxy-Authorization: x",
			"Te: gzip", "Trailer: X-Auth-User", "Upgrade: X-Auth-User"},
		"bar_13_close_and_identity":     {"Connection: close, X-Auth-User"},
		"bar_13_keep-alive_and_cookies": {"Connection: keep-alive, Cookie, X-Auth-Roles"},
		"C5_Go_CVE-2022-32148":          {"Connection: X-Forwarded-For", "X-Forwarded-For: "},
		"bar_15_duplicates": {"X-Auth-User: a", "x-auth-user: b", "X-AUTH-USER: c",
			"Connection: X-Auth-User"},
	} {
		t.Run(id, func(t *testing.T) {
			l.passes(t, l.request("GET /dashboard", append(headers, l.cookie)...),
				l.forwarded("GET /dashboard", "", l.identity...))
			l.passes(t, l.request("GET /public", headers...), l.forwarded("GET /public", ""))
		})
	}
}

// Each attribute of a user becomes one header, whatever the attribute holds.
func TestAttributesBecomeOneHeaderEach(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_SESSION_CACHE=0") // the test changes users by SQL
	l.signIn(t)
	db := authtest.Pool(t, l.database)
	for _, row := range []struct{ id, column, value, header string }{
		{"B4_Caddy_CVE-2026-30851_no_name", "name", "", "X-Auth-Name: "},
		{"bar_16_no_roles", "role", "", "X-Auth-Roles: "},
		{"B10_CRLF", "name", "a\r\nX-Auth-Roles: admin", "X-Auth-Name: a%0D%0AX-Auth-Roles: admin"},
		{"bar_23_response_splitting", "name", "\r\n\r\nHTTP/1.1 200 OK\r\n",
			"X-Auth-Name: %0D%0A%0D%0AHTTP/1.1 200 OK%0D%0A"},
		{"B10_other_alphabets", "name", "张伟 é 100%", "X-Auth-Name: %E5%BC%A0%E4%BC%9F %C3%A9 100%25"},
		{"B10_10_KiB", "name", strings.Repeat("n", 10_240), "X-Auth-Name: " + strings.Repeat("n", 100)},
		{"A4.2.5_10_KiB_of_umlauts", "name", strings.Repeat("é", 10_240), "X-Auth-Name: " +
			strings.Repeat("%C3%A9", 100)},
		{"B10_control_bytes", "name", "\x01\x1b[31m\x7f\u0085", "X-Auth-Name: %01%1B[31m%7F%C2%85"},
		{"B10_roles", "role", "user, a\r\nb", "X-Auth-Roles: user,a%0D%0Ab"},
	} {
		t.Run(row.id, func(t *testing.T) {
			_, err := db.Exec(t.Context(), fmt.Sprintf(`
				UPDATE gatepost."user" SET name = 'Ada', role = 'user';
				UPDATE gatepost."user" SET %s = '%s'`, row.column, row.value))
			if err != nil {
				t.Fatal(err)
			}
			identity := append([]string{}, l.identity...)
			name, _, _ := strings.Cut(row.header, ":")
			for i := range identity {
				if strings.HasPrefix(identity[i], name+":") {
					identity[i] = row.header
				}
			}
			raw := l.request("GET /dashboard", l.cookie, name+": admin", strings.ReplaceAll(name, "-", "_")+": admin")
			l.passes(t, raw, l.forwarded("GET /dashboard", "", identity...))
			l.passes(t, strings.Replace(raw, "/dashboard", "/public", 1), l.forwarded("GET /public", "", identity...))
		})
	}
}

// Names that the operator configured are guarded like the default ones, and the default ones stay guarded.
func TestConfiguredIdentityHeadersHaveOneValue(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_IDENTITY_HEADERS=x-USER=id, X-Authenticated-User=roles",
		"GATEPOST_STRIP_HEADERS=X-Company-Secret")
	l.signIn(t)
	id := strings.TrimPrefix(l.identity[0], "X-Auth-User: ")
	for row, names := range map[string][]string{
		"B5_Traefik_CVE-2026-33433": {"X-User", "x-USER", "x-user", "X-USER", "X_User"},
		"B2_Traefik_CVE-2026-88011": {"X.Authenticated.User", "X-Authenticated_User", "x~authenticated|user",
			"X-Authenticated-User"},
		"bar_14_configured_to_strip":         {"X-Company-Secret", "x_company.secret"},
		"bar_14_default_names_are_not_freed": {"X-Auth-User", "X_Auth_Roles", "X-Auth-Email"},
	} {
		t.Run(row, func(t *testing.T) {
			for _, name := range names {
				l.passes(t, l.request("GET /dashboard", l.cookie, name+": a", name+": b"),
					l.forwarded("GET /dashboard", "", "X-User: "+id, "X-Authenticated-User: user"))
				l.passes(t, l.request("GET /public", name+": a"), l.forwarded("GET /public", ""))
			}
		})
	}
}

// The address of a visitor is the one that they connect from. Only a trusted proxy may name another one, and
// only one.
func TestTheClientAddressIsThePeersOrTheTrustedProxys(t *testing.T) {
	t.Parallel()
	direct, behind := newLane(t, "GATEPOST_TRUSTED_PROXIES="), newLane(t)
	for _, row := range []struct {
		id      string
		headers []string
		address string // behind a trusted proxy
	}{
		{"C1_CSEC_CVE-2024-21494", []string{"X-Forwarded-For: 1.3.3.4"}, "1.3.3.4"},
		{"C1_AUK_CVE-2023-36456", []string{"X-Forwarded-For: 6.6.6.6, 1.3.3.4"}, "1.3.3.4"},
		{"C1_several_lines", []string{"X-Forwarded-For: 6.6.6.6", "x-forwarded-for: 1.3.3.4"}, "1.3.3.4"},
		{"C1_X-Real-IP", []string{"X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6"}, "127.0.0.1"},
		{"C2_AUK_CVE-2024-47070", []string{"X-Forwarded-For: a"}, "127.0.0.1"},
		{"C2_junk", []string{"X-Forwarded-For: 6.6.6.6, <script>"}, "127.0.0.1"},
		{"C2_nothing", []string{"X-Forwarded-For:"}, "127.0.0.1"},
		{"C5_Go_CVE-2022-32148", []string{"X-Forwarded-For: 6.6.6.6", "Connection: X-Forwarded-For"}, "6.6.6.6"},
		{"C6_TIN_2e03eb96", []string{"X-Forwarded-For: 169.254.1.2"}, "169.254.1.2"},
		{"C3_OAT_CVE-2026-33495", []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example",
			"X-Forwarded-Ssl: on"}, "127.0.0.1"},
	} {
		t.Run(row.id, func(t *testing.T) {
			direct.passes(t, direct.request("GET /public", row.headers...), direct.forwarded("GET /public", ""))
			direct.refuses(t, direct.request("GET /dashboard", row.headers...), 401)
			behind.passes(t, behind.request("GET /public", row.headers...),
				behind.forwardedFrom(row.address, "GET /public", ""))
			behind.refuses(t, behind.request("GET /dashboard", row.headers...), 401)
		})
	}
	t.Run("X-Request-Id_of_a_stranger", func(t *testing.T) {
		direct.passes(t, direct.request("GET /public", "X-Request-Id: forged", "x_request_id: forged"),
			direct.forwarded("GET /public", ""))
	})
}
