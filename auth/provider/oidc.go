package provider

// openid is any OpenID provider: what stands in its discovery document is all there is to know about it.
var openid = kind{
	elsewhere: true,
	scopes:    []string{"openid", "email", "profile"},
	asksAge:   true,
	consents:  true,
	setup: func(p *Provider) []string {
		return []string{"At the provider, register a confidential client for the authorization code flow, with PKCE S256."}
	},
}
