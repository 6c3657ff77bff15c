//go:build !linux

package main

import "syscall"

const supported = false

func childAttr() *syscall.SysProcAttr { return nil }
