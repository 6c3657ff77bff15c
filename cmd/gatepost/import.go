package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/internal/config"
)

// fromName is the environment variable with the address of a source, which has a password in it.
const fromName = "GATEPOST_IMPORT_FROM"

// makeSource makes a source as the words of a command say.
type makeSource func(context.Context, *cli.Command) (importer.Source, error)

func (p *process) importCommand() *cli.Command {
	common := []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: "tell what would happen, and change nothing"},
		&cli.StringFlag{Name: "report", Usage: "write a line of JSON into `FILE` for each user who is not as before"},
		&cli.BoolFlag{Name: "drop-second-factors", Usage: "bring over people with a second factor, without it"},
		&cli.BoolFlag{Name: "drop-passwords",
			Usage: "bring over people whose password cannot be verified here, without it: they choose a new one by mail"},
		&cli.StringSliceFlag{Name: "issuer", Usage: "`NAME=URL`: whose accounts those of a provider are that the source " +
			"knows by a name of its own"},
		&cli.BoolFlag{Name: "json", Usage: "print the counts as JSON"},
	}
	database := []cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "`URL` of the source's PostgreSQL, which is only read; better in the " +
			"environment variable " + fromName},
		&cli.StringFlag{Name: "schema", Usage: "`SCHEMA` of its tables (default: found by itself)"},
		&cli.StringSliceFlag{Name: "table", Usage: "`USUAL=NAME`: a table that has another name there"},
		&cli.StringSliceFlag{Name: "column", Usage: "`TABLE.USUAL=NAME`: a column that has another name there"},
	}
	source := func(name, usage, args string, flags []cli.Flag, make makeSource) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: args, Flags: append(flags, common...),
			Action: func(ctx context.Context, c *cli.Command) error {
				from, err := make(ctx, c)
				if err != nil {
					return err
				}
				return p.importFrom(ctx, c, from)
			}}
	}
	return &cli.Command{Name: "import", Usage: "bring over the users of another system, again and again if need be",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "wrap-weak",
			Usage: "after an import: put argon2id over hashes that are quickly guessed, so that none rests in the database"}},
		Action: p.wrapWeak,
		Commands: []*cli.Command{
			source("better-auth", "from the database of Better Auth", "", database, func(ctx context.Context,
				c *cli.Command) (importer.Source, error) {
				d, err := p.databaseOf(ctx, c)
				return importer.BetterAuth{Database: d}, err
			}),
			source("authjs", "from the database of Auth.js (NextAuth)", "", database, func(ctx context.Context,
				c *cli.Command) (importer.Source, error) {
				d, err := p.databaseOf(ctx, c)
				return importer.AuthJS{Database: d}, err
			}),
			source("supabase", "from the database of Supabase", "", database, func(ctx context.Context,
				c *cli.Command) (importer.Source, error) {
				d, err := p.databaseOf(ctx, c)
				return importer.Supabase{Database: d}, err
			}),
			source("clerk", "from the file that Clerk's dashboard exports", "FILE.csv", []cli.Flag{&cli.StringFlag{Name: "api",
				Usage: "`FILE` with the users as Clerk's API returns them, for what the export lacks"}},
				func(ctx context.Context, c *cli.Command) (importer.Source, error) {
					file, issuers, err := fileOf(c)
					return importer.Clerk{File: file, API: c.String("api"), Issuers: issuers}, err
				}),
			source("auth0", "from the lines of JSON that Auth0 exports", "FILE.ndjson", []cli.Flag{&cli.StringFlag{
				Name: "hashes", Usage: "`FILE` with the hashes, which Auth0's support hands out"}},
				func(ctx context.Context, c *cli.Command) (importer.Source, error) {
					file, issuers, err := fileOf(c)
					return importer.Auth0{File: file, Hashes: c.String("hashes"), Issuers: issuers}, err
				}),
			source("csv", "from a CSV file of any other system", "FILE", named(), func(_ context.Context,
				c *cli.Command) (importer.Source, error) {
				file, issuers, err := fileOf(c)
				return importer.CSV{File: file, Issuers: issuers, From: c.String("name")}, err
			}),
			source("json", "from lines of JSON, as gatepost export writes them", "FILE", named(),
				func(ctx context.Context, c *cli.Command) (importer.Source, error) {
					file, issuers, err := fileOf(c)
					return importer.JSON{File: file, Issuers: issuers, From: c.String("name")}, err
				}),
		}}
}

func (p *process) wrapWeak(ctx context.Context, c *cli.Command) error {
	if !c.Bool("wrap-weak") {
		return usagef("%s needs a source: %s (see `%[1]s --help`)", c.FullName(), oneOf(visible(c)))
	}
	return p.withStore(ctx, func(s *auth.Store) error {
		progress := p.newProgress("hashes")
		n, err := s.WrapWeak(ctx, progress.at)
		progress.end()
		if _, printed := fmt.Fprintf(p.stdout, "%d hashes wrapped\n", n); err == nil {
			err = printed
		}
		return err
	})
}

func named() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "name",
		Usage: "`NAME` of the system, if there are several: ids are remembered by it"}}
}

// databaseOf reads the flags of a source that is a database.
func (p *process) databaseOf(ctx context.Context, c *cli.Command) (d importer.Database, err error) {
	if c.Args().Len() > 0 {
		return d, usagef("%s takes no argument: say --from postgres://…", c.FullName())
	}
	d = importer.Database{URL: c.String("from"), Schema: c.String("schema")}
	if d.URL == "" {
		settings, faults := config.Read(ctx, p.env)
		if err := faults.OrNil(); err != nil {
			return d, err
		}
		d.URL = settings.ImportFrom
	}
	if d.URL == "" {
		return d, usagef("%s needs the address of the source: say --from postgres://…, or set %s", c.FullName(), fromName)
	}
	var err1, err2, err3 error
	d.Tables, err1 = pairs(c, "table")
	d.Columns, err2 = pairs(c, "column")
	d.Issuers, err3 = pairs(c, "issuer")
	return d, errors.Join(err1, err2, err3)
}

// fileOf reads the argument of a source that is a file.
func fileOf(c *cli.Command) (file string, issuers map[string]string, err error) {
	if c.Args().Len() != 1 {
		return "", nil, usagef("%s takes one argument, a file", c.FullName())
	}
	issuers, err = pairs(c, "issuer")
	return c.Args().First(), issuers, err
}

// pairs reads a flag that may be given several times, each time as NAME=VALUE.
func pairs(c *cli.Command, flag string) (map[string]string, error) {
	m := map[string]string{}
	for _, s := range c.StringSlice(flag) {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" || value == "" {
			return nil, usagef("--%s takes NAME=VALUE, not %s", flag, config.Quote(s))
		}
		m[name] = value
	}
	return m, nil
}

// importFrom imports, and prints what became of how many. With anybody left out it fails.
func (p *process) importFrom(ctx context.Context, c *cli.Command, from importer.Source) error {
	report, done, err := p.openReport(c)
	if err != nil {
		return err
	}
	err = p.withStore(ctx, func(s *auth.Store) error {
		progress := p.newProgress("users")
		counts, err := s.Import(ctx, from, importer.Options{DryRun: c.Bool("dry-run"),
			DropSecondFactors: c.Bool("drop-second-factors"), DropPasswords: c.Bool("drop-passwords"),
			Report: report, Progress: progress.at})
		progress.end()
		if printed := p.printCounts(c, counts); err == nil {
			err = printed
		}
		switch {
		case err != nil:
			return fmt.Errorf("%w (what was brought over up to then stays, and the same command goes on)", err)
		case !counts.Whole():
			return errLeftOut
		}
		return nil
	})
	return errors.Join(err, done())
}

// errLeftOut is the outcome of an import that has brought over all that it could, and not everybody.
var errLeftOut = errors.New("not everything was brought over: see the lines above, or the report")

// openReport returns the function that writes lines of the report, into the file or to the terminal.
func (p *process) openReport(c *cli.Command) (report func(importer.Line) error, done func() error, err error) {
	name := c.String("report")
	if name == "" {
		return p.tellLine, func() error { return nil }, nil
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // addresses are nobody else's business
	if err != nil {
		return nil, nil, err
	}
	w := bufio.NewWriter(file)
	e := json.NewEncoder(w)
	return func(l importer.Line) error { return e.Encode(l) },
		func() error { return errors.Join(w.Flush(), file.Close()) }, nil
}

// tellLine prints a line about somebody who could not be taken, or a field that was kept.
func (p *process) tellLine(l importer.Line) error {
	if l.Result == importer.Created || l.Result == importer.Changed {
		return nil
	}
	who := l.ID
	for _, more := range []string{l.Email, l.Where} {
		if more != "" {
			who += " (" + more + ")"
		}
	}
	_, err := fmt.Fprintln(p.stderr, printable(strings.Join(strings.Fields(fmt.Sprintf("%s: %s %s %s", l.Result, who,
		l.Field, l.Reason)), " ")))
	return err
}

func (p *process) printCounts(c *cli.Command, n importer.Counts) error {
	if c.Bool("json") {
		return p.printJSON(n)
	}
	_, err := fmt.Fprintf(p.stdout, "%d users read: %d created, %d changed, %d unchanged, %d deleted here, %d refused; "+
		"%d fields in conflict; %d with a second factor; %d sessions brought over, %d ended\n", n.Read, n.Created, n.Changed,
		n.Unchanged, n.Deleted, n.Refused, n.Conflicts, n.SecondFactors, n.Sessions, n.Ended)
	return err
}

// progress shows on a terminal how far an import is.
type progress struct {
	of      string    // what is counted
	to      io.Writer // nil: it is no terminal
	began   time.Time
	printed time.Time
}

func (p *process) newProgress(of string) *progress {
	now := time.Now()
	if f, ok := p.stderr.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &progress{of, f, now, now}
		}
	}
	return &progress{of, nil, now, now}
}

func (p *progress) at(read, total int64) {
	if p.to == nil || time.Since(p.printed) < time.Second/5 {
		return
	}
	p.printed = time.Now()
	left := ""
	if total > read && read > 0 {
		left = fmt.Sprintf(" of %d, %s left", total, (time.Since(p.began) *
			time.Duration(total-read) / time.Duration(read)).Round(time.Second))
	}
	fmt.Fprintf(p.to, "\r%d %s%s\x1b[K", read, p.of, left)
}

func (p *progress) end() {
	if p.to != nil {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
