package loginui

import "net/http"

// keySetPath is where the app fetches the keys of the assertion.
const keySetPath = "/.gatepost/jwks.json"

// getKeySet answers with the set of public keys. Others may keep it for as long as a new key is published before it
// signs (assertion.MaxAge).
func (ui *UI) getKeySet(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, err := w.Write(ui.c.KeySet())
	return err
}
