package main

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nobodyID is the id of the user that owns nothing (kernel/user.c: the overflow id).
const nobodyID = 65534

// shed gives up the rights that hashing does not need: capabilities, the right to gain any by starting a program,
// and root's user and groups. It does so for this thread and starts the program anew, so that all threads are
// without them. shedMark in the arguments means that this was done. What cannot be given up is kept, as a gate in a
// container has few rights to begin with.
func shed(args []string) {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) // no core dump and no debugger, as its memory holds passwords
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	if len(args) > 0 {
		return
	}
	_ = os.Chdir("/")
	dropBounding()
	if os.Getuid() == 0 && anybodyMayRun("/proc/self/exe") {
		becomeNobody()
	}
	dropCapabilities()
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	// Closes file descriptors inherited from the gate's parent.
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	// When the program cannot be started anew, it goes on as it is.
	_ = syscall.Exec("/proc/self/exe", []string{"gatepost", hashWorkerName, shedMark}, []string{})
}

func dropBounding() {
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	for c := range uintptr(64) {
		if unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0) != nil && c > unix.CAP_LAST_CAP {
			return
		}
	}
}

// anybodyMayRun reports whether users other than the owner can start the program.
func anybodyMayRun(program string) bool {
	info, err := os.Stat(program)
	return err == nil && info.Mode()&0o001 != 0
}

// becomeNobody changes the user of this thread only, which starts the program anew.
func becomeNobody() {
	_, _, _ = syscall.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
	_, _, _ = syscall.RawSyscall(unix.SYS_SETRESGID, nobodyID, nobodyID, nobodyID)
	_, _, _ = syscall.RawSyscall(unix.SYS_SETRESUID, nobodyID, nobodyID, nobodyID)
}

func dropCapabilities() {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	_, _, _ = syscall.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)),
		uintptr(unsafe.Pointer(&none[0])), 0)
}
