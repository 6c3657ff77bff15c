package providertest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// token redeems codes and refresh tokens.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if !s.isClient(r) {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var g *grant
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		g = s.grants[r.PostFormValue("code")]
		if g == nil || g.used || !g.verified(r) {
			s.refuse(w, r)
			return
		}
		g.used = true
	case "refresh_token":
		if g = s.grants[r.PostFormValue("refresh_token")]; g == nil {
			s.refuse(w, r)
			return
		}
		g.access = "access-" + rand.Text() // the one before goes on to work
		s.grants[g.access] = g
	}
	if g == nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	writeJSON(w, http.StatusOK, s.tokens(g))
}

func (s *Server) tokens(g *grant) map[string]any {
	body := map[string]any{"access_token": g.access, "refresh_token": g.refresh, "token_type": "Bearer",
		"expires_in": 3600, "scope": g.query.Get("scope")}
	if s.bad.strictOffline && !(slices.Contains(strings.Fields(g.query.Get("scope")), "offline_access") &&
		slices.Contains(strings.Fields(g.query.Get("prompt")), "consent")) {
		delete(body, "refresh_token")
	}
	if !g.plain {
		body["id_token"] = s.sign(s.claims(g))
	}
	overlay(body, s.bad.token)
	return body
}

// refuse refuses a code. GitHub does so with status 200.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/login/oauth/access_token" {
		writeJSON(w, http.StatusOK, map[string]string{"error": "bad_verification_code"})
		return
	}
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
}

// verified reports whether a request has the verifier and the redirect URI of the grant.
func (g *grant) verified(r *http.Request) bool {
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	return base64.RawURLEncoding.EncodeToString(sum[:]) == g.query.Get("code_challenge") &&
		r.PostFormValue("redirect_uri") == g.query.Get("redirect_uri")
}

// isClient checks the client, in one of the ways that the discovery document names. GitHub and Discord take both.
func (s *Server) isClient(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	method := "client_secret_basic"
	if !basic {
		method = "client_secret_post"
	}
	if r.URL.Path == "/token" && !slices.Contains(s.methods(), method) {
		return false
	}
	if basic {
		return id == url.QueryEscape(s.ClientID) && secret == url.QueryEscape(s.ClientSecret)
	}
	id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	return id == s.ClientID && (secret == s.ClientSecret || s.signed(secret))
}

// methods are the ways in which the client may say who it is.
func (s *Server) methods() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	said, changed := s.bad.metadata["token_endpoint_auth_methods_supported"]
	list, _ := said.([]string)
	switch {
	case !changed:
		return []string{"client_secret_basic", "client_secret_post"}
	case list == nil:
		return []string{"client_secret_basic"} // the default of the standard
	}
	return list
}

// signed reports whether a secret is a token, as Apple's. Who signed it is for the test to look at.
func (s *Server) signed(secret string) bool {
	_, err := jose.ParseSignedCompact(secret, []jose.SignatureAlgorithm{jose.ES256})
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bad.lastSecret = secret
	}
	return err == nil
}
