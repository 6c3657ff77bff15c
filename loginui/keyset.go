package loginui

import (
	"fmt"
	"net/http"

	"github.com/gatepost/gatepost/auth/database"
)

// keySetPath is where the app fetches the keys of the assertion.
const keySetPath = "/.gatepost/jwks.json"

// getKeySet answers with the set of public keys. Others may keep it for as long as a new key is published before it
// signs (assertion.MaxAge). An empty set would be kept as long, and so is none.
func (ui *UI) getKeySet(w http.ResponseWriter, _ *http.Request) error {
	set := ui.c.KeySet()
	if set == nil {
		return fmt.Errorf("there is no key of the assertion: %w", database.ErrUnavailable)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, err := w.Write(set)
	return err
}
