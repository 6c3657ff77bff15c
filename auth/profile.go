package auth

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// Profile is what users say about themselves. Nil leaves a field as it is.
type Profile struct {
	Name  *string // as typed; may be empty
	Image *string // address of a picture; empty: none
}

// Rename is ChangeProfile for the name alone.
func (s *Store) Rename(ctx context.Context, t secret.Token, name string, c secret.Client) error {
	return s.ChangeProfile(ctx, t, Profile{Name: &name}, c)
}

// ChangeProfile sets the display name and the picture of a session's user. The next request of each of their sessions
// carries them. It fails with session.ErrNoSession, InputError (fields "name" and "image"), *throttle.Error or
// database.ErrUnavailable. A failure has changed nothing.
func (s *Store) ChangeProfile(ctx context.Context, t secret.Token, p Profile, c secret.Client) error {
	var userID string
	var events []string
	p, err := p.canonical()
	if err == nil {
		err = s.db.Transact(ctx, "change a profile", func(ctx context.Context, tx pgx.Tx) (err error) {
			userID, events, err = s.changeProfile(ctx, tx, t, p, c)
			return err
		})
	}
	if err == nil && len(events) == 0 {
		s.ask(ctx, p.event(), userID, c, nil)
		return nil
	}
	if err != nil {
		s.audit(ctx, p.event(), userID, c, err)
		return err
	}
	s.Changed(userID)
	for _, event := range events {
		s.audit(ctx, event, userID, c, nil)
	}
	return nil
}

// event names a change that was not made.
func (p Profile) event() string {
	if p.Name == nil && p.Image != nil {
		return "set-image"
	}
	return "rename"
}

func (p Profile) canonical() (Profile, error) {
	var faults InputError
	if p.Name != nil {
		name, err := canonicalName(*p.Name)
		if err != nil {
			return p, err
		}
		p.Name = &name
	}
	if p.Image != nil {
		faults = checkImage(*p.Image)
	}
	return p, faults.orNil()
}

// changeProfile checks before it locks, so that a refused request only reads, and checks the session again under the
// lock. It returns an event for each field that has changed.
func (s *Store) changeProfile(ctx context.Context, tx pgx.Tx, t secret.Token, p Profile,
	c secret.Client) (userID string, events []string, err error) {
	o, err := s.Own(ctx, tx, t)
	if err != nil {
		return "", nil, err
	}
	if events, err = p.changes(ctx, tx, o); err != nil || len(events) == 0 {
		return o.UserID, nil, err
	}
	limits := throttle.Renames(o.UserID)
	if err := limits.Check(ctx, tx); err != nil {
		return o.UserID, nil, err
	}
	if _, err := database.LockUser(ctx, tx, o.UserID, ""); err != nil {
		return o.UserID, nil, err
	}
	if _, err := s.Own(ctx, tx, t); err != nil {
		return o.UserID, nil, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE gatepost."user" SET name = coalesce($2, name), updated_at = now(),
		    image = CASE WHEN $3::text IS NULL THEN image ELSE nullif($3, '') END WHERE id = $1`, o.UserID, p.Name, p.Image)
	if err == nil {
		err = limits.Take(ctx, tx)
	}
	for _, event := range events {
		if err == nil {
			err = s.trail.Write(ctx, tx, audit.Event{Name: event, UserID: o.UserID, SessionID: o.ID, Client: c})
		}
	}
	return o.UserID, events, err
}

// changes returns an event for each field that is not what it is to be.
func (p Profile) changes(ctx context.Context, tx pgx.Tx, o session.Own) (events []string, err error) {
	if p.Name != nil && *p.Name != o.Name {
		events = append(events, "rename")
	}
	if p.Image == nil {
		return events, nil
	}
	var same bool
	err = tx.QueryRow(ctx, `SELECT coalesce(image, '') = $2 FROM gatepost."user" WHERE id = $1`, o.UserID,
		*p.Image).Scan(&same)
	if err == nil && !same {
		events = append(events, "set-image")
	}
	return events, err
}

// imageDataMost bounds a picture that is no address but the data itself, in bytes. Each get-session carries it.
const imageDataMost = 32 << 10

// imageData is a picture that runs nothing: SVG may have scripts.
var imageData = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/]+={0,2}$`)

// checkImage judges the address of a picture that a user chose. Apps put it into their pages: it is an https address,
// a path of the site, or data of a picture.
func checkImage(typed string) (faults InputError) {
	limit := imageMost
	if strings.HasPrefix(typed, "data:") {
		limit = imageDataMost
	}
	switch {
	case len(typed) > limit:
		faults.add("image", TooLong, limit)
	case typed != "" && !imageData.MatchString(typed) && !isImageURL(typed):
		faults.add("image", Malformed, 0)
	}
	return faults
}

func isImageURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || s != database.Clean(s) || strings.ContainsAny(s, " \\\"'<>`") {
		return false
	}
	path := strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//")
	return path || u.Scheme == "https" && u.Host != "" && u.User == nil
}
