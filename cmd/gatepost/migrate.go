package main

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/postgres"
	"github.com/gatepost/gatepost/internal/server"
	"github.com/gatepost/gatepost/migrations"
)

func (p *process) migrate(ctx context.Context, _ *cli.Command) error {
	return p.withConn(ctx, func(conn *pgx.Conn) error {
		tell := server.Seldom{Every: server.TellEvery}
		n, err := migrations.Set{Waits: func(w migrations.Wait) {
			if tell.Due() {
				fmt.Fprintf(p.stderr, "gatepost: %s\n", w)
			}
		}}.Up(ctx, conn)
		if err != nil {
			return err
		}
		if n == 0 {
			_, err = fmt.Fprintln(p.stdout, "The database is up to date.")
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "Applied %d migrations.\n", n)
		return err
	})
}

func (p *process) migrateStatus(ctx context.Context, _ *cli.Command) error {
	return p.withConn(ctx, func(conn *pgx.Conn) error {
		list, err := migrations.Status(ctx, conn)
		if err != nil {
			return err
		}
		return printMigrations(p.stdout, list)
	})
}

func printMigrations(w io.Writer, list []migrations.Migration) error {
	for _, m := range list {
		state := "pending"
		if m.Applied {
			state = "applied"
		}
		if _, err := fmt.Fprintf(w, "%04d  %-8s %s\n", m.Version, state, m.Name); err != nil {
			return err
		}
	}
	return nil
}

// withConn runs f on a connection for migrations.
func (p *process) withConn(ctx context.Context, f func(*pgx.Conn) error) error {
	return p.withDatabase(ctx, func(_ *config.Config, db *postgres.Database) error {
		db.Warned = func(note string) { fmt.Fprintln(p.stdout, "note:", note) }
		conn, err := db.Connect(ctx)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		return f(conn)
	})
}

// withDatabase runs a short command on the configured database.
func (p *process) withDatabase(ctx context.Context, f func(*config.Config, *postgres.Database) error) error {
	c, err := config.Load(ctx, p.env)
	if err != nil {
		return err
	}
	db, err := postgres.Open(ctx, c, false)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(c, db)
}
