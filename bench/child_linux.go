package main

import "syscall"

const supported = true

// childAttr makes the child a process group of its own, so that Ctrl-C reaches us alone and we end things in order,
// and has the kernel end it when we are killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
