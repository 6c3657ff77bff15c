package password

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// yield leaves the core to whoever else wants it, at once and whole (SCHED_IDLE; sched(7)). There is no way back
// without privileges. What cannot be had is no fault: the process is as nice as before.
func yield() {
	threads, _ := os.ReadDir("/proc/self/task")
	for _, t := range threads { // threads that begin later are like the one that begins them
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr,
				Policy: unix.SCHED_IDLE, Nice: workerNice}, 0)
		}
	}
}
