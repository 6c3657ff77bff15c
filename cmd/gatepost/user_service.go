package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

// serviceCreate makes a service account, whose address is made of its id.
func (p *process) serviceCreate(ctx context.Context, c *cli.Command) error {
	if c.Args().Present() || c.Bool("password-stdin") {
		return usagef("gatepost user create --service takes no address and no password (example: gatepost user create " +
			"--service --name deploy)")
	}
	n := auth.NewService{Name: c.String("name"), Username: c.String("username")}
	if c.IsSet("role") {
		roles, err := parseRoles(c.String("role"))
		if err != nil {
			return err
		}
		n.Roles = roles
	}
	return p.withStore(ctx, func(s *auth.Store) error {
		created, err := s.CreateService(ctx, n)
		if err != nil {
			return explainInput(err, map[string]string{"name": n.Name, "username": n.Username})
		}
		if err := p.printUser(c, created, ""); err != nil { // nobody knows its id
			return errors.Join(err, s.DeleteUser(context.WithoutCancel(ctx), created.ID))
		}
		return nil
	})
}

func (p *process) userSignOut(ctx context.Context, c *cli.Command) error {
	return p.onUser(func(ctx context.Context, s *auth.Store, u session.User) (string, error) {
		n, err := s.EndSessions(ctx, u.ID)
		said := fmt.Sprintf("signed %s out of %d sessions", u.Email, n)
		if err != nil || !c.Bool("tokens") {
			return said, err
		}
		tokens, err := s.RevokeAPITokensOf(ctx, u.ID)
		return said + fmt.Sprintf(" and revoked %d API tokens", tokens), err
	})(ctx, c)
}
