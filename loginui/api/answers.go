package api

import (
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

// date is a time as JavaScript writes it: in UTC, with milliseconds. The client makes a Date of such a text.
type date time.Time

const dateLayout = "2006-01-02T15:04:05.000Z"

func (d date) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(d).UTC().Format(dateLayout) + `"`), nil
}

// person is a user.
type person struct {
	ID            string  `json:"id"`
	Name          string  `json:"name"`
	Email         string  `json:"email" is:"email"`
	EmailVerified bool    `json:"emailVerified"`
	Image         *string `json:"image"`
	Role          string  `json:"role" note:"comma-separated"`
	CreatedAt     date    `json:"createdAt"`
	UpdatedAt     date    `json:"updatedAt"`
	TwoFactor     bool    `json:"twoFactorEnabled,omitempty" note:"only of who has a second factor"`
	Username      string  `json:"username,omitempty" note:"only of who has one"`
}

func personOf(u session.User) person {
	p := person{ID: u.ID, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified,
		TwoFactor: u.SecondFactor, Role: strings.Join(u.Roles, ","), CreatedAt: date(u.CreatedAt),
		UpdatedAt: date(u.UpdatedAt), Username: u.Username}
	if u.Image != "" {
		p.Image = &u.Image
	}
	return p
}

// sessionAnswer is a session. It holds no secret.
type sessionAnswer struct {
	ID        string `json:"id"`
	UserID    string `json:"userId"`
	Token     string `json:"token" note:"the id once more: it opens nothing, and names the session to revoke-session"`
	ExpiresAt date   `json:"expiresAt"`
	CreatedAt date   `json:"createdAt"`
	UpdatedAt date   `json:"updatedAt"`
	IPAddress string `json:"ipAddress"`
	UserAgent string `json:"userAgent"`
}

// present is who is signed in, and null for nobody.
type present struct {
	Session sessionAnswer `json:"session"`
	User    person        `json:"user"`
}

func presentOf(v session.Session) *present {
	return &present{sessionAnswer{v.ID, v.User.ID, v.ID, date(v.ExpiresAt), date(v.CreatedAt), date(v.UpdatedAt),
		v.IPAddress, v.UserAgent}, personOf(v.User)}
}

// issuedAnswer is a new session.
type issuedAnswer struct {
	Token *string `json:"token" note:"the id of the new session; null without one"`
	User  person  `json:"user"`
}

// signedIn is the answer to a sign-in.
type signedIn struct {
	Redirect bool   `json:"redirect" note:"the client goes on to url"`
	Token    string `json:"token" note:"the id of the new session"`
	URL      string `json:"url,omitempty"`
	User     person `json:"user"`
}

// onward is where a browser goes on to.
type onward struct {
	URL      string `json:"url"`
	Redirect bool   `json:"redirect" note:"the client goes on to url by itself"`
}

// leaving is the answer to a sign-out.
type leaving struct {
	Success  bool   `json:"success"`
	URL      string `json:"url,omitempty" note:"where to sign out at the provider as well"`
	Redirect *bool  `json:"redirect,omitempty" note:"the client goes on to url by itself"`
}

// done says that something was done.
type done struct {
	Status bool `json:"status"`
}

// said is done, with words.
type said struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
}

// deleted is the answer to the deletion of an account.
type deleted struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
}

// confirmed is the answer to a confirmed address.
type confirmed struct {
	Status bool    `json:"status"`
	User   *person `json:"user" note:"always null"`
}

// account is a way to sign in.
type account struct {
	ID         string   `json:"id"`
	AccountID  string   `json:"accountId" note:"how the provider names the user"`
	ProviderID string   `json:"providerId" note:"credential is the password"`
	UserID     string   `json:"userId"`
	CreatedAt  date     `json:"createdAt"`
	UpdatedAt  date     `json:"updatedAt"`
	Scopes     []string `json:"scopes" note:"that the provider granted"`
}

// alive says that the protocol is served.
type alive struct {
	OK bool `json:"ok"`
}

// Answers that are no JSON.
type (
	redirected struct{} // 302
	webPage    struct{} // HTML
)
