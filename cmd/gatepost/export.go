package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/internal/config"
)

func (p *process) exportCommand() *cli.Command {
	return &cli.Command{Name: "export", Usage: "write all users to standard output, with their hashes: keep it as you " +
		"keep the database", Action: p.export, Flags: []cli.Flag{
		&cli.StringFlag{Name: "format", Value: "json", Usage: "`FORMAT`: json, which gatepost import json reads, or " +
			"better-auth, as SQL"},
		&cli.BoolFlag{Name: "sessions", Usage: "write sessions, too (json only)"},
		&cli.BoolFlag{Name: "no-admin-plugin", Usage: "better-auth only: the database has no columns of Better Auth's " +
			"plugin admin; leave roles out, and with them whoever is disabled"}}}
}

func (p *process) export(ctx context.Context, c *cli.Command) error {
	w := bufio.NewWriter(p.stdout)
	var write func(importer.Exported) error
	switch format := c.String("format"); format {
	case "json":
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false)
		write = func(e importer.Exported) error { return lines.Encode(e) }
	case "better-auth":
		if c.Bool("sessions") {
			return usagef("--sessions goes with --format json only: Better Auth keeps tokens, of which there are only " +
				"hashes here")
		}
		sql := betterAuthExport{plain: c.Bool("no-admin-plugin")}
		defer sql.tell(p)
		write = func(e importer.Exported) error { return sql.write(w, e) }
		if _, err := w.WriteString(importer.BetterAuthBegin); err != nil {
			return err
		}
	default:
		return usagef("--format takes json or better-auth, not %s", config.Quote(format))
	}
	err := p.withStore(ctx, func(s *auth.Store) error { return s.ExportAll(ctx, c.Bool("sessions"), write) })
	if err == nil && c.String("format") == "better-auth" {
		_, err = w.WriteString(importer.BetterAuthEnd())
	}
	return errors.Join(err, w.Flush())
}

// betterAuthExport writes users for Better Auth, and counts what it cannot keep.
type betterAuthExport struct {
	plain                      bool // its database has no columns for roles and bans
	hashes, roles, disabledOut int
}

func (b *betterAuthExport) write(w *bufio.Writer, e importer.Exported) error {
	if e.ID == "" { // names of people who are gone, which Better Auth gives again
		return nil
	}
	if b.plain {
		if e.Disabled {
			b.disabledOut++
			return nil
		}
		if !slices.Equal(e.Roles, []string{"user"}) {
			b.roles++
			e.Roles = []string{"user"}
		}
	}
	if e.Password != "" && !betterAuthHash.MatchString(e.Password) {
		b.hashes++
	}
	_, err := w.WriteString(importer.BetterAuthSQL(e))
	return err
}

// betterAuthHash is what Better Auth verifies by itself: a salt and a key of scrypt.
var betterAuthHash = regexp.MustCompile(`^[0-9a-f]{32}:[0-9a-f]{128}$`)

// tell says on standard error what Better Auth will not have.
func (b *betterAuthExport) tell(p *process) {
	for _, t := range []struct {
		n    int
		what string
	}{{b.hashes, "passwords are in another form than Better Auth's own: it verifies them only as " +
		"docs/move-in/out.md says"},
		{b.roles, "users are written without their roles"}, {b.disabledOut, "disabled users are left out"}} {
		if t.n > 0 {
			_, _ = fmt.Fprintf(p.stderr, "%d %s\n", t.n, t.what)
		}
	}
}
