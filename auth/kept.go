package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/seal"
)

// KeptFor is how long a form is kept that met an ended login.
const KeptFor = 10 * time.Minute

// SentForm is a form of the app's: the path and query that it was sent to, and its urlencoded body.
type SentForm struct{ To, Body string }

// keptForm is what is sealed of a SentForm: it is for one user, and not for later.
type keptForm struct {
	SentForm
	UserID string
	Until  time.Time
}

// keptColumn binds what Keep seals. It is stored nowhere but in a page.
var keptColumn = seal.Column{Table: "page", Name: "kept"}

// ErrNobodyKnown means that nobody can say whose login it was that has ended.
var ErrNobodyKnown = errors.New("it is not known whose session has ended")

var errKeptTooLong = errors.New("the form has been kept too long")

// Keep seals a form that met an ended session, for the user whose session it was. The key is a secret of the browser:
// nobody else can read the form or make one. The user is that of the ended session, while it is still stored, else the
// only one who has logged in with this browser. Keep fails with ErrNobodyKnown, or with database.ErrUnavailable.
func (s *Store) Keep(ctx context.Context, f SentForm, key, ended secret.Token, c secret.Client) (string, error) {
	userID, err := s.lastHere(ctx, ended, c)
	if err != nil {
		return "", err
	}
	return sealForm(keptForm{f, userID, time.Now().Add(KeptFor)}, key)
}

// Kept opens a form that Keep has sealed with the same key. It reports false for a form of another user than that of
// the session, and for one that is older than KeptFor.
func (s *Store) Kept(ctx context.Context, sealed string, key, t secret.Token) (SentForm, bool) {
	kept, err := openForm(sealed, key)
	if err != nil {
		return SentForm{}, false
	}
	found, err := s.Lookup(ctx, t)
	return kept.SentForm, err == nil && found.User.ID == kept.UserID
}

func (s *Store) lastHere(ctx context.Context, ended secret.Token, c secret.Client) (userID string, err error) {
	if ended == "" && c.Browser == "" {
		return "", ErrNobodyKnown
	}
	err = s.db.Repeat(ctx, "find whose session has ended", func(ctx context.Context) error {
		err := s.db.Pages.QueryRow(ctx, `
			SELECT user_id FROM (
			    SELECT user_id, 1 AS rank FROM gatepost.session WHERE token = $1
			    UNION ALL
			    SELECT min(user_id), 2 FROM gatepost.familiar WHERE place = $2 AND expires_at > now()
			    HAVING count(*) = 1
			) known ORDER BY rank LIMIT 1`, ended.Hash(), throttle.BrowserPlace(c.Browser)).Scan(&userID)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNobodyKnown
		}
		return err
	})
	return userID, err
}

func sealForm(f keptForm, key secret.Token) (string, error) {
	keys, err := seal.From(string(key))
	if err != nil {
		return "", err
	}
	written, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("write down a form: %w", err)
	}
	sealed, err := keys.Seal(keptColumn, "", written)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func openForm(sealed string, key secret.Token) (f keptForm, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return f, fmt.Errorf("read a form: %w", err)
	}
	keys, err := seal.From(string(key))
	if err != nil {
		return f, err
	}
	written, err := keys.Open(keptColumn, "", raw)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(written, &f); err != nil {
		return f, fmt.Errorf("read a form: %w", err)
	}
	if time.Now().After(f.Until) {
		return f, errKeptTooLong
	}
	return f, nil
}
