package providertest

import (
	"crypto/rand"
	"net/url"
	"time"
)

// grant is one sign-in of one person.
type grant struct {
	person   Person
	query    url.Values // of the authorization request
	plain    bool       // OAuth 2.0 alone: there is no ID token
	used     bool
	authTime time.Time
	access   string
	refresh  string
}

func (s *Server) newGrant(q url.Values, plain bool) (code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &grant{person: s.person, query: q, plain: plain, authTime: time.Now(),
		access: "access-" + rand.Text(), refresh: "refresh-" + rand.Text()}
	if p, ok := s.people[q.Get("login_hint")]; ok {
		g.person = p
	}
	if p, ok := s.people[q.Get("login")]; ok {
		g.person = p
	}
	code = "code-" + rand.Text()
	s.grants[code], s.grants[g.access], s.grants[g.refresh] = g, g, g
	if s.bad.mixUp && s.last != nil {
		s.grants[code] = &grant{person: s.last.person, query: mixed(q, s.last.query), authTime: g.authTime,
			access: s.last.access, refresh: s.last.refresh}
	}
	s.last = g
	return code
}

// mixed is a request with the nonce of another.
func mixed(q, other url.Values) url.Values {
	m := url.Values{}
	for name, values := range q {
		m[name] = values
	}
	m.Set("nonce", other.Get("nonce"))
	return m
}

// claims are those of the ID token.
func (s *Server) claims(g *grant) map[string]any {
	now := time.Now()
	c := map[string]any{
		"iss": s.URL(), "aud": s.ClientID, "sub": g.person.Subject, "iat": now.Unix(),
		"exp": now.Add(5 * time.Minute).Unix(), "nonce": g.query.Get("nonce"), "sid": "sid-" + g.person.Subject,
		"auth_time": g.authTime.Unix(), "at_hash": halfHash(g.access),
	}
	if !s.bad.bare {
		s.profile(g.person, c)
	}
	overlay(c, g.person.Claims)
	overlay(c, s.bad.claims)
	return c
}

func (s *Server) profile(p Person, c map[string]any) {
	c["name"] = p.Name
	if p.Email != "" {
		c["email"] = p.Email
	}
	if p.EmailVerified != nil {
		c["email_verified"] = *p.EmailVerified
	}
}

// userinfo is what the UserInfo endpoint says.
func (s *Server) userinfo(g *grant) map[string]any {
	c := map[string]any{"sub": g.person.Subject}
	s.profile(g.person, c)
	overlay(c, s.bad.userinfo)
	return c
}

// overlay sets members; nil takes one away.
func overlay(c, changes map[string]any) {
	for name, value := range changes {
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
	}
}
