package providertest

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// serve counts a request, waits while it is held, and answers; badly, if that was asked for.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	endpoint := s.endpointOf(r.URL.Path)
	s.mu.Lock()
	s.counts[endpoint]++
	hold, bad, isBad := s.bad.holds[endpoint], s.bad.answers[endpoint], false
	if _, isBad = s.bad.answers[endpoint]; !isBad {
		bad, isBad = s.api[r.URL.Path]
	}
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return
		}
	}
	if isBad {
		bad.write(w)
		return
	}
	s.answer(w, r, endpoint)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, endpoint string) {
	switch endpoint {
	case "discovery":
		s.discovery(w)
	case "jwks":
		s.jwks(w)
	case "authorize":
		s.authorize(w, r)
	case "token":
		s.token(w, r)
	case "userinfo":
		s.info(w, r, s.userinfo)
	case "/api/v3/user":
		s.info(w, r, githubUser)
	case "/api/v3/user/emails":
		s.info(w, r, nil)
	case "/api/v10/users/@me":
		s.info(w, r, discordUser)
	case "end_session":
		http.Redirect(w, r, r.FormValue("post_logout_redirect_uri"), http.StatusSeeOther)
	default:
		http.NotFound(w, r)
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone
}

func (s *Server) discovery(w http.ResponseWriter) {
	base := s.http.URL
	doc := map[string]any{
		"issuer": s.URL(), "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
		"userinfo_endpoint": base + "/userinfo", "jwks_uri": base + "/jwks", "end_session_endpoint": base + "/end_session",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"authorization_response_iss_parameter_supported": true,
		"backchannel_logout_supported":                   true,
	}
	s.mu.Lock()
	overlay(doc, s.bad.metadata)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, doc)
}

func (s *Server) jwks(w http.ResponseWriter) {
	s.mu.Lock()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.key.Public()}}
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, set)
}

// authorize signs the person in without asking. It insists on what a strict provider insists on.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q, plain := r.URL.Query(), r.URL.Path != "/authorize"
	for name, want := range map[string]string{"response_type": "code", "client_id": s.ClientID,
		"code_challenge_method": "S256"} {
		if q.Get(name) != want {
			http.Error(w, "bad "+name, http.StatusBadRequest)
			return
		}
	}
	redirect, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || redirect.Host == "" || q.Get("state") == "" || len(q.Get("code_challenge")) != 43 ||
		!plain && (q.Get("nonce") == "" || !strings.Contains(q.Get("scope"), "openid")) {
		http.Error(w, "bad redirect_uri, state, code_challenge, nonce or scope", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	failure, iss := s.bad.refusal, s.bad.responseIssuer
	s.mu.Unlock()
	out := url.Values{"state": q["state"]}
	if !plain {
		out.Set("iss", s.URL())
		overlayValues(out, iss)
	}
	if failure != "" {
		out.Set("error", failure)
		out.Set("error_description", "<script>alert(1)</script>")
	} else {
		out.Set("code", s.newGrant(q, plain))
	}
	respond(w, r, redirect, out)
}

func overlayValues(v url.Values, changes map[string]string) {
	for name, value := range changes {
		v.Set(name, value)
	}
}

var postPage = template.Must(template.New("").Parse(`<!doctype html><title>Back</title>
<form method="post" action="{{.Action}}">{{range $name, $v := .Values}}{{range $v}}
<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}
<button>Go on</button></form><script>document.forms[0].submit()</script>`))

// respond sends the browser back.
func respond(w http.ResponseWriter, r *http.Request, redirect *url.URL, out url.Values) {
	if r.URL.Query().Get("response_mode") == "form_post" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Form", out.Encode()) // for Authorize, which is no browser
		_ = postPage.Execute(w, map[string]any{"Action": redirect.String(), "Values": out})
		return
	}
	back := redirect.Query()
	maps.Copy(back, out)
	redirect.RawQuery = back.Encode()
	http.Redirect(w, r, redirect.String(), http.StatusFound)
}

// info says who an access token is of. nil is GitHub's list of addresses.
func (s *Server) info(w http.ResponseWriter, r *http.Request, of func(*grant) map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grants[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	switch {
	case g == nil:
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
	case of == nil:
		writeJSON(w, http.StatusOK, githubEmails(g))
	default:
		writeJSON(w, http.StatusOK, of(g))
	}
}

func githubUser(g *grant) map[string]any {
	login, _, _ := strings.Cut(strings.ToLower(g.person.Name), " ")
	return map[string]any{"id": json.Number(g.person.Subject), "login": login, "name": g.person.Name, "email": nil,
		"avatar_url": "https://avatars.githubusercontent.com/u/" + g.person.Subject}
}

func githubEmails(g *grant) []map[string]any {
	return []map[string]any{
		{"email": "old@example.org", "primary": false, "verified": true, "visibility": nil},
		{"email": g.person.Email, "primary": true, "verified": g.person.EmailVerified != nil && *g.person.EmailVerified,
			"visibility": "public"},
		{"email": fmt.Sprintf("%s+x@users.noreply.github.com", g.person.Subject), "primary": false, "verified": true},
	}
}

func discordUser(g *grant) map[string]any {
	return map[string]any{"id": g.person.Subject, "username": "x", "global_name": g.person.Name, "avatar": nil,
		"email": g.person.Email, "verified": g.person.EmailVerified != nil && *g.person.EmailVerified}
}
