package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/webhook"
)

// Webhooks returns the state of what the app is to be told. It fails with database.ErrUnavailable.
func (s *Store) Webhooks(ctx context.Context) (webhook.State, error) { return s.webhooks.State(ctx) }

// WebhookEvents returns the latest events, the newest first. See webhook.Outbox.List.
func (s *Store) WebhookEvents(ctx context.Context, state string, most int) ([]webhook.Kept, error) {
	return s.webhooks.List(ctx, state, most)
}

// ReplayWebhooks has events sent once more, and returns the ids of those that there are. It is audited as one event.
func (s *Store) ReplayWebhooks(ctx context.Context, ids []string) ([]string, error) {
	found, err := s.webhooks.Replay(ctx, ids)
	return found, s.replayed(ctx, len(found), err)
}

// ReplayFailedWebhooks does the same with events that were given up, and were made since a time.
func (s *Store) ReplayFailedWebhooks(ctx context.Context, since time.Time) ([]string, error) {
	found, err := s.webhooks.ReplayFailed(ctx, since)
	return found, s.replayed(ctx, len(found), err)
}

func (s *Store) replayed(ctx context.Context, n int, err error) error {
	if err != nil || n == 0 {
		return err
	}
	return s.recordLast(ctx, audit.Event{Name: "replay-webhooks", Result: "ok",
		Details: audit.Details{{Name: "events", Value: fmt.Sprint(n)}}})
}
