package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/config"
)

// linkJSON is a link for scripts. Whoever has the link can use it.
type linkJSON struct {
	Email string `json:"email"`
	Link  string `json:"link,omitempty"` // empty when it was mailed
}

// userResetLink prints the link that a mail to reset a password would have.
func (p *process) userResetLink(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("%s takes one argument, an e-mail address or an id (example: %[1]s ada@example.com)", c.FullName())
	}
	return p.withStore(ctx, func(s *auth.Store) error {
		u, err := s.FindUser(ctx, c.Args().First())
		if errors.Is(err, auth.ErrNoUser) {
			return fmt.Errorf("there is no user %s (see `gatepost user list`)", config.Quote(c.Args().First()))
		}
		if err != nil {
			return err
		}
		token, err := s.ResetLink(ctx, u.ID)
		if errors.Is(err, auth.ErrNoUser) {
			return fmt.Errorf("%s is disabled, and could not log in with a new password: run `gatepost user enable "+
				"%[1]s` first", u.Email)
		}
		if errors.Is(err, auth.ErrService) {
			return fmt.Errorf("%s is a service account, and nobody logs in as it: make an API token for it (see `gatepost "+
				"token create --help`)", u.Email)
		}
		if err != nil {
			return err
		}
		return p.printLink(ctx, c, u.Email, mail.ForReset, token, "for one hour, and once")
	})
}

func (p *process) userInvite(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("%s takes one argument, an e-mail address (example: %[1]s ada@example.com)", c.FullName())
	}
	i := auth.Invitation{Email: c.Args().First(), Language: c.String("language")}
	if c.IsSet("role") {
		var err error
		if i.Roles, err = parseRoles(c.String("role")); err != nil {
			return err
		}
	}
	settings, err := config.Load(ctx, p.env)
	if err != nil {
		return err
	}
	written := map[string]string{"email": i.Email}
	return p.withStore(ctx, func(s *auth.Store) error {
		email, err := auth.CanonicalEmail(i.Email)
		if err != nil {
			return explainInput(err, written)
		}
		if settings.Deliver == nil || c.Bool("link") {
			token, err := s.InvitationLink(ctx, i)
			if err != nil {
				return explainInput(err, written)
			}
			return p.printLink(ctx, c, email, mail.ForInvite, token, "for 7 days, and once")
		}
		ui, err := settings.UI(nil, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		if i.Language != "" && !ui.Speaks(i.Language) {
			return fmt.Errorf("--language: there is no mail in %s (see GATEPOST_LANGUAGES)", config.Quote(i.Language))
		}
		if err := s.Invite(ctx, i); err != nil {
			return explainInput(err, written)
		}
		if c.Bool("json") {
			return p.printJSON(linkJSON{Email: email})
		}
		_, err = fmt.Fprintf(p.stdout, "an invitation to %s is on its way; the running gate sends it\n", email)
		return err
	})
}

func (p *process) printLink(ctx context.Context, c *cli.Command, email string, purpose mail.Purpose,
	token secret.Token, works string) error {
	settings, err := config.Load(ctx, p.env)
	if err != nil {
		return err
	}
	ui, err := settings.UI(nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	link := ui.LinkURL(purpose, token)
	if c.Bool("json") {
		return p.printJSON(linkJSON{email, link})
	}
	_, err = fmt.Fprintf(p.stdout, "%s\n  works %s; give it to nobody but %s\n", link, works, printable(email))
	return err
}
