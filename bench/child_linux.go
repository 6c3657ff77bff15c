package main

import "syscall"

const supported = true

// childAttr puts the child into a process group of its own, so that Ctrl-C reaches this program alone and it
// ends its children in order. The kernel ends the child if this program is killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
