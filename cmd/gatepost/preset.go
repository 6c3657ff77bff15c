package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/spelling"
)

// presetFiles has a file of environment for each app that is known, named after it: settings of the gate, and in
// comments what to set in the app. The first line says what the app is. docs/apps has a page for each.
//
//go:embed presets/*.env
var presetFiles embed.FS

// preset prints the settings for an app that is known, or without a name which apps are.
func (p *process) preset(_ context.Context, c *cli.Command) error {
	names := presetNames()
	if !c.Args().Present() {
		return p.listPresets(names)
	}
	name := c.Args().First()
	text, err := presetFiles.ReadFile("presets/" + name + ".env")
	switch {
	case c.Args().Len() > 1:
		return usagef("%s takes one name (example: %[1]s grafana > gate.env)", c.FullName())
	case err == nil:
		_, err := p.stdout.Write(text)
		return err
	}
	if near, ok := spelling.Near(name, names); ok {
		return usagef("there is no preset %s; did you mean %q? (see `%s`)", config.Quote(name), near, c.FullName())
	}
	return usagef("there is no preset %s; it has to be %s", config.Quote(name), oneOf(names))
}

func presetNames() (names []string) {
	files, err := fs.Glob(presetFiles, "presets/*.env")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(file, "presets/"), ".env"))
	}
	return names
}

func (p *process) listPresets(names []string) error {
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, name := range names {
		text, err := presetFiles.ReadFile("presets/" + name + ".env")
		if err != nil {
			return err
		}
		title, _, _ := strings.Cut(string(text), "\n")
		fmt.Fprintf(w, "%s\t%s\n", name, strings.TrimPrefix(title, "# "))
	}
	return w.Flush()
}
