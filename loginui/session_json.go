package loginui

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

// sessionJSON has the shape of Better Auth's answer, so that front ends written for it keep working. It never
// holds a token.
type sessionJSON struct {
	Session sessionPart `json:"session"`
	User    userPart    `json:"user"`
}

type sessionPart struct {
	ID        string    `json:"id"`
	UserID    string    `json:"userId"`
	ExpiresAt time.Time `json:"expiresAt"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	IPAddress string    `json:"ipAddress"`
	UserAgent string    `json:"userAgent"`
}

type userPart struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Email         string    `json:"email"`
	EmailVerified bool      `json:"emailVerified"`
	Image         *string   `json:"image"`
	Role          string    `json:"role"` // comma-separated
	CreatedAt     time.Time `json:"createdAt"`
	UpdatedAt     time.Time `json:"updatedAt"`
}

// getSession answers a front end with the session of the visitor, or null.
func (ui *UI) getSession(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	s, err := ui.store.Describe(r.Context(), token)
	if errors.Is(err, session.ErrNoSession) {
		return writeJSON(w, http.StatusOK, nil)
	}
	if err != nil {
		return err
	}
	u := s.User
	out := sessionJSON{
		Session: sessionPart{s.ID, u.ID, s.ExpiresAt.UTC(), s.CreatedAt.UTC(), s.UpdatedAt.UTC(),
			s.IPAddress, s.UserAgent},
		User: userPart{ID: u.ID, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified,
			Role: strings.Join(u.Roles, ","), CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC()},
	}
	if u.Image != "" {
		out.User.Image = &u.Image
	}
	return writeJSON(w, http.StatusOK, out)
}
