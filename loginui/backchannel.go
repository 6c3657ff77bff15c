package loginui

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/internal/share"
)

// logoutField is the form field of a back-channel logout (OpenID Connect Back-Channel Logout 1.0, section 2.5).
// logoutTokenMost is the longest token, in bytes.
const (
	logoutField     = "logout_token"
	logoutTokenMost = 16 << 10
)

// postBackchannel ends the sessions that a provider's logout token names. Providers send it themselves, without a
// browser: the token is the one proof.
func (ui *UI) postBackchannel(name string) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		tokens := r.PostForm[logoutField]
		if len(tokens) != 1 || tokens[0] == "" || len(tokens[0]) > logoutTokenMost {
			return badLogout(w)
		}
		err := ui.store.EndByProvider(r.Context(), name, tokens[0], ui.client(r))
		switch {
		case err == nil:
			w.WriteHeader(http.StatusOK)
			return nil
		case errors.Is(err, database.ErrUnavailable), errors.Is(err, share.ErrBusy):
			return err
		case errors.Is(err, provider.ErrUnavailable):
			ui.Refuse(w, r, http.StatusServiceUnavailable, err) // the log has it from elsewhere, once
			return nil
		case errors.As(err, new(*provider.Error)), errors.Is(err, auth.ErrReplayed), errors.Is(err, auth.ErrNoProvider):
			return badLogout(w)
		}
		return err
	}
}

// badLogout is the answer to every fault of a token (section 2.8).
func badLogout(w http.ResponseWriter) error {
	return writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
}
