package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/assertion"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/seal"
)

// assertionKeyJSON is a key that signs the assertion, for scripts.
type assertionKeyJSON struct {
	ID    string `json:"id"` // kid
	State string `json:"state"`
	// SignsFrom is when it begins to sign, or began to.
	SignsFrom time.Time `json:"signsFrom"`
}

// stateOf is "signs", "next" (published, and signs later) or "before" (published, as what it signed may be valid).
func stateOf(k assertion.Key) string {
	switch {
	case k.Signs:
		return "signs"
	case k.SignsIn > 0:
		return "next"
	}
	return "before"
}

func (p *process) listKeys(ctx context.Context, c *cli.Command) error {
	return p.withStore(ctx, func(s *auth.Store) error {
		keys, err := s.AssertionKeys(ctx)
		if err != nil {
			return err
		}
		list := []assertionKeyJSON{}
		for _, k := range keys {
			list = append(list, assertionKeyJSON{k.ID, stateOf(k), time.Now().Add(k.SignsIn).UTC().Truncate(time.Second)})
		}
		if c.Bool("json") {
			return p.printJSON(list)
		}
		if len(list) == 0 {
			p.note("no key signs the assertion: a gate makes the first one when GATEPOST_ASSERTION_HEADER is set")
			return nil
		}
		w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tSTATE\tSIGNS FROM")
		for _, k := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.State, k.SignsFrom.Format(time.RFC3339))
		}
		return w.Flush()
	})
}

// rotateAssertionKey publishes the next key.
func (p *process) rotateAssertionKey(ctx context.Context, c *cli.Command) error {
	return p.withStore(ctx, func(s *auth.Store) error {
		id, in, err := s.RotateAssertionKey(ctx)
		switch {
		case errors.Is(err, seal.ErrNoKey):
			return errors.New("there is no key to seal it with: set GATEPOST_ENCRYPTION_KEY as the gates have it")
		case errors.Is(err, assertion.ErrComing):
			return errors.New("the next key is published already, and signs soon (see gatepost key list): wait, or revoke the " +
				"one that signs now")
		case err != nil:
			return err
		}
		if c.Bool("json") {
			return p.printJSON(assertionKeyJSON{id, "next", time.Now().Add(in).UTC().Truncate(time.Second)})
		}
		fmt.Fprintf(p.stdout, "Key %s is published, and signs in %s, when apps know it.\n", id, in)
		return nil
	})
}

func (p *process) revokeKey(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("%s takes the id of one key, as gatepost key list prints it (see `%[1]s --help`)", c.FullName())
	}
	id := c.Args().First()
	return p.withStore(ctx, func(s *auth.Store) error {
		err := s.RevokeAssertionKey(ctx, id)
		switch {
		case errors.Is(err, assertion.ErrUnknown):
			return fmt.Errorf("no key that signs the assertion has the id %s: see gatepost key list", config.Quote(id))
		case errors.Is(err, seal.ErrNoKey):
			return errors.New("the key was not revoked, as another one has to follow it and cannot be sealed: set " +
				"GATEPOST_ENCRYPTION_KEY as the gates have it")
		case err != nil:
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "Key %s is revoked. Apps believe what it signed until they fetch the keys again, "+
			"which takes\nthem %s at most; restart them if that is too long.\n", id, assertion.MaxAge)
		return err
	})
}
