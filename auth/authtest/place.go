package authtest

import (
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// memory is where Linux keeps files in memory. A database is some 500 files: on a disk, to make and remove them takes
// longer than most tests do.
const memory = "/dev/shm"

// enough is how many bytes have to be free in memory: a server takes some 10 MB for each test that is under way, and up
// to 1 GB for its log.
const enough = 4 << 30

// newPlace makes the directory of the server and holds it until the process ends: in memory where that has room, unless
// TMPDIR names another place.
func newPlace() (dir string, inMemory bool, err error) {
	within := os.TempDir()
	if within == "/tmp" && free(memory) >= enough {
		within, inMemory = memory, true
		sweep(within)
	}
	if dir, err = os.MkdirTemp(within, prefix); err != nil {
		return "", false, err
	}
	_, err = hold(dir)
	return dir, inMemory, err
}

const prefix = "gatepost-test-"

// sweep removes what processes left that were killed. One that has just made its directory may not hold it yet.
func sweep(within string) {
	left, _ := filepath.Glob(filepath.Join(within, prefix+"*")) // the pattern is valid
	for _, dir := range left {
		if info, err := os.Stat(dir); err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if held, err := hold(dir); err == nil {
			_ = os.RemoveAll(dir)
			_ = syscall.Close(held)
		}
	}
}

// hold locks a directory for this process, and fails where another one has done so.
func hold(dir string) (fd int, err error) {
	if fd, err = syscall.Open(dir, syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		return 0, err
	}
	if err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = syscall.Close(fd)
	}
	return fd, err
}

// free returns how many bytes of a file system are free, or 0 where there is none.
func free(path string) uint64 {
	var disk syscall.Statfs_t
	if syscall.Statfs(path, &disk) != nil {
		return 0
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize)
}
