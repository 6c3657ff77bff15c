package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// The answers that leave a setting out.
const (
	builtIn = "built-in" // no DATABASE_URL
	noName  = "none"     // no GATEPOST_APP_NAME
)

func (p *process) initCommand() *cli.Command {
	return &cli.Command{Name: "init", Action: p.init,
		Usage: "ask for the settings that a gate needs, try each answer, and write them to a file", Flags: []cli.Flag{
			&cli.StringFlag{Name: "upstream",
				Usage: "where your app listens, such as http://localhost:3000; asked for if left out"},
			&cli.StringFlag{Name: "protect", Usage: "the paths that need a login, such as /dashboard; asked for if left out"},
			&cli.StringFlag{Name: "database", Usage: "the URL of your PostgreSQL, or " + builtIn + "; asked for if left out"},
			&cli.StringFlag{Name: "name",
				Usage: "the name of your site, or " + noName + "; asked for only where another question is"},
			&cli.StringFlag{Name: "file", Usage: "the file to write", Value: "gatepost.env"},
			&cli.BoolFlag{Name: "force", Usage: "replace the file if there is one"},
			&cli.BoolFlag{Name: "untested", Usage: "do not try whether the app and PostgreSQL answer"},
		}}
}

// question is one setting that init asks for.
type question struct {
	flag, setting, words, usual string
	without                     string // the answer that leaves the setting out
	optional                    bool   // asked for only beside other questions; no answer is one
	// try says what is wrong with an answer. It may print what is good to know of one that is right.
	try func(context.Context, *config.Config) error
}

// init asks, tries and writes.
func (p *process) init(ctx context.Context, cmd *cli.Command) error {
	file := cmd.String("file")
	if _, err := os.Lstat(file); err == nil && !cmd.Bool("force") {
		return fmt.Errorf("%s is there already: --force replaces it, --file names another", file)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %s to write %s in", filepath.Dir(file), filepath.Base(file))
	}
	lines := bufio.NewReader(p.stdin)
	answers, asked := newAnswers(p.env), false
	for _, q := range p.questions(cmd.Bool("untested")) {
		var err error
		switch {
		case cmd.IsSet(q.flag):
			err = answers.take(ctx, q, cmd.String(q.flag))
		case asked || !q.optional:
			asked = true
			err = p.ask(ctx, lines, q, answers)
		}
		if err != nil {
			return err
		}
	}
	if err := answers.write(file, cmd.Bool("force")); err != nil {
		return err
	}
	shell := quotedForShell(file)
	if !strings.Contains(file, "/") {
		shell = "./" + shell
	}
	_, err := fmt.Fprintf(p.stdout, `
%s is written. Next, load it into the environment and start the gate:

    set -a; . %s; set +a
    %[3]s serve

Then open http://localhost:8080, not the address of your app. All settings are in docs/settings.md; `+"`%[3]s check`"+`
says what is wrong with yours.
`, file, shell, quotedForShell(p.name))
	return err
}

func (p *process) questions(untested bool) []question {
	return []question{
		{flag: "upstream", setting: "GATEPOST_UPSTREAM", words: "Where does your app listen?",
			usual: "http://localhost:3000",
			try: func(ctx context.Context, c *config.Config) error {
				if untested {
					return nil
				}
				return checkLiveUpstream(ctx, c)
			}},
		{flag: "protect", setting: "GATEPOST_PROTECT", usual: "/dashboard",
			words: "Which paths need a login? Put commas between them; / is everything.",
			try: func(_ context.Context, c *config.Config) error {
				for _, d := range c.Rules.Describe() {
					fmt.Fprintf(p.stdout, "  The rule %s covers %s.\n", printable(d.Rule), printable(d.Covers))
					if d.Example != "" {
						fmt.Fprintf(p.stdout, "  For example, %s.\n", printable(d.Example))
					}
				}
				if c.Rules.For("GET", "/").Public {
					fmt.Fprintln(p.stdout, "  All other paths are public.")
				}
				return nil
			}},
		{flag: "database", setting: "DATABASE_URL", words: "Which PostgreSQL keeps your users? Its URL, " +
			"postgres://user:password@host/database, or " + builtIn + ": the gate runs one of its own, for trying it out.",
			usual: builtIn, without: builtIn,
			try: func(ctx context.Context, c *config.Config) error {
				if untested {
					return nil
				}
				ahead, err := p.foresee(ctx, c)
				if err == nil {
					p.noteAhead(ahead)
				}
				return err
			}},
		{flag: "name", setting: "GATEPOST_APP_NAME", words: "What is your site called? The login page shows the " +
			"name, or your site's address if you give none.",
			usual: noName, without: noName, optional: true,
			try: func(context.Context, *config.Config) error { return nil }},
	}
}

// ask asks until an answer is right or kept as it is, or there is no more.
func (p *process) ask(ctx context.Context, lines *bufio.Reader, q question, a *answers) error {
	for {
		line, err := p.prompt(ctx, lines, fmt.Sprintf("%s [%s] ", q.words, q.usual))
		if errors.Is(err, io.EOF) && q.optional {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("there is no more input: give the answer as --%s", q.flag)
		}
		if err != nil {
			return err
		}
		answer := cmp.Or(line, q.usual)
		fault := a.take(ctx, q, answer)
		if fault == nil || errors.Is(fault, context.Canceled) {
			return fault
		}
		fmt.Fprintln(p.stdout, " ", printableLines(fault.Error()))
		if errors.As(fault, new(untriedError)) {
			line, err := p.prompt(ctx, lines, "  Use it all the same? y or n [n] ")
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if strings.HasPrefix(strings.ToLower(line), "y") {
				q.try = func(context.Context, *config.Config) error { return nil }
				return a.take(ctx, q, answer)
			}
		}
	}
}

// prompt returns the line that is typed, without the blanks around it. It fails with io.EOF when there is none, and
// when the command is to end.
func (p *process) prompt(ctx context.Context, lines *bufio.Reader, words string) (string, error) {
	fmt.Fprint(p.stdout, words)
	type typed struct {
		line string
		err  error
	}
	got := make(chan typed, 1)
	// Reading from a terminal cannot be broken off; the command ends without it.
	go upkeep.Watch{}.Run(context.WithoutCancel(ctx), "read an answer", func(context.Context) {
		line, err := lines.ReadString('\n')
		if line != "" {
			err = nil
		}
		got <- typed{strings.TrimSpace(line), err}
	})
	select {
	case t := <-got:
		if t.err != nil {
			fmt.Fprintln(p.stdout)
		}
		return t.line, t.err
	case <-ctx.Done():
		fmt.Fprintln(p.stdout)
		return "", errInitStopped
	}
}

// errInitStopped is the outcome of an init that was interrupted.
var errInitStopped = errors.New("stopped: nothing is written")

// untriedError says that an answer is well formed, and that what it names does not answer.
type untriedError struct{ error }

func (e untriedError) Unwrap() error { return e.error }

// answers are the settings so far, in the order of the questions.
type answers struct{ env, given []string }

// newAnswers takes of the environment what is about this machine: settings of another gate are not meant.
func newAnswers(env []string) *answers {
	return &answers{env: slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return name == "DATABASE_URL" || name == "PORT" || strings.HasPrefix(name, "GATEPOST_") &&
			name != "GATEPOST_DATA_DIR" && name != "GATEPOST_POSTGRES_BIN"
	})}
}

// take adds an answer that is right.
func (a *answers) take(ctx context.Context, q question, answer string) error {
	if q.setting == "GATEPOST_UPSTREAM" {
		answer = asURL(answer)
	}
	given := a.given
	if answer == "" || answer != q.without {
		given = append(slices.Clone(given), q.setting+"="+answer)
	}
	c, err := config.Load(ctx, append(slices.Clone(a.env), given...))
	var list config.Faults
	list.Add(err)
	c.NeedUpstream(&list)
	if len(list) > 0 {
		return list
	}
	if err := q.try(ctx, c); err != nil {
		return untriedError{err}
	}
	a.given = given
	return nil
}

// asURL puts http:// before an address as localhost:3000, and the host before one as :3000.
func asURL(address string) string {
	host, err := config.CheckAddress("", address)
	switch {
	case err != nil: // a URL, or nothing that can be mended
		return address
	case host == "":
		return "http://localhost" + address
	}
	return "http://" + address
}

// write makes the file, which only its owner can read: the address of a database may hold a password.
func (a *answers) write(file string, force bool) error {
	var text strings.Builder
	text.WriteString("# Settings of Gatepost. docs/settings.md has all of them.\n")
	for _, entry := range a.given {
		name, value, _ := strings.Cut(entry, "=")
		text.WriteString(name + "=" + quotedForShell(value) + "\n")
	}
	if force {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text.String())
	return errors.Join(err, f.Close())
}

// quotedForShell writes a value so that a shell, systemd and Docker read the same: Docker keeps quotation marks, which
// the gate then leaves out.
func quotedForShell(value string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_./:@%+,=-", r)
	}
	switch {
	case value != "" && strings.IndexFunc(value, func(r rune) bool { return !plain(r) }) < 0:
		return value
	case !strings.Contains(value, "'"):
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(value) + `"`
}
