package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc. It is the same on every Linux that Go runs on.
const tick = time.Second / 100

// stat holds the fields of /proc/<pid>/stat that are needed.
type stat struct {
	parent   int
	children time.Duration // CPU time of children that have ended and been waited for
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, fmt.Errorf("read CPU time: %w", err)
	}
	return parseStat(string(b))
}

// parseStat counts fields from the last parenthesis, since the process name before it may hold any character.
func parseStat(s string) (stat, error) {
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 15 {
		return stat{}, errors.New("read CPU time: /proc/<pid>/stat has too few fields")
	}
	var n [3]int
	for i, at := range [...]int{1, 13, 14} { // ppid, cutime, cstime
		v, err := strconv.Atoi(fields[at])
		if err != nil {
			return stat{}, fmt.Errorf("read CPU time: %w", err)
		}
		n[i] = v
	}
	return stat{n[0], time.Duration(n[1]+n[2]) * tick}, nil
}

// ownCPUTime returns the user and system time of all threads of a process. Its clock is finer than the ticks in
// /proc: one tick is more than a thousand requests spend on the log.
func ownCPUTime(pid int) (time.Duration, error) {
	const scheduled = 2 // the kind of clock, in the lowest bits of its number: see clock_getcpuclockid(3)
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// treeCPU returns the CPU time of a process and its children. PostgreSQL's backends are children of its first
// process.
func treeCPU(pid int) (time.Duration, error) {
	root, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	total, err := ownCPUTime(pid)
	if err != nil {
		return 0, err
	}
	total += root.children
	for _, child := range children(pid) {
		// The time of a child that has ended meanwhile is counted by its parent.
		if own, err := ownCPUTime(child); err == nil {
			total += own
		}
	}
	return total, nil
}

// children returns the processes that a process has started.
func children(pid int) (found []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
	for _, dir := range dirs {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if s, err := readStat(child); err == nil && s.parent == pid {
			found = append(found, child)
		}
	}
	return found
}

// childrenResident returns the memory of a process's children, in bytes.
func childrenResident(pid int) (total int64, err error) {
	for _, child := range children(pid) {
		n, err := resident(child)
		if err != nil && !errors.Is(err, errEnded) { // a process that hashes may end meanwhile
			return 0, err
		}
		total += n
	}
	return total, nil
}

var errEnded = errors.New("read memory: the process has ended")

// resident returns the memory of a process, in bytes.
func resident(pid int) (int64, error) { return memory(pid, "VmRSS") }

// peak returns the most memory that a process had since forgetPeak, in bytes.
func peak(pid int) (int64, error) { return memory(pid, "VmHWM") }

// forgetPeak has the peak of a process begin anew with what it has now: see clear_refs in proc(5).
func forgetPeak(pid int) error {
	return os.WriteFile(filepath.Join("/proc", strconv.Itoa(pid), "clear_refs"), []byte("5"), 0)
}

// memory returns a line of /proc/<pid>/status, in bytes.
func memory(pid int, what string) (int64, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, errEnded
	}
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, what+": %d kB", &kilobytes); err == nil {
			return kilobytes << 10, nil
		}
	}
	return 0, errEnded // and nobody has waited for it
}
