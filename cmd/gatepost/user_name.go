package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

func (p *process) userSetUsername(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 2 {
		return usagef("gatepost user set-username takes an e-mail address or an id, and the username (example: " +
			"gatepost user set-username ada@example.com ada)")
	}
	name := c.Args().Get(1)
	return p.withUser(ctx, c, func(ctx context.Context, s *auth.Store, u session.User) (string, error) {
		said := u.Email + " has no username now"
		if name != "" {
			said = u.Email + " is now " + strings.ToLower(strings.TrimSpace(name))
		}
		return said, explainInput(s.SetUsername(ctx, u.ID, name), map[string]string{"username": name})
	})
}

// username says who gave it.
func username(u session.User) string {
	if u.UsernameChosen {
		return u.Username + " (chosen)"
	}
	return u.Username
}
