package loginui

import "time"

// ShortForms makes forms time out at once.
func ShortForms() { formTimeout = 50 * time.Millisecond }
