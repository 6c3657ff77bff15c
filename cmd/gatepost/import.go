package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/internal/config"
)

func (p *process) importCommand() *cli.Command {
	cmd := &cli.Command{Name: "import", Usage: "bring over the users of another system; it can be run again",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "wrap-weak",
			Usage: "after an import: put argon2id over hashes that are quickly guessed, so that none rests in the database"}},
		Action: p.wrapWeak}
	for _, s := range p.importSources() {
		cmd.Commands = append(cmd.Commands, &cli.Command{Name: s.name, Usage: s.usage, ArgsUsage: s.args,
			Flags: append(s.flags, importFlags()...), Action: func(ctx context.Context, c *cli.Command) error {
				if c.Bool("wrap-weak") {
					return usagef("--wrap-weak is a run of its own: import first, then say gatepost import --wrap-weak")
				}
				from, err := s.read(ctx, c)
				if err != nil {
					return err
				}
				return p.importFrom(ctx, c, from)
			}})
	}
	return cmd
}

// importFlags are those of every source.
func importFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: "tell what would happen, and change nothing"},
		&cli.StringFlag{Name: "report", Usage: "write a line of JSON into `FILE` for each user who is not as before"},
		&cli.BoolFlag{Name: "drop-second-factors",
			Usage: "bring over people whose second factor cannot be brought over, without it"},
		&cli.BoolFlag{Name: "drop-passwords",
			Usage: "bring over people whose password cannot be verified here, without it: they choose a new one by mail"},
		&cli.BoolFlag{Name: "webhooks", Usage: "tell the app of each user by a webhook; otherwise of none"},
		&cli.StringSliceFlag{Name: "issuer", Usage: "`NAME=URL`: whose accounts those of a provider are that the source " +
			"knows by a name of its own"},
		&cli.BoolFlag{Name: "json", Usage: "print the counts as JSON"},
	}
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
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return errWrapStopped
		}
		return err
	})
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
			Webhooks: c.Bool("webhooks"), Report: report, Progress: progress.at})
		progress.end()
		if err == nil || counts.Read > 0 { // else they say nothing
			if printed := p.printCounts(c, counts); err == nil {
				err = printed
			}
		}
		switch {
		case errors.Is(err, context.Canceled) && ctx.Err() != nil && c.Bool("dry-run"):
			return errDryStopped
		case errors.Is(err, context.Canceled) && ctx.Err() != nil:
			return errStopped
		case err != nil && counts.Any() && !c.Bool("dry-run"):
			return fmt.Errorf("%w (what was brought over up to then stays, and the same command goes on)", err)
		case err != nil:
			return err
		case !counts.Whole():
			return errLeftOut
		}
		return nil
	})
	return done(err)
}

// errLeftOut is the outcome of an import that has brought over all that it could, and not everybody.
var errLeftOut = errors.New("not everything was brought over: see the lines above, or the report")

// errStopped is the outcome of an import that somebody has stopped.
var errStopped = errors.New("the import was stopped: what was brought over up to then stays, and the same command " +
	"goes on")

// errDryStopped is the same of one that changes nothing.
var errDryStopped = errors.New("the dry run was stopped: nothing was changed")

// errWrapStopped is the same of a run that wraps hashes.
var errWrapStopped = errors.New("the run was stopped: the hashes that were wrapped stay so, and the same command " +
	"goes on")

// openReport returns the function that writes lines of the report, into the file or to the terminal, and one that ends
// it, which adds what went wrong to the import's error.
func (p *process) openReport(c *cli.Command) (report func(importer.Line) error, done func(error) error, err error) {
	name := c.String("report")
	if name == "" {
		return p.tellLine, func(err error) error { return err }, nil
	}
	if err := notRead(c, name); err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // addresses are nobody else's business
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = usagef("%s --report: cannot write %s: %w", c.FullName(), config.Quote(name), pathErr.Err)
	}
	if err != nil {
		return nil, nil, err
	}
	w := bufio.NewWriter(file)
	e := json.NewEncoder(w)
	return func(l importer.Line) error { return e.Encode(l) }, func(err error) error {
		for _, failed := range []error{w.Flush(), file.Close()} {
			if failed != nil && !errors.Is(err, failed) { // a line may have failed so already
				err = errors.Join(err, fmt.Errorf("write the report: %w", failed))
			}
		}
		return err
	}, nil
}

// notRead fails if the report would be written over a file that the import reads.
func notRead(c *cli.Command, report string) error {
	there, err := os.Stat(report)
	if err != nil { // whoever opens it says what is wrong
		return nil
	}
	for _, name := range []string{c.Args().First(), c.String("api"), c.String("hashes"), c.String(secretFlag)} {
		if read, err := os.Stat(name); err == nil && os.SameFile(there, read) {
			return usagef("%s --report: %s is read by this import, and would be emptied: name another file", c.FullName(),
				config.Quote(report))
		}
	}
	return nil
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
		"%d fields in conflict; %d with a second factor, %d brought over with it, %d passkeys, %d passwords taken; "+
		"%d sessions brought over, %d ended\n", n.Read, n.Created, n.Changed, n.Unchanged, n.Deleted, n.Refused,
		n.Conflicts, n.SecondFactors, n.SecondFactorsBrought, n.Passkeys, n.Barred, n.Sessions, n.Ended)
	return err
}
