package loginui

import (
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

// ShortForms makes forms time out at once.
func ShortForms() { formTimeout = 50 * time.Millisecond }

// SetTurns replaces the turns in which pages are computed.
func (ui *UI) SetTurns(t *share.Turns) { ui.turns = t }

// Endpoint is a method and the path at which it is served.
type Endpoint struct{ Method, Path string }

// Endpoints are all pages, forms and files.
func (ui *UI) Endpoints() (list []Endpoint) {
	for path, methods := range ui.routes {
		for method := range methods {
			list = append(list, Endpoint{method, path})
		}
	}
	return list
}
