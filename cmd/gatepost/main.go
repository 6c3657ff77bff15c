// Command gatepost is a gate in front of a web app. It signs users up and in, keeps them and their sessions in
// PostgreSQL, forwards only what the rules allow, and tells the app who is signed in. Settings come from the
// environment; `gatepost check` prints them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/spelling"
)

func main() {
	runtime.MemProfileRate = 0 // samples of memory cost time; GATEPOST_PROFILING turns them on
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args, os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error in the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// process is the environment and the streams of a command.
type process struct {
	name           string // as it was called
	env            []string
	stdin          io.Reader
	stdout, stderr io.Writer
	warnings       int // number of warnings that check has printed
}

// run runs the program and returns its exit code. args[0] is the program's name.
func run(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &process{name: args[0], env: env, stdin: stdin, stdout: stdout, stderr: stderr}
	err := p.commands().Run(ctx, args)
	var usage usageError
	var list config.Faults
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		p.fault(err)
		return exitUsage
	case errors.As(err, &list):
		for _, fault := range list {
			p.fault(fault)
		}
		return exitFailed
	}
	p.fault(err)
	return exitFailed
}

// fault prints what is wrong. It stands last, behind all else that a command prints.
func (p *process) fault(err error) {
	fmt.Fprintln(p.stderr, p.paint(p.stderr, red, "gatepost:"), printableLines(err.Error()))
}

func (p *process) commands() *cli.Command {
	root := &cli.Command{
		Name:  "gatepost",
		Usage: "login, sessions and protected paths in front of any web app",
		Description: "Settings come from the environment; docs/settings.md explains them and `gatepost check` " +
			"prints them.",
		Action:                p.serve,
		EnableShellCompletion: true,
		Commands: []*cli.Command{
			{Name: "serve", Usage: "run the gate (the default)", Action: p.serve},
			{Name: "demo", Usage: "run the gate in front of a sample app, on a PostgreSQL of its own", Action: p.demo},
			{Name: "check", Action: p.check,
				Usage: "print the settings in effect and the rules, and test the app, the database and what else they name",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "all", Usage: "print the settings that have no value as well"}}},
			{Name: "explain", Usage: "say who may open a path, and which rule decides",
				ArgsUsage: "[METHOD] PATH", Action: p.explain},
			p.initCommand(),
			{Name: "preset", Usage: "print what to set at the gate and at a known app; without a name, list the apps",
				ArgsUsage: "[NAME]", Action: p.preset},
			p.previewCommand(),
			p.doctorCommand(),
			{Name: "health", Usage: "ask the running gate whether it is ready, for container platforms",
				Action: p.health},
			{Name: "migrate", Usage: "bring the database up to date", Action: p.migrate, Commands: []*cli.Command{
				{Name: "status", Usage: "list the migrations", Action: p.migrateStatus},
			}},
			p.userCommands(),
			p.tokenCommands(),
			p.importCommand(),
			p.exportCommand(),
			{Name: "key", Usage: "keys for GATEPOST_ENCRYPTION_KEY, and for the signed identity", Commands: []*cli.Command{
				{Name: "new", Usage: "print a new key, which is a secret", Action: p.newKey},
				{Name: "rotate", Usage: "seal with the first key what others of the keys have sealed, beside running gates",
					Action: p.rotateKeys, Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"},
						&cli.BoolFlag{Name: "assertion", Usage: "publish the next key that signs the assertion, instead"}}},
				{Name: "list", Usage: "list the keys that sign the assertion", Action: p.listKeys,
					Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}}},
				{Name: "revoke", Usage: "revoke a key that signs the assertion, at once", ArgsUsage: "ID", Action: p.revokeKey},
			}},
			p.webhookCommands(),
			p.breachedCommand(),
			{Name: hashWorkerName, Usage: "hash passwords for the gate that started this process", ArgsUsage: "[shed]",
				Hidden: true, Action: p.hashWorker},
			{Name: "man", Usage: "print the manual page", Action: p.man, Hidden: true},
			{Name: "version", Usage: "print version, commit and Go version", Action: p.version},
		},
	}
	p.prepare(root)
	return root
}

// prepare gives each command the streams of the process and strict usage: an unknown word or flag is an error, and
// runs no other command.
func (p *process) prepare(c *cli.Command) {
	c.Reader, c.Writer, c.ErrWriter = p.stdin, p.stdout, p.stderr
	c.HideHelpCommand, c.HideVersion = true, true
	c.ExitErrHandler = func(context.Context, *cli.Command, error) {}
	c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error {
		return usagef("%s: %s (see `%[1]s --help`)", c.FullName(), wrongFlag(c, err))
	}
	if c.Action == nil {
		c.Action = func(_ context.Context, c *cli.Command) error {
			return usagef("%s needs a command: %s (see `%[1]s --help`)", c.FullName(), oneOf(visible(c)))
		}
	}
	if action := c.Action; c.ArgsUsage == "" {
		c.Action = func(ctx context.Context, c *cli.Command) error {
			if c.Args().First() == "help" && len(visible(c)) > 0 {
				return p.help(c)
			}
			if c.Args().Present() {
				return unknownWord(c)
			}
			return action(ctx, c)
		}
	}
	for _, sub := range c.Commands {
		p.prepare(sub)
	}
}

// help is --help in other words: gatepost help user create is gatepost user create --help. It has a context of its own,
// since that of a command makes every other one a command below it.
func (p *process) help(c *cli.Command) error {
	words := c.Args().Tail()
	of := p.commands()
	for _, word := range slices.Concat(c.Path()[1:], words) {
		if of = of.Command(word); of == nil || of.Hidden {
			return usagef("%s has no help about %s (see `%[1]s --help`)", c.FullName(), config.Quote(word))
		}
	}
	return p.commands().Run(context.Background(), slices.Concat(c.Path(), words, []string{"--help"}))
}

// wrongFlag is the error in the flags of a command line. It quotes no value, as the library does: a value may be a
// password, also one in the place of a flag.
func wrongFlag(c *cli.Command, err error) string {
	said := err.Error()
	if name, ok := strings.CutPrefix(said, "flag provided but not defined: -"); ok {
		return unknownFlag(c, strings.TrimPrefix(name, "-"))
	}
	if strings.Contains(said, "value") { // for example: invalid value "…", could not parse "…" as bool value
		return "a flag has a value that it does not take"
	}
	return said
}

func unknownFlag(c *cli.Command, name string) string {
	if !flagName.MatchString(name) {
		return "there is a flag that is not defined"
	}
	var names []string
	for _, f := range c.VisibleFlags() {
		names = append(names, f.Names()...)
	}
	if near, ok := spelling.Near(name, names); ok {
		return fmt.Sprintf("the flag --%s is not defined; did you mean --%s?", name, near)
	}
	return fmt.Sprintf("the flag --%s is not defined", name)
}

var flagName = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

func unknownWord(c *cli.Command) error {
	word, names := c.Args().First(), visible(c)
	if len(names) == 0 {
		return usagef("%s takes no argument %s (see `%[1]s --help`)", c.FullName(), config.Quote(word))
	}
	if near, ok := spelling.Near(word, names); ok {
		return usagef("%s has no command %s; did you mean %q? (see `%[1]s --help`)", c.FullName(),
			config.Quote(word), near)
	}
	return usagef("%s has no command %s; it has %s (see `%[1]s --help`)", c.FullName(), config.Quote(word),
		oneOf(names))
}

// visible are the names of the commands of a command.
func visible(c *cli.Command) (names []string) {
	for _, sub := range c.VisibleCommands() {
		names = append(names, sub.Name)
	}
	return names
}

// oneOf lists words as in "list, show or create". It must not be empty.
func oneOf(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// version is set by release builds: -ldflags "-X main.version=v1.2.3".
var version = "dev"

// builtFrom is the commit, set by release builds, as Go does not record it there.
var builtFrom string

// commit is the commit that the binary was built from.
func commit() string {
	if builtFrom != "" {
		return builtFrom
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

func (p *process) version(context.Context, *cli.Command) error {
	_, err := fmt.Fprintf(p.stdout, "gatepost %s\ncommit %s\n%s %s/%s\n", version, commit(), runtime.Version(),
		runtime.GOOS, runtime.GOARCH)
	return err
}
