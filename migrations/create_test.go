package migrations_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/migrations"
)

// Processes that create the book at the same moment do not fail because it exists.
func TestTheBookIsBegunOnceByMany(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	set := migrations.Set{Files: shipped(t, nil), To: 1}
	var all []*pgx.Conn
	for range 8 {
		all = append(all, connect(t, url))
	}
	for range 4 {
		exec(t, all[0], "DROP SCHEMA IF EXISTS gatepost CASCADE")
		var each sync.WaitGroup
		for _, conn := range all {
			each.Go(func() {
				if _, err := set.Up(context.Background(), conn); err != nil {
					t.Error(err)
				}
			})
		}
		each.Wait()
	}
}
