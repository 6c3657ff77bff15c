package server

import "golang.org/x/sys/unix"

// monotonic is the time by which systemd tells a reload from the one before, in microseconds.
func monotonic() int64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // the clock exists
	return now.Nano() / 1000
}
