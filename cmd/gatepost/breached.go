package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/breached"
)

func (p *process) breachedCommand() *cli.Command {
	return &cli.Command{Name: "breached",
		Usage:     "make a filter for GATEPOST_BREACHED_PASSWORDS of the lists of Have I Been Pwned",
		ArgsUsage: "FROM TO", Flags: []cli.Flag{
			&cli.IntFlag{Name: "least", Value: 1, Usage: "leave out passwords that were seen less often than `N` times"},
			&cli.StringFlag{Name: "rate", Value: "0.001",
				Usage: "`SHARE` of other passwords that are refused by mistake"}},
		Action: p.makeBreached}
}

func (p *process) makeBreached(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 2 {
		return usagef("gatepost breached: name the folder or file with the list, and the file to make")
	}
	rate, err := strconv.ParseFloat(c.String("rate"), 64)
	if err != nil || !(rate > 0 && rate < 1) {
		return usagef("gatepost breached: --rate %q is not a number above 0 and below 1, like 0.001", c.String("rate"))
	}
	from, to := c.Args().Get(0), c.Args().Get(1)
	entries, err := breached.Make(from, to, c.Int("least"), rate)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d passwords in %s\nGATEPOST_BREACHED_PASSWORDS=%[2]s uses it.\n", entries, to)
	return err
}
