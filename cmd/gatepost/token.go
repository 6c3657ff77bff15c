package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/config"
)

func (p *process) tokenCommands() *cli.Command {
	asJSON := &cli.BoolFlag{Name: "json", Usage: "print JSON"}
	return &cli.Command{
		Name: "token", Usage: "make, list and revoke API tokens, with which programs act for users",
		Commands: []*cli.Command{
			{Name: "create", Usage: "make an API token for a user or a service account, and print it once",
				ArgsUsage: "EMAIL|ID", Action: p.tokenCreate, Flags: []cli.Flag{asJSON,
					&cli.StringFlag{Name: "name", Usage: "the `NAME` by which it is recognised (needed)"},
					&cli.StringFlag{Name: "expires", Value: "90d",
						Usage: "how `LONG` it counts, like 30d or 12h, or never where GATEPOST_TOKENS_FOREVER allows that"},
					&cli.StringFlag{Name: "rules",
						Usage: "narrow it to `RULES` like \"GET /api, /git\" (default: all of GATEPOST_TOKENS)"},
					&cli.StringFlag{Name: "role",
						Usage: "narrow it to `ROLES` of the user, comma-separated (default: all that the user has)"},
				}},
			{Name: "list", Usage: "list the API tokens of a user, or all", ArgsUsage: "[EMAIL|ID]", Action: p.tokenList,
				Flags: []cli.Flag{asJSON}},
			{Name: "revoke", Usage: "end an API token for good", ArgsUsage: "TOKEN-ID", Action: p.tokenRevoke,
				Flags: []cli.Flag{asJSON}},
		},
	}
}

// tokenJSON is an API token for scripts.
type tokenJSON struct {
	ID        string     `json:"id"`
	UserID    string     `json:"userId"`
	Email     string     `json:"email"`
	Name      string     `json:"name"`
	Begins    string     `json:"begins"` // how the token begins
	Rules     string     `json:"rules"`  // empty: all of GATEPOST_TOKENS
	Roles     []string   `json:"roles"`  // null: all that the user has
	Level     int        `json:"level"`
	CreatedBy string     `json:"createdBy"` // empty: the user
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt"` // null: never
	Expired   bool       `json:"expired"`
	UsedAt    *time.Time `json:"usedAt"` // null: never
	UsedFrom  string     `json:"usedFrom"`
	Token     string     `json:"token,omitempty"` // shown only this once
}

func newTokenJSON(o auth.OwnedAPIToken) tokenJSON {
	j := tokenJSON{ID: o.ID, UserID: o.UserID, Email: o.Email, Name: o.Name, Begins: o.Hint, Rules: o.Rules,
		Level: o.Level, CreatedBy: o.CreatedBy, CreatedAt: o.CreatedAt.UTC(), Expired: o.Ended, UsedFrom: o.UsedFrom,
		ExpiresAt: utc(o.ExpiresAt), UsedAt: utc(o.UsedAt)}
	if !o.AllRoles {
		j.Roles = append([]string{}, o.Roles...)
	}
	return j
}

// utc is a time for JSON; nil: it is zero.
func utc(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (p *process) tokenCreate(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 || c.String("name") == "" {
		return usagef("gatepost token create takes an e-mail address or an id, and a name (example: gatepost token create " +
			"ada@example.com --name backup)")
	}
	n := auth.NewAPIToken{Name: c.String("name"), Rules: c.String("rules")}
	var err error
	if n.Lifetime, err = parseLifetime(c.String("expires")); err != nil {
		return err
	}
	if c.IsSet("role") {
		if n.Roles, err = parseRoles(c.String("role")); err != nil {
			return err
		}
		n.Narrowed = true
	}
	return p.withTokenUser(ctx, c.Args().First(), func(s *auth.Store, u session.User) error {
		made, err := s.MakeAPITokenOf(ctx, u.ID, n)
		if err != nil {
			return explainToken(err, n, u)
		}
		if config.Lookup(p.env, "GATEPOST_TOKENS") == "" {
			fmt.Fprintln(p.stderr, "gatepost: GATEPOST_TOKENS is not set here; a gate without it takes no API tokens")
		}
		if err := p.printMade(c, u, made); err != nil { // nobody has seen it
			return errors.Join(err, s.RevokeAPITokenOf(context.WithoutCancel(ctx), made.ID))
		}
		return nil
	})
}

func (p *process) printMade(c *cli.Command, u session.User, made auth.MadeAPIToken) error {
	j := newTokenJSON(auth.OwnedAPIToken{APIToken: made.APIToken, UserID: u.ID, Email: u.Email})
	j.Token = string(made.Secret)
	if c.Bool("json") {
		return p.printJSON(j)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "id\t%s\nuser\t%s\nname\t%s\nrules\t%s\nroles\t%s\nexpires\t%s\ntoken\t%s  (shown only now)\n",
		printable(j.ID), printable(j.Email), printable(j.Name), printable(orAll(j.Rules)), printable(rolesOf(made.APIToken)),
		date(made.ExpiresAt), j.Token)
	return w.Flush()
}

// parseLifetime reads a duration, which may have days, or never as 0.
func parseLifetime(s string) (time.Duration, error) {
	if s == "never" {
		return 0, nil
	}
	written := s
	if days, ok := strings.CutSuffix(s, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		if err == nil && d > 0 && d <= auth.APITokenLongest/24 {
			return 24 * d, nil
		}
	} else if d, err := time.ParseDuration(s); err == nil && d > 0 && d <= auth.APITokenLongest {
		return d, nil
	}
	return 0, usagef("--expires %s is not how long a token counts: write it like 90d or 12h, at most %dd, or never",
		config.Quote(written), int(auth.APITokenLongest.Hours()/24))
}

// explainToken turns what is wrong with a new token into a sentence.
func explainToken(err error, n auth.NewAPIToken, u session.User) error {
	var input auth.InputError
	switch {
	case errors.Is(err, auth.ErrManyTokens):
		return fmt.Errorf("%s has %d API tokens, which is as many as fit: revoke one first (see `gatepost token list`)",
			u.Email, auth.APITokensMost)
	case !errors.As(err, &input):
		return err
	}
	switch f := input[0]; f.Field {
	case "rules":
		return fmt.Errorf("--rules %s are no rules like GET /api, /git", config.Quote(n.Rules))
	case "roles":
		return fmt.Errorf("--role %s: a token has no role that %s does not have (%s)",
			config.Quote(strings.Join(n.Roles, ",")), u.Email, strings.Join(u.Roles, ", "))
	case "days":
		return errors.New("--expires never needs GATEPOST_TOKENS_FOREVER=true")
	}
	return explainInput(err, map[string]string{"name": n.Name})
}

// withTokenUser finds the user of a token.
func (p *process) withTokenUser(ctx context.Context, emailOrID string, f func(*auth.Store, session.User) error) error {
	return p.withStore(ctx, func(s *auth.Store) error {
		u, err := s.FindUser(ctx, emailOrID)
		if errors.Is(err, auth.ErrNoUser) {
			return fmt.Errorf("there is no user %s (see `gatepost user list`)", config.Quote(emailOrID))
		}
		if err != nil {
			return err
		}
		return f(s, u)
	})
}

func (p *process) tokenList(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() > 1 {
		return usagef("gatepost token list takes one argument at most, an e-mail address or an id")
	}
	print := func(s *auth.Store, userID string) error {
		list, err := s.APITokensOf(ctx, userID)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			out := []tokenJSON{}
			for _, o := range list {
				out = append(out, newTokenJSON(o))
			}
			return p.printJSON(out)
		}
		if len(list) == 0 && isTerminal(p.stdout) {
			_, err := fmt.Fprintln(p.stdout, "There are no API tokens.")
			return err
		}
		w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tUSER\tNAME\tBEGINS\tRULES\tROLES\tCREATED\tEXPIRES\tUSED")
		for _, o := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printable(o.ID), printable(o.Email), printable(o.Name),
				printable(o.Hint), printable(orAll(o.Rules)), printable(rolesOf(o.APIToken)),
				o.CreatedAt.UTC().Format(time.DateOnly), expiry(o.APIToken), date(o.UsedAt))
		}
		return w.Flush()
	}
	if !c.Args().Present() {
		return p.withStore(ctx, func(s *auth.Store) error { return print(s, "") })
	}
	return p.withTokenUser(ctx, c.Args().First(), func(s *auth.Store, u session.User) error { return print(s, u.ID) })
}

func (p *process) tokenRevoke(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("gatepost token revoke takes the id of a token, which `gatepost token list` shows")
	}
	id := c.Args().First()
	return p.withStore(ctx, func(s *auth.Store) error {
		err := s.RevokeAPITokenOf(ctx, id)
		if errors.Is(err, auth.ErrNoToken) {
			return errors.New("there is no API token with this id (see `gatepost token list`)") // it may be the token itself
		}
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return p.printJSON(map[string]string{"revoked": id})
		}
		_, err = fmt.Fprintf(p.stdout, "revoked %s\n", printable(id))
		return err
	})
}

func orAll(rules string) string {
	if rules == "" {
		return "(all)"
	}
	return rules
}

func rolesOf(a auth.APIToken) string {
	switch {
	case a.AllRoles:
		return "(all)"
	case len(a.Roles) == 0:
		return "(none)"
	}
	return strings.Join(a.Roles, ",")
}

func expiry(a auth.APIToken) string {
	if a.Ended {
		return "expired"
	}
	return date(a.ExpiresAt)
}

func date(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.DateOnly)
}
