package provider

import (
	"context"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// CheckIssuer checks the parameter iss of an answer (RFC 9207), also of one with an error. Finish does it by itself.
// Its errors are those of Finish.
func (p *Provider) CheckIssuer(ctx context.Context, iss string) error {
	leave, err := p.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return p.checkIssuer(ctx, iss)
}

func (p *Provider) checkIssuer(ctx context.Context, iss string) error {
	m, err := p.metadata(ctx)
	switch {
	case err != nil:
		return err
	case iss == "" && m.NamesIssuer:
		return faultf(Forged, "the answer does not name its issuer, which the provider always does")
	case iss != "" && !p.isIssuer(m, iss):
		return faultf(Forged, "the answer names another issuer: "+clean(iss, causeMost/2))
	}
	return nil
}

// Issuers are the issuers of a provider's people: one, or those of Microsoft's tenants.
type Issuers struct {
	// Issuer is theirs, exactly. With Several, theirs begin with it, and Except is none of them.
	Issuer  string
	Several bool
	Except  string
}

// Issuers returns which identities are of the provider as it is configured now. A name says nothing: another issuer
// may have had it before.
func (p *Provider) Issuers() Issuers {
	issuer, _, several := strings.Cut(p.published(), tenantMark)
	i := Issuers{Issuer: issuer, Several: several && p.kind.tenants}
	if !i.Several {
		i.Issuer = p.published()
	} else if tenant(p.spec) == "organizations" {
		i.Except = strings.Replace(p.published(), tenantMark, consumers, 1)
	}
	return i
}

// Has reports whether an issuer is one of them.
func (i Issuers) Has(issuer string) bool {
	if !i.Several {
		return issuer == i.Issuer
	}
	return strings.HasPrefix(issuer, i.Issuer) && issuer != i.Except
}

// isIssuer reports whether an answer that names an issuer is the provider's.
func (p *Provider) isIssuer(m metadata, iss string) bool {
	return iss == m.Issuer || p.kind.answersAs != nil && p.kind.answersAs(m.Issuer, iss)
}

// open returns the payload and the header of a token. Its size is looked at before anything else.
func (p *Provider) open(ctx context.Context, raw string) ([]byte, jose.Header, error) {
	switch {
	case raw == "":
		return nil, jose.Header{}, faultf(Forged, "there is no token")
	case len(raw) > tokenMost:
		return nil, jose.Header{}, faultf(Forged, "the token is too long")
	}
	return p.keys.verify(ctx, raw)
}

// typeOf is the type that a token's header names, in lower case.
func typeOf(h jose.Header) string {
	typ, _ := h.ExtraHeaders[jose.HeaderType].(string)
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}
