package audit

import "context"

// Flush writes what waits, as Run does every second.
func (t *Trail) Flush(ctx context.Context) { t.flush(ctx) }
