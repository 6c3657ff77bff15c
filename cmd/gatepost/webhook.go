package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/webhook"
	"github.com/gatepost/gatepost/internal/config"
)

func (p *process) webhookCommands() *cli.Command {
	asJSON := &cli.BoolFlag{Name: "json", Usage: "print JSON"}
	return &cli.Command{
		Name: "webhook", Usage: "look at what the app is told, and send it again",
		Commands: []*cli.Command{
			{Name: "secret", Usage: "print a new GATEPOST_WEBHOOK_SECRET", Action: p.webhookSecret},
			{Name: "list", Usage: "list events that wait, were sent or were given up, the newest first",
				Action: p.webhookList, Flags: []cli.Flag{asJSON,
					&cli.StringFlag{Name: "state", Usage: "only those in this `STATE`: waiting, sent or failed"},
					&cli.IntFlag{Name: "most", Value: 100, Usage: "how many (`NUMBER`)"}}},
			{Name: "replay", Usage: "have the gate send events again, with the same ids",
				ArgsUsage: "[ID …]", Action: p.webhookReplay, Flags: []cli.Flag{asJSON,
					&cli.StringFlag{Name: "failed-since", Usage: "those that were given up, made since `TIME`: 24h ago as 24h, or " +
						"2027-01-31T00:00:00Z"}}},
		},
	}
}

func (p *process) webhookSecret(context.Context, *cli.Command) error {
	_, err := fmt.Fprintln(p.stdout, webhook.NewSecret())
	return err
}

// eventJSON is an event for scripts.
type eventJSON struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	State     string          `json:"state"`
	Attempts  int             `json:"attempts"`
	Failure   string          `json:"failure,omitempty"`
	DueAt     *time.Time      `json:"dueAt"`
	Data      json.RawMessage `json:"data"`
}

func newEventJSON(k webhook.Kept) eventJSON {
	j := eventJSON{ID: k.ID, Type: k.Type, Timestamp: k.At.UTC(), State: k.State, Attempts: k.Attempts,
		Failure: k.Failure, Data: k.Data}
	if due := k.DueAt.UTC(); k.State == "waiting" {
		j.DueAt = &due
	}
	return j
}

func (p *process) webhookList(ctx context.Context, c *cli.Command) error {
	state, most := c.String("state"), c.Int("most")
	if !slices.Contains([]string{"", "waiting", "sent", "failed"}, state) {
		return usagef("--state: %s is none of waiting, sent and failed", config.Quote(state))
	}
	if most < 1 {
		return usagef("--most: %d is not a number from 1 on", most)
	}
	return p.withStore(ctx, func(s *auth.Store) error {
		events, err := s.WebhookEvents(ctx, state, most)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			list := []eventJSON{}
			for _, k := range events {
				list = append(list, newEventJSON(k))
			}
			return p.printJSON(list)
		}
		if len(events) == 0 && isTerminal(p.stdout) {
			_, err := fmt.Fprintln(p.stdout, "There are no such events.")
			return err
		}
		w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tTYPE\tMADE\tSTATE\tATTEMPTS\tFAILURE")
		for _, k := range events {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", printable(k.ID), printable(k.Type),
				k.At.UTC().Format(time.RFC3339), k.State, k.Attempts, printable(k.Failure))
		}
		return w.Flush()
	})
}

func (p *process) webhookReplay(ctx context.Context, c *cli.Command) error {
	ids := c.Args().Slice()
	if (len(ids) > 0) == c.IsSet("failed-since") {
		return usagef("%s takes ids of events, or --failed-since (example: %[1]s --failed-since 24h)", c.FullName())
	}
	var since time.Time
	if c.IsSet("failed-since") {
		var err error
		if since, err = sinceOf(c.String("failed-since"), time.Now()); err != nil {
			return err
		}
	}
	return p.withStore(ctx, func(s *auth.Store) error {
		replay := func() ([]string, error) { return s.ReplayWebhooks(ctx, ids) }
		if len(ids) == 0 {
			replay = func() ([]string, error) { return s.ReplayFailedWebhooks(ctx, since) }
		}
		found, err := replay()
		if err != nil {
			return err
		}
		return errors.Join(p.printReplayed(c, found), notThere(ids, found))
	})
}

// sinceOf reads a time, or how long ago it was.
func sinceOf(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return at, usagef("--failed-since: %s is neither like 24h nor like 2027-01-31T00:00:00Z", config.Quote(s))
	}
	return at, nil
}

func (p *process) printReplayed(c *cli.Command, found []string) error {
	if c.Bool("json") {
		return p.printJSON(struct {
			Replayed []string `json:"replayed"`
		}{append([]string{}, found...)})
	}
	_, err := fmt.Fprintf(p.stdout, "%s to be sent again.\n", counted(len(found), "event"))
	return err
}

// notThere names ids that no event has.
func notThere(ids, found []string) error {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(found, id) })
	if len(ids) == 0 {
		return nil
	}
	return fmt.Errorf("there is no event %s (see `gatepost webhook list`)", config.Quote(strings.Join(ids, ", ")))
}

// checkWebhook sends an event that says nothing, and tells of those that wait or were given up.
func (p *process) checkWebhook(ctx context.Context, c *config.Config) error {
	if c.Webhook == nil {
		return nil
	}
	if err := c.Webhook.Ping(ctx); err != nil {
		return fmt.Errorf("GATEPOST_WEBHOOK_URL: a webhook to %s is not taken: %w; correct the address, or the app, "+
			"which answers with 2xx what is signed rightly", c.Webhook.Host(), err)
	}
	return nil
}

// checkEvents tells of events that wait. Those that could not be sent are a fault.
func (p *process) checkEvents(ctx context.Context, s *auth.Store) error {
	st, err := s.Webhooks(ctx)
	switch {
	case err != nil:
		return err
	case st.Failed > 0:
		return fmt.Errorf("%s to be told by webhooks, and %d of them could not be: the last time %q",
			counted(st.Waiting, "event"), st.Failed, st.Failure)
	case st.GivenUp > 0:
		p.note(fmt.Sprintf("%s could not be told by webhooks and %s given up; `gatepost webhook list --state failed` "+
			"shows which, and `gatepost webhook replay` sends them again", counted(st.GivenUp, "event"), isOrAre(st.GivenUp)))
	case st.Waiting > 0:
		p.note(counted(st.Waiting, "event") + " to be told by webhooks")
	}
	return nil
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
