package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/preview"
)

func (p *process) previewCommand() *cli.Command {
	return &cli.Command{Name: "preview", Action: p.preview,
		Usage: "show every page and mail in a browser while you write your own; needs no database and no app",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Usage: "the address of the gallery, on this machine", Value: "localhost:8070"},
			&cli.BoolFlag{Name: "open", Usage: "open the gallery in the browser"},
		}}
}

func (p *process) preview(ctx context.Context, cmd *cli.Command) error {
	return preview.Run(ctx, preview.Options{Env: p.env, Listen: cmd.String("listen"), Open: cmd.Bool("open"),
		Stdout: p.stdout})
}
