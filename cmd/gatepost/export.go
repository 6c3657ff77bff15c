package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/internal/config"
)

func (p *process) exportCommand() *cli.Command {
	return &cli.Command{Name: "export", Usage: "write all users to standard output, with their hashes: keep it as you keep " +
		"the database", Action: p.export, Flags: []cli.Flag{
		&cli.StringFlag{Name: "format", Value: "json", Usage: "`FORMAT`: json, which gatepost import json reads, or " +
			"better-auth, as SQL"},
		&cli.BoolFlag{Name: "sessions", Usage: "write sessions, too (json only)"}}}
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
		write = func(e importer.Exported) error { _, err := w.WriteString(importer.BetterAuthSQL(e)); return err }
		if _, err := fmt.Fprintln(w, "BEGIN;"); err != nil {
			return err
		}
	default:
		return usagef("--format takes json or better-auth, not %s", config.Quote(format))
	}
	err := p.withStore(ctx, func(s *auth.Store) error { return s.ExportAll(ctx, c.Bool("sessions"), write) })
	if err == nil && c.String("format") == "better-auth" {
		_, err = fmt.Fprintln(w, "COMMIT;")
	}
	return errors.Join(err, w.Flush())
}
