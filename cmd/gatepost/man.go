package main

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v3"
)

// man prints the manual page, in the macros of man(7).
func (p *process) man(_ context.Context, c *cli.Command) error {
	var page strings.Builder
	root := c.Root()
	fmt.Fprintf(&page, ".TH GATEPOST 1 \"\" \"Gatepost %s\" \"User Commands\"\n", roff(version))
	fmt.Fprintf(&page, ".SH NAME\n%s \\- %s\n", root.Name, roff(root.Usage))
	fmt.Fprintf(&page, ".SH SYNOPSIS\n.B %s\n[\\fICOMMAND\\fR] [\\fIOPTIONS\\fR]\n", root.Name)
	fmt.Fprintf(&page, ".SH DESCRIPTION\n%s\n.SH COMMANDS\n", roff(root.Description))
	manCommands(&page, root, root.Name)
	page.WriteString(".SH EXIT STATUS\n0: done. 1: failed, with a sentence for each fault. " +
		"2: the command was not understood.\n.SH FILES\n.TP\n.I /etc/gatepost/env\n" +
		"settings, where the gate was installed as a package\n")
	_, err := p.stdout.Write([]byte(page.String()))
	return err
}

// manCommands describes the commands below one, and theirs.
func manCommands(page *strings.Builder, c *cli.Command, name string) {
	for _, sub := range c.VisibleCommands() {
		full := name + " " + sub.Name
		if len(sub.Commands) == 0 || sub.Action == nil || sub.ArgsUsage != "" {
			fmt.Fprintf(page, ".TP\n.B %s %s\n%s\n", roff(full), roff(sub.ArgsUsage), roff(sub.Usage))
		}
		for _, flag := range sub.VisibleFlags() {
			if f, ok := flag.(cli.DocGenerationFlag); ok && flag.Names()[0] != "help" {
				fmt.Fprintf(page, ".RS\n.TP\n.B \\-\\-%s\n%s\n.RE\n", roff(flag.Names()[0]), roff(f.GetUsage()))
			}
		}
		manCommands(page, sub, full)
	}
}

// roff escapes text that does not begin with a dot.
func roff(text string) string {
	var out strings.Builder
	for _, r := range strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(text) {
		if r < utf8.RuneSelf {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, `\[u%04X]`, r)
		}
	}
	return out.String()
}
