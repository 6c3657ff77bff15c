//go:build !linux

package main

// shed has nothing to give up where there are no capabilities.
func shed([]string) {}
