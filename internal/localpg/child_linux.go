package localpg

import "syscall"

// childAttr gives the child a process group of its own, so that Ctrl-C in a terminal does not stop the database
// before the gate has drained. The kernel ends it when this process dies (SIGINT: fast shutdown).
func childAttr(who identity) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT, Credential: who.credential()}
}
