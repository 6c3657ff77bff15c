//go:build unix && !linux

package localpg

import "syscall"

// childAttr makes the child a process group of its own. There is no parent-death signal here: a server left behind by
// a killed gatepost is ended by the next start (endOrphan).
func childAttr(who identity) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: who.credential()}
}
