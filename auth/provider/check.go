package provider

import (
	"context"
	"errors"
	"strings"
)

// Check asks whether the provider can be used: its discovery document names the issuer and leads nowhere it must not,
// and there is a key that we can use. Of a provider without such a document it is asked whether somebody is there.
func (p *Provider) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, finishTime)
	defer cancel()
	if p.kind.plain == nil {
		_, err := p.keys.get(ctx)
		return err
	}
	var ignored any
	err := getJSON(ctx, p.front, p.kind.plain.probe(p.spec.Issuer), "", &ignored)
	if status, ok := errors.AsType[*statusError](err); ok && status.kind() != Unavailable {
		return nil // a server that wants a token is there
	}
	return err
}

// Setup says what to type into which form of the provider, one sentence a line.
func (p *Provider) Setup() []string {
	return append(p.kind.setup(p),
		"The callback URL (redirect URI) is "+p.callback+", exactly.",
		"The scopes are "+strings.Join(p.spec.Scopes, " ")+".")
}
