package auth

import (
	"slices"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/session"
)

// origins tell the rows of providers in account. Whatever came with an identity (tokens, hints, roles) counts for the
// issuer that it came from alone, and not for another that has the name of its provider now.
func origins(list []*provider.Provider) (of []session.Origin) {
	for _, p := range list {
		i := p.Issuers()
		of = append(of, session.Origin{Provider: p.Spec().Name, Issuer: i.Issuer, Several: i.Several, Except: i.Except})
	}
	return of
}

// atProvider is the SQL condition that a row of account is of a provider as it is configured now.
func (s *Store) atProvider(row string) string { return session.Known(row, origins(s.o.Providers)) }

// roleProviders are the providers that give roles.
func roleProviders(list []*provider.Provider) []*provider.Provider {
	return slices.DeleteFunc(slices.Clone(list), func(p *provider.Provider) bool { return p.Spec().RoleClaim == "" })
}

// opens is the SQL condition that a row of account is a way in: a password, unless those are off, or an identity of an
// issuer that is configured. A sign-in by it finds the row, whatever the provider was called before.
func (s *Store) opens(row string) string {
	identity := row + `.provider_id NOT IN ('credential', '` + superseded + `')
	    AND ` + session.Issued(row, origins(s.o.Providers))
	if s.o.PasswordsOff {
		return `(` + identity + `)`
	}
	return `(` + row + `.provider_id = 'credential' AND ` + row + `.password <> '' OR ` + identity + `)`
}

// offered is the provider by which a row of account is a way in; nil: none is configured any more.
func (s *Store) offered(name, issuer string) *provider.Provider {
	p, _ := s.provider(name)
	if p != nil && p.Issuers().Has(issuer) {
		return p
	}
	for _, p := range s.o.Providers {
		if p.Issuers().Has(issuer) {
			return p
		}
	}
	return nil
}
