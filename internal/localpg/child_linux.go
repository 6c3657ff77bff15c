package localpg

import "syscall"

// childAttr makes the child a process group of its own, so that Ctrl-C in a terminal does not stop the database
// before the gateway has drained, and has the kernel end it (SIGINT: fast shutdown) when this process dies.
func childAttr(who identity) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT, Credential: who.credential()}
}
