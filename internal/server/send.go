package server

import (
	"context"

	"github.com/gatepost/gatepost/auth/mail"
)

// send composes a mail and delivers it.
func (g *gate) send(ctx context.Context, m mail.Mail) error {
	letter, err := g.ui.Load().Compose(m)
	if err != nil {
		return err
	}
	return (*g.deliver.Load())(ctx, letter)
}
