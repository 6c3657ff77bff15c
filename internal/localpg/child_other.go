//go:build unix && !linux

package localpg

import "syscall"

// childAttr gives the child a process group of its own. There is no parent-death signal on this system: a server
// left behind by a killed gatepost is ended by the next start (endOrphan).
func childAttr(who identity) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: who.credential()}
}
