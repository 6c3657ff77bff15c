package main

import (
	"context"
	"fmt"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/postgres"
	"github.com/gatepost/gatepost/migrations"
)

// checkLiveDatabase tests the database, and what is kept there. What the gate will do with it at its start is no fault.
func (p *process) checkLiveDatabase(ctx context.Context, c *config.Config) error {
	ahead, err := p.foresee(ctx, c)
	if err != nil || len(ahead) > 0 {
		p.noteAhead(ahead)
		return err
	}
	return p.withStore(ctx, func(s *auth.Store) error {
		var list config.Faults
		list.Add(s.CheckKeys(ctx))
		list.Add(s.CheckPasskeys(ctx))
		list.Add(p.warnOfLostUsers(ctx, c, s))
		if c.Mail != nil {
			list.Add(p.checkOutbox(ctx, s))
		}
		if c.Webhook != nil {
			list.Add(p.checkEvents(ctx, s))
		}
		return list.OrNil()
	})
}

func (p *process) foresee(ctx context.Context, c *config.Config) ([]migrations.Migration, error) {
	db, err := postgres.Open(ctx, c, false)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return postgres.Foresee(ctx, c, db)
}

// noteAhead says which migrations the gate will apply.
func (p *process) noteAhead(ahead []migrations.Migration) {
	switch {
	case len(ahead) == 0:
	case ahead[0].Version == 1:
		p.note(fmt.Sprintf("the database has no tables of Gatepost yet: `gatepost serve` makes them at its start "+
			"(%d migrations)", len(ahead)))
	default:
		p.note(fmt.Sprintf("the tables are those of an older Gatepost: `gatepost serve` brings them up to date at its start "+
			"(%s, from %04d_%s on)", counted(len(ahead), "migration"), ahead[0].Version, ahead[0].Name))
	}
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// checkOutbox tells of mail that waits. Mail that could not be sent is a fault.
func (p *process) checkOutbox(ctx context.Context, s *auth.Store) error {
	st, err := s.Outbox(ctx)
	if err != nil || st.Waiting == 0 {
		return err
	}
	waits := counted(st.Waiting, "mail") + " waits"
	if st.Waiting != 1 {
		waits = counted(st.Waiting, "mail") + " wait"
	}
	if st.Failed == 0 {
		_, err := fmt.Fprintf(p.stdout, "\n%s to be sent.\n", waits)
		return err
	}
	return fmt.Errorf("%s to be sent, and %d could not be: the mail server says %q", waits, st.Failed, st.Failure)
}

// warnOfLostUsers says how many users cannot sign in while passwords are off.
func (p *process) warnOfLostUsers(ctx context.Context, c *config.Config, s *auth.Store) error {
	if !c.PasswordsOff {
		return nil
	}
	n, err := s.UsersWithoutAWayIn(ctx)
	if err == nil && n > 0 {
		p.warn(fmt.Sprintf("GATEPOST_PASSWORDS is off, and %d users have no other way in: "+
			"`gatepost user reset-link` makes a link with which one of them adds a provider", n))
	}
	return err
}
