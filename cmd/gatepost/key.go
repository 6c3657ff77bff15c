package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/seal"
)

func (p *process) newKey(context.Context, *cli.Command) error {
	_, err := fmt.Fprintln(p.stdout, seal.NewKey())
	return err
}
