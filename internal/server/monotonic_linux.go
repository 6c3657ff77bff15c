package server

import "golang.org/x/sys/unix"

// monotonic is CLOCK_MONOTONIC in microseconds. systemd uses it to tell a reload from the one before.
func monotonic() int64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // the clock exists
	return now.Nano() / 1000
}
