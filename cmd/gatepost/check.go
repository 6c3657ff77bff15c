package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/postgres"
	"github.com/gatepost/gatepost/internal/server"
	"github.com/gatepost/gatepost/proxy"
)

// check prints the settings in effect and tests what they need. Each fault is a line on stderr, behind all else.
func (p *process) check(ctx context.Context, cmd *cli.Command) error {
	c, err := config.Load(ctx, p.env)
	var list config.Faults
	list.Add(err)
	c.NeedUpstream(&list)
	if err := p.printSettings(c, cmd.Bool("all")); err != nil {
		return err
	}
	if len(list) > 0 {
		return list
	}
	for _, taken := range server.Taken(c) {
		p.note(taken)
	}
	list.Add(p.checkProviders(ctx, c))
	list.Add(c.Upstream.LeadsTo(ctx, c.Listeners()))
	if !c.HasUpstream {
		p.note("GATEPOST_UPSTREAM is not set: this gate serves its own pages alone, and your proxy forwards to the app " +
			"after asking " + c.Settings.ForwardAuthListen)
	} else if err := checkLiveUpstream(ctx, c); err != nil {
		list.Add(err)
	} else if len(list) == 0 {
		p.warnOfAppPages(ctx, c)
	}
	if c.Keys.None() && c.Settings.DatabaseURL != "" { // with the built-in PostgreSQL the gate makes a key
		p.note("users cannot add authenticator apps, as there is no GATEPOST_ENCRYPTION_KEY: `gatepost key new` makes one")
	}
	if c.Settings.DatabaseURL == "" {
		p.note("users are kept in the built-in PostgreSQL in " + c.DataDir + ", as DATABASE_URL is not set: back that " +
			"folder up, or name a PostgreSQL of yours")
	}
	list.Add(p.checkLiveDatabase(ctx, c))
	if c.Mail != nil {
		list.Add(c.Mail.Check(ctx))
	}
	list.Add(p.checkWebhook(ctx, c))
	if len(list) > 0 {
		return list
	}
	return p.conclude()
}

// conclude prints the last line of a check without faults. With warnings it does not say that everything is in
// order.
func (p *process) conclude() error {
	last := "Everything is in order."
	switch {
	case p.warnings == 1:
		last = "Nothing is wrong; 1 warning above."
	case p.warnings > 1:
		last = fmt.Sprintf("Nothing is wrong; %d warnings above.", p.warnings)
	}
	_, err := fmt.Fprintf(p.stdout, "\n%s\n", last)
	return err
}

// warn prints what is no fault and may not be what was meant.
func (p *process) warn(text string) {
	p.warnings++
	fmt.Fprintf(p.stdout, "\n%s %s.\n", p.paint(p.stdout, yellow, "warning:"), printable(text))
}

// note prints a hint.
func (p *process) note(text string) { fmt.Fprintf(p.stdout, "\nnote: %s.\n", printable(text)) }

// printSettings prints the settings in effect. Those without a value are many, and say nothing about this gate, so they
// are printed for who asks for all.
func (p *process) printSettings(c *config.Config, all bool) error {
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	c.Settings.DataDir = c.DataDir
	for _, s := range c.Settings.All() {
		if s.Value != "" || all {
			fmt.Fprintf(w, "%s\t%s\n", s.Name, shown(c, s))
		}
	}
	if !all {
		fmt.Fprintln(w, "\nSettings without a value are left out; `gatepost check --all` prints them too.")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return p.printRules(c)
}

// shown is what is printed of a setting.
func shown(c *config.Config, s config.Setting) string {
	switch {
	case s.Value == "":
		return "(not set)"
	case strings.HasSuffix(s.Name, "_CLIENT_ID") && config.MayBeKey(s.Value):
		return "(not shown, as it may be a secret)"
	case !s.Secret:
		return printable(s.Value)
	case s.Name == "GATEPOST_SMTP_URL" && c.Mail.HasPassword():
		return c.Mail.String() + " (password hidden)"
	case s.Name == "GATEPOST_SMTP_URL":
		return c.Mail.String()
	case s.Name == "GATEPOST_ENCRYPTION_KEY" && !c.Keys.None():
		return "(hidden; keys " + strings.Join(c.Keys.IDs(), ", ") + ")"
	case (s.Name == "GATEPOST_UPSTREAM_CA" || s.Name == "GATEPOST_UPSTREAM_CERT") &&
		config.DescribeCertificates(s.Value) != "":
		return printable(config.DescribeCertificates(s.Value))
	case s.Name == "GATEPOST_WEBHOOK_URL" && c.Webhook != nil:
		return c.Webhook.Host() + " (path hidden)"
	case strings.HasSuffix(s.Name, "DATABASE_URL"):
		return postgres.Describe(s.Value) + " (password hidden)"
	}
	return "(hidden)"
}

// printRules prints what each rule covers, with an example, and for public rules what their author may not have
// meant.
func (p *process) printRules(c *config.Config) error {
	fmt.Fprintf(p.stdout, "\nA path that no rule covers is public. Of the rules that cover a path, the longest decides.\n")
	rules := c.Rules.Describe()
	if slices.ContainsFunc(rules, func(d proxy.Description) bool { return strings.Contains(d.Prefix, "*") }) {
		fmt.Fprintf(p.stdout, "Before length counts how exact a rule is, segment by segment from the left: a whole name "+
			"before one with a * in it, and this before * alone.\n")
	}
	for _, d := range rules {
		kind := "protected"
		if d.Public {
			kind = "public   "
		}
		fmt.Fprintf(p.stdout, "  %s  %s\n             %s\n", kind, printable(d.Rule), printable(d.Covers))
		if d.Example != "" {
			fmt.Fprintf(p.stdout, "             for example, %s\n", printable(d.Example))
		}
	}
	p.printOwnPages(c)
	for _, doubt := range append(c.Rules.Doubts(), c.Doubts()...) {
		p.warn(doubt)
	}
	return nil
}

// printOwnPages prints which rules name a page of the gate's. They decide about paths of the app's below it, and
// not about the page.
func (p *process) printOwnPages(c *config.Config) {
	ui, err := c.UI(nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return // a fault of other settings, which is reported anyway
	}
	for _, d := range c.Rules.Describe() {
		if ui.Owns(d.Prefix) && !strings.HasPrefix(d.Prefix, "/.gatepost/") { // which is a fault
			p.note(fmt.Sprintf("%s is one of Gatepost's own pages, which rule %q does not decide; "+
				"if your app has one too, move ours with GATEPOST_PAGES",
				d.Prefix, d.Rule))
		}
	}
}

// checkLiveUpstream asks the app for its home page.
func checkLiveUpstream(ctx context.Context, c *config.Config) error {
	err := c.Upstream.Speak(ctx, c.PublicURL, "gatepost-check")
	var away proxy.AwayError
	switch {
	case errors.As(err, &away):
		return fmt.Errorf("GATEPOST_UPSTREAM: nothing answers at %s: %w; start the app, or correct the address",
			c.Upstream, away.Cause)
	case err != nil:
		return fmt.Errorf("GATEPOST_UPSTREAM: %s: %w", c.Upstream, err)
	}
	return nil
}
