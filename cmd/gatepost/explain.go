package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/proxy"
)

func (p *process) explain(ctx context.Context, c *cli.Command) error {
	method, path := http.MethodGet, c.Args().First()
	switch c.Args().Len() {
	case 1:
	case 2:
		method, path = c.Args().Get(0), c.Args().Get(1)
	default:
		return usagef("gatepost explain takes a path, or a method and a path " +
			"(example: gatepost explain POST /api/items)")
	}
	if !strings.HasPrefix(path, "/") {
		return usagef("gatepost explain: %s does not start with / (example: gatepost explain GET /dashboard)",
			config.Quote(path))
	}
	config, err := config.Load(ctx, p.env)
	if err != nil {
		return err
	}
	return p.printExplanation(config, method, path)
}

func (p *process) printExplanation(c *config.Config, method, target string) error {
	path, _, _ := strings.Cut(target, "?")
	fmt.Fprintf(p.stdout, "%s %s\n\n", method, path)
	if !proxy.IsMethod(method) {
		fmt.Fprintf(p.stdout, "note: %s is none of the methods that HTTP has; rules with methods do not count for it.\n\n",
			printable(config.Quote(method)))
	}
	if status := proxy.Refused(method, target, append(c.Aliases, c.PublicURL)...); status != 0 {
		_, err := fmt.Fprintf(p.stdout, "Refused with %d %s, whoever asks: no browser sends this.\n", status,
			http.StatusText(status))
		return err
	}
	ui, err := c.UI(nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if ui.Owns(path) {
		_, err := fmt.Fprintln(p.stdout, "One of Gatepost's own pages; it never reaches the app.")
		return err
	}
	if err := p.printReadings(c.Rules, method, path); err != nil {
		return err
	}
	access := c.Rules.For(method, path)
	if access.Withheld {
		_, err := fmt.Fprintf(p.stdout, "\nNot found (404), whoever asks: some app could read this as a path below %s, "+
			"which is Gatepost's own.\n", config.APIAuth)
		return err
	}
	if err := p.printAnswers(access, c.Pages); err != nil {
		return err
	}
	if err := p.printForwardAuth(c); err != nil {
		return err
	}
	if err := p.printMaintenance(c.Maintenance); err != nil {
		return err
	}
	return p.printCookieless(access, method, path)
}

// printForwardAuth says what becomes of the request where another proxy forwards.
func (p *process) printForwardAuth(c *config.Config) error {
	if c.Settings.ForwardAuthListen == "" {
		return nil
	}
	_, err := fmt.Fprintf(p.stdout, "\nnote: a proxy that asks %s below /authz/ is told the same: 200 for what is "+
		"forwarded, and else the status\nabove; nginx is told 401 for a 303, and 403 for any other.\n",
		printable(c.Settings.ForwardAuthListen))
	if c.HasUpstream || err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, "There is no GATEPOST_UPSTREAM: who comes to GATEPOST_LISTEN gets 404 for this path.")
	return err
}

// printMaintenance says when nobody gets these answers now, because the site is closed.
func (p *process) printMaintenance(m config.Maintenance) error {
	if closed, _, err := m.Closed(); !closed {
		return err
	}
	but := "."
	if len(m.Roles) > 0 {
		but = ", but for role " + strings.Join(m.Roles, " or ") + "."
	}
	_, err := fmt.Fprintf(p.stdout, "\nnote: the site is closed for maintenance, so everybody gets 503 now%s\n", but)
	return err
}

// printCookieless says when nobody is signed in for a protected path, because browsers fetch it without cookies.
func (p *process) printCookieless(a proxy.Access, method, path string) error {
	kind, ok := proxy.FetchedWithoutCookies(path)
	if a.Public || !ok || !config.CleanPath(path) || method != http.MethodGet && method != http.MethodHead {
		return nil
	}
	_, err := fmt.Fprintf(p.stdout, "\nnote: this looks like %s: %s. So it is signed out for people who are signed in, "+
		"too.\nTo open it to everybody, add %s to GATEPOST_PUBLIC.\n", kind.What, kind.Why, proxy.OpenedBy(path))
	return err
}

func (p *process) printReadings(rules proxy.Rules, method, path string) error {
	findings, complete := rules.Explain(method, path)
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "MAY BE READ AS\tBECAUSE\tDECIDED BY\tNEEDS")
	for _, f := range findings {
		how, rule, needs := f.How, strings.Join(f.Rules, " and "), "nothing"
		if how == "" {
			how = "as sent"
		}
		if rule == "" {
			rule = "(no rule)"
		}
		if f.Protected {
			needs = "a signed-in user"
		}
		if len(f.Needs) > 0 {
			needs = f.Needs.String()
		}
		fmt.Fprintf(w, "%q\t%s\t%s\t%s\n", f.Path, how, rule, needs)
	}
	printUncounted(w, findings)
	if err := w.Flush(); err != nil || complete {
		return err
	}
	_, err := fmt.Fprintln(p.stdout,
		"… and more readings than are followed, so every rule that needs more than a user has to be met.")
	return err
}

// printUncounted prints, once for each rule and reason, why a rule matches a reading and does not decide it.
func printUncounted(w io.Writer, findings []proxy.Finding) {
	said := map[proxy.Uncounted]bool{}
	for _, f := range findings {
		for _, u := range f.Uncounted {
			if len(said) == 0 {
				fmt.Fprintln(w, "\nNOT COUNTED\tFOR\tBECAUSE")
			}
			if !said[u] {
				said[u] = true
				fmt.Fprintf(w, "%s\t%q\t%s\n", u.Rule, f.Path, u.Why)
			}
		}
	}
}

func (p *process) printAnswers(a proxy.Access, pages string) error {
	out := "forwarded"
	in := "forwarded, with identity headers"
	if !a.Public {
		out = "a browser is sent to " + pages + "/login (303); anything else gets 401"
	}
	if len(a.Needs) > 0 {
		in = "forwarded with " + a.Needs.String() + "; else " + a.Needs.Refusals()
	}
	if _, err := fmt.Fprintf(p.stdout, "\nsigned out: %s\nsigned in:  %s\n", out, in); err != nil || !a.Needs.AskProof() {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "            a user who has to prove who they are first is sent to "+
		"%s/account/confirm (303) where a browser loads a page;\n            anything else gets 401\n", pages)
	return err
}
