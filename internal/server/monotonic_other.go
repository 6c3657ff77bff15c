//go:build !linux

package server

// monotonic is 0, as there is no systemd.
func monotonic() int64 { return 0 }
