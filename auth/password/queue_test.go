package password

import (
	"context"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

func TestWhoHashesHasNoTurnToCompute(t *testing.T) {
	turns := &share.Turns{Queue: share.NewQueue(1, 1), Most: time.Hour}
	ctx := share.InTurns(t.Context(), turns)
	if err := share.Work(ctx); err != nil {
		t.Fatal(err)
	}
	hashed := false
	err := NewQueue().Turn(ctx, func(context.Context, Crypt) error {
		held, _ := turns.Load()
		hashed = held == 0
		return nil
	})
	if err != nil || !hashed {
		t.Errorf("it has a turn while it hashes (%v)", err)
	}
}
