//go:build !linux

package main

// shed does nothing, as there are no capabilities.
func shed([]string) {}
