package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

// A discovery document is read again after documentFresh, and used for at most documentMost.
const (
	documentFresh = 24 * time.Hour
	documentMost  = 7 * 24 * time.Hour
)

// metadata is what a provider says about itself: RFC 8414, and OpenID Connect Discovery 1.0 section 3.
type metadata struct {
	Issuer      string   `json:"issuer"`
	Authorize   string   `json:"authorization_endpoint"`
	Token       string   `json:"token_endpoint"`
	UserInfo    string   `json:"userinfo_endpoint"`
	Keys        string   `json:"jwks_uri"`
	EndSession  string   `json:"end_session_endpoint"`
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms  []string `json:"id_token_signing_alg_values_supported"`
	NamesIssuer bool     `json:"authorization_response_iss_parameter_supported"`

	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
}

// style is how the client secret is sent: in the header as the standard has it, unless the provider only takes it in
// the form.
func (m metadata) style() oauth2.AuthStyle {
	if !slices.Contains(m.AuthMethods, "client_secret_basic") && slices.Contains(m.AuthMethods, "client_secret_post") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// metadata returns what is known about the provider; where there is no document, what its kind says.
func (p *Provider) metadata(ctx context.Context) (metadata, error) {
	if k := p.kind.plain; k != nil {
		return metadata{Issuer: p.spec.Issuer, Authorize: k.authorize(p.spec.Issuer), Token: k.token(p.spec.Issuer)}, nil
	}
	return p.document.get(ctx)
}

// base is the URL below which the document is.
func (p *Provider) base() string {
	if p.kind.base == nil {
		return p.spec.Issuer
	}
	return p.kind.base(p.spec)
}

// published is the issuer that the document has to name.
func (p *Provider) published() string {
	if p.kind.published == nil {
		return p.spec.Issuer
	}
	return p.kind.published(p.spec)
}

// discover reads the discovery document.
func (p *Provider) discover(ctx context.Context) (metadata, error) {
	var m metadata
	var from string
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { from = c.Conn.RemoteAddr().String() },
	})
	address := strings.TrimSuffix(p.base(), "/") + "/.well-known/openid-configuration"
	if err := getJSON(ctx, p.front, address, "", &m); err != nil {
		return m, err
	}
	reach := p.reachFrom(address, from)
	if err := p.checkDocument(m, reach); err != nil {
		return m, fault(Misconfigured, fmt.Errorf("discovery document: %w", err))
	}
	p.reach.Store(int32(reach))
	return m, nil
}

// reachFrom is how far inside a provider may lead us whose document came from an address, which TLS has proved to be
// the issuer's. A proxy says nothing about it.
func (p *Provider) reachFrom(document, from string) place {
	u, err := url.Parse(document)
	if err != nil {
		return public
	}
	proxy, _ := http.ProxyFromEnvironment(&http.Request{URL: u})
	a, err := netip.ParseAddrPort(from)
	if proxy != nil || err != nil {
		return placeOfHost(u.Hostname())
	}
	return placeOf(a.Addr())
}

// checkDocument checks the issuer, and that no endpoint leads where it must not.
func (p *Provider) checkDocument(m metadata, reach place) error {
	if m.Issuer != p.published() {
		return &Flaw{Cure: p.cureIssuer(m.Issuer), cause: fmt.Errorf("its issuer is %q, and not %q", m.Issuer,
			p.published())}
	}
	if len(m.Algorithms) > 0 && !slices.ContainsFunc(m.Algorithms, isSafe) {
		return &Flaw{Cure: cureSafe, cause: errors.New("no algorithm of its ID tokens is a safe one")}
	}
	for _, one := range []struct {
		name, value string
		needed      bool
	}{
		{"authorization_endpoint", m.Authorize, true}, {"token_endpoint", m.Token, true}, {"jwks_uri", m.Keys, true},
		{"userinfo_endpoint", m.UserInfo, false}, {"end_session_endpoint", m.EndSession, false},
	} {
		err := p.checkEndpoint(one.value, reach)
		switch {
		case err == nil || !one.needed && one.value == "":
		case one.value == "":
			return &Flaw{Cure: cureMissing, cause: fmt.Errorf("its %s %w", one.name, err)}
		default:
			return &Flaw{Cure: cureDocument, cause: fmt.Errorf("its %s %w", one.name, err)}
		}
	}
	return nil
}

func (p *Provider) checkEndpoint(endpoint string, reach place) error {
	u, err := url.Parse(endpoint)
	switch {
	case endpoint == "":
		return errors.New("is missing")
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("is no URL of an endpoint")
	case u.Scheme != "https" && !plainHTTP(u, p.insecure):
		return errors.New("is not an https URL")
	case placeOfHost(u.Hostname()) > reach:
		return errInside
	}
	return nil
}

// safe are the algorithms that we take: none with a key that both sides have, and never none.
var safe = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

func isSafe(alg string) bool { return slices.Contains(safe, jose.SignatureAlgorithm(alg)) }
