package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/postgres"
	"github.com/gatepost/gatepost/internal/server"
)

func (p *process) userCommands() *cli.Command {
	asJSON := &cli.BoolFlag{Name: "json", Usage: "print JSON"}
	one := func(name, usage string, act userAction) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: "EMAIL|ID",
			Flags: []cli.Flag{asJSON}, Action: p.onUser(act)}
	}
	return &cli.Command{
		Name: "user", Usage: "look at and change users",
		Commands: []*cli.Command{
			{Name: "list", Usage: "list all users", Flags: []cli.Flag{asJSON}, Action: p.userList},
			one("show", "show a user", func(context.Context, *auth.Store, session.User) (string, error) {
				return "", nil
			}),
			{Name: "create", Usage: "make a user, or a service account without an address", ArgsUsage: "[EMAIL]",
				Action: p.userCreate, Flags: []cli.Flag{asJSON,
					&cli.StringFlag{Name: "name", Usage: "the user's `NAME`"},
					&cli.StringFlag{Name: "username", Usage: "the user's `USERNAME` for apps; also a reserved one"},
					&cli.StringFlag{Name: "role", Usage: "`ROLES`, comma-separated (default: user)"},
					&cli.BoolFlag{Name: "service",
						Usage: "make a service account: programs act for it by API tokens, and nobody can log in as it"},
					&cli.BoolFlag{Name: "password-stdin",
						Usage: "read the password from the first line of standard input; otherwise one is made and " +
							"printed once"},
				}},
			{Name: "invite", Usage: "mail somebody an invitation to make an account", ArgsUsage: "EMAIL",
				Action: p.userInvite, Flags: []cli.Flag{asJSON,
					&cli.StringFlag{Name: "role", Usage: "`ROLES` of the account, comma-separated (default: user)"},
					&cli.StringFlag{Name: "language", Usage: "`LANGUAGE` of the mail (default: the first)"},
					&cli.BoolFlag{Name: "link", Usage: "print a link to hand over instead; always so without " +
						"GATEPOST_SMTP_URL"},
				}},
			{Name: "reset-link", Usage: "print a link with which a user can choose a new password",
				ArgsUsage: "EMAIL|ID", Action: p.userResetLink, Flags: []cli.Flag{asJSON}},
			{Name: "set-role", Usage: "replace a user's roles", ArgsUsage: "EMAIL|ID ROLE[,ROLE]",
				Flags: []cli.Flag{asJSON}, Action: p.userSetRole},
			{Name: "set-username", Usage: "give a user another username for apps, also a reserved one; '' for none",
				ArgsUsage: "EMAIL|ID USERNAME", Flags: []cli.Flag{asJSON}, Action: p.userSetUsername},
			one("disable", "bar a user from signing in, and sign them out", func(ctx context.Context, s *auth.Store,
				u session.User) (string, error) {
				return "disabled " + u.Email, s.Disable(ctx, u.ID)
			}),
			one("enable", "let a disabled user sign in again", func(ctx context.Context, s *auth.Store,
				u session.User) (string, error) {
				return "enabled " + u.Email, s.Enable(ctx, u.ID)
			}),
			one("delete", "remove a user and their sessions for good", func(ctx context.Context, s *auth.Store,
				u session.User) (string, error) {
				return "deleted " + u.Email, s.DeleteUser(ctx, u.ID)
			}),
			one("reset-factors", "switch the second factor of a user off who has lost it", resetFactors),
			{Name: "sign-out", Usage: "end all sessions of a user", ArgsUsage: "EMAIL|ID", Action: p.userSignOut,
				Flags: []cli.Flag{asJSON, &cli.BoolFlag{Name: "tokens", Usage: "and revoke all API tokens of the user"}}},
		},
	}
}

func resetFactors(ctx context.Context, s *auth.Store, u session.User) (string, error) {
	err := s.ResetFactors(ctx, u.ID)
	if errors.Is(err, auth.ErrNoFactor) {
		return "", fmt.Errorf("%s has no second factor", u.Email)
	}
	return fmt.Sprintf("%s logs in without a second factor now, and is signed out everywhere", u.Email), err
}

// userAction acts on a user and returns a sentence about it. When that is empty, the user is printed instead.
type userAction func(context.Context, *auth.Store, session.User) (said string, err error)

// onUser is a command that acts on the user whom its argument names.
func (p *process) onUser(act userAction) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		if c.Args().Len() != 1 {
			return usagef("%s takes one argument, an e-mail address or an id (example: %[1]s ada@example.com)", c.FullName())
		}
		return p.withUser(ctx, c, act)
	}
}

// withUser finds the user whom the first argument names, acts on them and prints the result.
func (p *process) withUser(ctx context.Context, c *cli.Command, act userAction) error {
	return p.withStore(ctx, func(s *auth.Store) error {
		u, err := s.FindUser(ctx, c.Args().First())
		if errors.Is(err, auth.ErrNoUser) {
			return fmt.Errorf("there is no user %s (see `gatepost user list`)", config.Quote(c.Args().First()))
		}
		if err != nil {
			return err
		}
		said, err := act(ctx, s, u)
		if err != nil {
			return err
		}
		if now, err := s.UserByID(ctx, u.ID); err == nil {
			u = now // as the user is after the change; a deleted user as before
		}
		if said != "" && !c.Bool("json") {
			_, err := fmt.Fprintln(p.stdout, printable(said))
			return err
		}
		return p.printUser(c, u, "")
	})
}

func (p *process) userSetRole(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 2 {
		return usagef("gatepost user set-role takes an e-mail address or an id, and the roles, comma-separated (example: " +
			"gatepost user set-role ada@example.com editor,admin)")
	}
	roles, err := parseRoles(c.Args().Get(1))
	if err != nil {
		return err
	}
	return p.withUser(ctx, c, func(ctx context.Context, s *auth.Store, u session.User) (string, error) {
		return fmt.Sprintf("%s now has %s", u.Email, strings.Join(roles, ", ")), s.SetRoles(ctx, u.ID, roles)
	})
}

func parseRoles(s string) ([]string, error) {
	var roles []string
	for r := range strings.SplitSeq(s, ",") {
		if r = strings.TrimSpace(r); !session.ValidRole(r) {
			return nil, usagef("%s is not a role: use letters, digits and _ . : - (example: editor,admin)", config.Quote(r))
		}
		roles = append(roles, r)
	}
	return roles, nil
}

func (p *process) userList(ctx context.Context, c *cli.Command) error {
	return p.withStore(ctx, func(s *auth.Store) error {
		if c.Bool("json") {
			list := []userJSON{}
			if err := s.Users(ctx, func(u session.User) error {
				list = append(list, newUserJSON(u, ""))
				return nil
			}); err != nil {
				return err
			}
			return p.printJSON(list)
		}
		w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "EMAIL\tNAME\tUSERNAME\tROLES\tCLAIMED\tSTATE\tCREATED\tID")
		err := s.Users(ctx, func(u session.User) error {
			_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printable(u.Email), printable(u.Name),
				printable(u.Username), printable(strings.Join(u.Roles, ",")),
				printable(strings.Join(u.ClaimedRoles, ",")), state(u),
				u.CreatedAt.UTC().Format(time.DateOnly), printable(u.ID))
			return err
		})
		return errors.Join(err, w.Flush())
	})
}

func state(u session.User) string {
	switch {
	case !u.DisabledAt.IsZero():
		return "disabled"
	case u.PasswordLocked:
		return "locked"
	}
	return "active"
}

func (p *process) userCreate(ctx context.Context, c *cli.Command) error {
	if c.Bool("service") {
		return p.serviceCreate(ctx, c)
	}
	if c.Args().Len() != 1 {
		return usagef("gatepost user create takes one argument, an e-mail address (example: gatepost user create " +
			"ada@example.com)")
	}
	u := auth.NewUser{Email: c.Args().First(), Name: c.String("name"), Username: c.String("username")}
	if c.IsSet("role") {
		roles, err := parseRoles(c.String("role"))
		if err != nil {
			return err
		}
		u.Roles = roles
	}
	made := ""
	if c.Bool("password-stdin") {
		line, err := bufio.NewReader(p.stdin).ReadString('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("read the password: %w", err)
		}
		u.Password = secret.Password(strings.TrimRight(line, "\r\n"))
	} else {
		made = rand.Text()
		u.Password = secret.Password(made)
	}
	return p.withStore(ctx, func(s *auth.Store) error {
		created, err := s.CreateUser(ctx, u)
		if err != nil {
			return explainInput(err, map[string]string{"email": u.Email, "name": u.Name, "username": u.Username})
		}
		return p.printUser(c, created, made)
	})
}

// userJSON is a user for scripts.
type userJSON struct {
	ID            string     `json:"id"`
	Email         string     `json:"email"`
	EmailVerified bool       `json:"emailVerified"`
	Name          string     `json:"name"`
	Username      string     `json:"username"`       // empty: none
	Chosen        bool       `json:"usernameChosen"` // by the user, and not by an operator
	Roles         []string   `json:"roles"`          // of the user's row
	ClaimedRoles  []string   `json:"claimedRoles"`   // of providers, which count beside them
	DisabledAt    *time.Time `json:"disabledAt"`
	Locked        bool       `json:"locked"`
	SecondFactor  bool       `json:"secondFactor"`   // a login takes one
	Copied        int        `json:"copiedPasskeys"` // of which there may be a copy
	CreatedAt     time.Time  `json:"createdAt"`
	UpdatedAt     time.Time  `json:"updatedAt"`
	Password      string     `json:"password,omitempty"` // a generated password, shown only this once
}

func newUserJSON(u session.User, password string) userJSON {
	j := userJSON{ID: u.ID, Email: u.Email, EmailVerified: u.EmailVerified, Name: u.Name,
		Username: u.Username, Chosen: u.UsernameChosen, Roles: u.Roles,
		ClaimedRoles: u.ClaimedRoles, Locked: u.PasswordLocked, SecondFactor: u.SecondFactor, Copied: u.CopiedPasskeys,
		CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(), Password: password}
	if j.Roles == nil {
		j.Roles = []string{}
	}
	if j.ClaimedRoles == nil {
		j.ClaimedRoles = []string{}
	}
	if !u.DisabledAt.IsZero() {
		at := u.DisabledAt.UTC()
		j.DisabledAt = &at
	}
	return j
}

func (p *process) printUser(c *cli.Command, u session.User, password string) error {
	if c.Bool("json") {
		return p.printJSON(newUserJSON(u, password))
	}
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "id\t%s\nemail\t%s\nverified\t%t\nname\t%s\nusername\t%s\nroles\t%s\nclaimed\t%s\nstate\t%s\n"+
		"second factor\t%t\ncreated\t%s\n", printable(u.ID), printable(u.Email),
		u.EmailVerified, printable(u.Name), printable(username(u)), printable(strings.Join(u.Roles, ",")),
		printable(strings.Join(u.ClaimedRoles, ",")), state(u), u.SecondFactor,
		u.CreatedAt.UTC().Format(time.RFC3339))
	if u.CopiedPasskeys > 0 {
		fmt.Fprintf(w, "copied\t%d of the passkeys, perhaps\n", u.CopiedPasskeys)
	}
	if password != "" {
		fmt.Fprintf(w, "password\t%s  (shown only now)\n", password)
	}
	return w.Flush()
}

func (p *process) printJSON(v any) error {
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// withStore runs f on a store whose database is up to date.
func (p *process) withStore(ctx context.Context, f func(*auth.Store) error) error {
	return p.withDatabase(ctx, func(c *config.Config, db *postgres.Database) error {
		if err := postgres.Check(ctx, c, db); err != nil {
			return err
		}
		if err := c.OpenKeys(false); err != nil {
			return err
		}
		pool, err := postgres.OpenPool(ctx, db)
		if err != nil {
			return err
		}
		defer pool.Close()
		// A command's changes to users are always logged, as the audit table may be off.
		c.LogLevel = min(c.LogLevel, slog.LevelInfo)
		log, shown := p.answerFirst()
		defer shown()
		options := c.StoreOptions(server.NewLogger(c, log), nil)
		options.Actor = p.actor()
		if c.Deliver != nil {
			options.Send = sentByTheGate
		}
		store := auth.New(pool, options)
		defer store.Close()
		return f(store)
	})
}

// sentByTheGate is the sender in commands, which only write mail into the outbox.
func sentByTheGate(context.Context, mail.Mail) error { return errors.New("mail is sent by the gate") }
