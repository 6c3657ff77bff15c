package importer

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatepost/gatepost/auth/secret"
)

// errStrangers is about a source that has none of the people who came from there: it is hardly the same, and would make
// its people users here and end the sessions of all others.
var errStrangers = errors.New("people of this source are here, and it has none of them: nothing was changed here; is " +
	"it the right database and schema? If everybody there was replaced, delete those who came from there first")

// errNoSessions is about a source that had sessions and has no table of them: all of them would be taken for ended.
func errNoSessions(alive int64, source string) error {
	return fmt.Errorf("the source has no table of sessions, and %d that came from there are alive here: nothing was "+
		"changed here; if it is called otherwise there, say --table session=NAME; if it is gone for good, end those here "+
		"first: UPDATE gatepost.imported_session SET ended_at = now() WHERE source = '%s'", alive, source)
}

// recognise fails, before anything is changed, if people of a source are here and it is hardly the one that they came
// from. It reads the source up to the first one of them. Only what is missing in an ordered source ends here.
func (r *run) recognise(ctx context.Context) error {
	if !r.from.Ordered() {
		return nil
	}
	var here bool
	var alive int64
	err := r.db.Work.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM gatepost.import_record WHERE source = $1 AND user_id IS NOT NULL), count(*)
		FROM gatepost.imported_session WHERE source = $1 AND ended_at IS NULL AND expires_at > now()`, r.name).
		Scan(&here, &alive)
	if err != nil || !here {
		return r.db.Unavailable("import", err)
	}
	known, refused := errors.New("somebody is known"), errNobody
	err = r.from.People(ctx, func(some []Person, _ int64) error {
		if len(some) > 0 && some[0].unsaid[sessionsField] && alive > 0 {
			return errNoSessions(alive, r.name)
		}
		var met bool
		err := r.db.Work.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM gatepost.import_record WHERE source = $1 AND source_id = ANY ($2))`,
			r.name, validIDs(some)).Scan(&met)
		if err == nil && met {
			return known
		}
		refused = errStrangers
		return r.db.Unavailable("import", err)
	})
	switch {
	case errors.Is(err, known):
		return nil
	case err != nil:
		return err
	}
	return refused
}

func validIDs(people []Person) (list []string) {
	for _, p := range people {
		if secret.ValidID(p.ID) {
			list = append(list, p.ID)
		}
	}
	return list
}
