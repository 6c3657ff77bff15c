// Package providertest is a provider for tests: an OpenID provider on go-jose, which signs people in without asking,
// and misbehaves as it is told. It can answer in the shapes of GitHub and Discord too.
//
// It is never part of a gate.
package providertest

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Server is a provider. It is safe for concurrent use.
type Server struct {
	// ClientID and ClientSecret are those of its one client.
	ClientID, ClientSecret string

	http *httptest.Server
	path string // of the issuer, below the server

	mu     sync.Mutex
	key    jose.JSONWebKey
	made   int // keys so far
	person Person
	people map[string]Person // by login hint
	grants map[string]*grant // by code, and by access and refresh token
	last   *grant
	bad    behaviour
	counts map[string]int
	api    map[string]answer
}

// Person is who signs in.
type Person struct {
	Subject       string
	Email         string
	EmailVerified *bool // nil: the claim is absent
	Name          string
	// Claims are further ones, in the ID token; nil as a value takes one away.
	Claims map[string]any
}

// Ada is who signs in when nobody was set.
var Ada = Person{Subject: "ada-1", Email: "ada@example.com", EmailVerified: new(true), Name: "Ada Lovelace"}

// Option is how a Server is made.
type Option func(*Server)

// At puts the issuer below a path of the server, as "/common/v2.0"; "/" is an issuer with a slash at its end.
func At(path string) Option { return func(s *Server) { s.path = path } }

// Client sets the client, which is "gate" with the secret "provider-secret" otherwise.
func Client(id, secret string) Option {
	return func(s *Server) { s.ClientID, s.ClientSecret = id, secret }
}

// New starts a provider on loopback, and stops it at the end of the test.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{
		ClientID: "gate", ClientSecret: "provider-secret", person: Ada,
		people: map[string]Person{}, grants: map[string]*grant{}, counts: map[string]int{}, api: map[string]answer{},
		bad: behaviour{metadata: map[string]any{}, answers: map[string]answer{}, holds: map[string]chan struct{}{}},
	}
	for _, o := range options {
		o(s)
	}
	s.key = s.newKey()
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Stop)
	return s
}

// rsaKeys are few and shared by all tests of a process: to make one takes long.
var rsaKeys = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
	for i := range keys {
		keys[i], _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	return keys
})

// newKey returns another key than the one before, with an id of its own.
func (s *Server) newKey() jose.JSONWebKey {
	s.made++
	private := rsaKeys()[s.made%len(rsaKeys())]
	return jose.JSONWebKey{Key: private, KeyID: rand.Text(), Algorithm: "RS256", Use: "sig"}
}

// URL is the issuer.
func (s *Server) URL() string { return s.http.URL + s.path }

// Base is the URL of the server, without the path of the issuer.
func (s *Server) Base() string { return s.http.URL }

// Stop takes the provider down: nobody answers any more.
func (s *Server) Stop() {
	s.Release()
	s.http.Close()
}

// SetPerson sets who signs in from now on.
func (s *Server) SetPerson(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.person = p
}

// AddPerson lets a person sign in whenever their address is the login hint.
func (s *Server) AddPerson(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[p.Email] = p
}

// Rotate replaces the key. Tokens from now on are signed with the new one.
func (s *Server) Rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = s.newKey()
}

// Requests is how often an endpoint was asked: discovery, jwks, authorize, token, userinfo, end_session, or a path of
// an API.
func (s *Server) Requests(endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[endpoint]
}

// SetAPI has a path, as /api/v3/user/emails, answer with a body as JSON, whatever the method.
func (s *Server) SetAPI(path string, status int, body any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api[path] = answer{status: status, body: body}
}

// endpointOf names what a path is for. Paths of GitHub and Discord are known besides our own.
func (s *Server) endpointOf(path string) string {
	if strings.HasSuffix(path, "/.well-known/openid-configuration") {
		return "discovery"
	}
	switch path {
	case "/login/oauth/authorize", "/oauth2/authorize":
		return "authorize"
	case "/login/oauth/access_token", "/api/oauth2/token":
		return "token"
	case "/jwks", "/authorize", "/token", "/userinfo", "/end_session":
		return path[1:]
	}
	return path
}
