package migrations

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// CheckFor and UsableFor are Check and Usable for a series.
func CheckFor(ctx context.Context, s Set, conn *pgx.Conn) error  { return s.check(ctx, conn) }
func UsableFor(ctx context.Context, s Set, conn *pgx.Conn) error { return s.usable(ctx, conn) }
