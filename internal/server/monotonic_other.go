//go:build !linux

package server

func monotonic() int64 { return 0 }
