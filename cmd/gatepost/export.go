package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

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
		&cli.BoolFlag{Name: "second-factors", Usage: "write the keys of authenticator apps, in the clear (json only)"},
		&cli.StringFlag{Name: targetSecretFlag, Usage: "better-auth only: `FILE` with Better Auth's secret, with which " +
			"the keys of authenticator apps are encrypted there; without it users with a second factor are left out"},
		&cli.BoolFlag{Name: "drop-second-factors", Usage: "better-auth only: write users whose second factor cannot be " +
			"written, without it"},
		&cli.BoolFlag{Name: "no-admin-plugin", Usage: "better-auth only: the database has no columns of Better Auth's " +
			"plugin admin; leave roles out, and with them whoever is disabled"}}}
}

func (p *process) export(ctx context.Context, c *cli.Command) error {
	w := bufio.NewWriter(p.stdout)
	var write func(importer.Exported) error
	keys := c.Bool("second-factors")
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
		if keys {
			return usagef("--second-factors goes with --format json only: for Better Auth say --%s FILE", targetSecretFlag)
		}
		sql := betterAuthExport{plain: c.Bool("no-admin-plugin"), dropFactors: c.Bool("drop-second-factors"),
			stderr: p.stderr}
		var err error
		if sql.secret, err = betterAuthSecret(c); err != nil {
			return err
		}
		keys = sql.secret != ""
		defer sql.tell(p)
		write = func(e importer.Exported) error { return sql.write(w, e) }
		if _, err := w.WriteString(importer.BetterAuthBegin); err != nil {
			return err
		}
	default:
		return usagef("--format takes json or better-auth, not %s", config.Quote(format))
	}
	err := p.withStore(ctx, func(s *auth.Store) error { return s.ExportAll(ctx, c.Bool("sessions"), keys, write) })
	if err == nil && c.String("format") == "better-auth" {
		_, err = w.WriteString(importer.BetterAuthEnd())
	}
	return errors.Join(err, w.Flush())
}

// betterAuthExport writes users for Better Auth, and counts what it cannot keep.
type betterAuthExport struct {
	plain                      bool // its database has no columns for roles and bans
	hashes, roles, disabledOut int

	secret                      string // of Better Auth; empty: no factor can be written
	dropFactors                 bool
	stderr                      io.Writer
	factorsDropped, factorsOver int
}

// targetSecretFlag names the file with the secret of the system that an export is for.
const targetSecretFlag = "target-secret-file"

// betterAuthSecret reads the one secret of an export; empty: there is none.
func betterAuthSecret(c *cli.Command) (string, error) {
	secrets, err := betterAuthSecrets(c, targetSecretFlag)
	if err != nil || len(secrets) == 0 {
		return "", err
	}
	line := secrets[0]
	if first, _, several := strings.Cut(line, ","); several && versioned.MatchString(line) {
		return first, nil // of BETTER_AUTH_SECRETS, the one that encrypts
	}
	return line, nil
}

// versioned is a list as BETTER_AUTH_SECRETS has it.
var versioned = regexp.MustCompile(`^\d+:[^,]+(,\s*\d+:[^,]+)*$`)

// factor writes the second factor of a user. Who has one that cannot be written is left out and named, unless it is to
// be dropped: there their password alone would let others in.
func (b *betterAuthExport) factor(e importer.Exported) (sql string, leftOut bool, err error) {
	if !e.SecondFactor {
		return "", false, nil
	}
	if e.TOTPSecret == "" && len(e.Passkeys) > 0 && e.Password == "" && len(e.Accounts) == 0 {
		return "", false, nil // passkeys are all that they have, there as here
	}
	why := errors.New("it needs --" + targetSecretFlag)
	switch {
	case e.TOTPSecret == "" && len(e.Passkeys) > 0:
		why = errors.New("no passkey is asked for at Better Auth after a password or a provider")
	case b.secret != "":
		why = errors.New("it is no authenticator app whose key can be read")
	}
	if e.TOTPSecret != "" {
		if sql, why = importer.BetterAuthFactorSQL(e, b.secret); why == nil {
			b.factorsOver++
			return sql, false, nil
		}
	}
	if b.dropFactors {
		b.factorsDropped++
		return "", false, nil
	}
	_, err = fmt.Fprintf(b.stderr, "%s (%s) is left out for the second factor: %v\n", printable(e.ID), printable(e.Email),
		why)
	return "", true, err
}

func (b *betterAuthExport) write(w *bufio.Writer, e importer.Exported) error {
	if e.ID == "" { // names of people who are gone, which Better Auth gives again
		return nil
	}
	factor, leftOut, err := b.factor(e)
	if err != nil || leftOut {
		return err
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
	_, err = w.WriteString(importer.BetterAuthSQL(e) + factor)
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
		{b.roles, "users are written without their roles"}, {b.disabledOut, "disabled users are left out"},
		{b.factorsOver, "users are written with their authenticator app"},
		{b.factorsDropped, "users are written without their second factor"}} {
		if t.n > 0 {
			_, _ = fmt.Fprintf(p.stderr, "%d %s\n", t.n, t.what)
		}
	}
}
