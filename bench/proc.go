package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc, the same on every Linux that Go runs on.
const tick = time.Second / 100

// stat is what we need of /proc/<pid>/stat.
type stat struct {
	parent   int
	own      time.Duration // user and system time of all threads
	children time.Duration // and of children that have ended
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, fmt.Errorf("read CPU time: %w", err)
	}
	return parseStat(string(b))
}

// parseStat counts fields from the last parenthesis: the name before it may hold anything.
func parseStat(s string) (stat, error) {
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 15 {
		return stat{}, errors.New("read CPU time: /proc/<pid>/stat has too few fields")
	}
	var n [5]int
	for i, at := range [...]int{1, 11, 12, 13, 14} { // ppid, utime, stime, cutime, cstime
		v, err := strconv.Atoi(fields[at])
		if err != nil {
			return stat{}, fmt.Errorf("read CPU time: %w", err)
		}
		n[i] = v
	}
	return stat{n[0], time.Duration(n[1]+n[2]) * tick, time.Duration(n[3]+n[4]) * tick}, nil
}

// treeCPU is the CPU time of a process and its children: PostgreSQL's backends are children of its first process.
func treeCPU(pid int) (time.Duration, error) {
	root, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	total := root.own + root.children
	for _, s := range children(pid) { // one that ended meanwhile is counted by its parent from now on
		total += s.own
	}
	return total, nil
}

// children are the processes that a process has started.
func children(pid int) map[int]stat {
	found := map[int]stat{}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is ours
	for _, dir := range dirs {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if s, err := readStat(child); err == nil && s.parent == pid {
			found[child] = s
		}
	}
	return found
}

// childrenResident is the memory of a process's children, in bytes.
func childrenResident(pid int) (total int64, err error) {
	for child := range children(pid) {
		n, err := resident(child)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// resident is the memory of a process, in bytes.
func resident(pid int) (int64, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kilobytes); err == nil {
			return kilobytes << 10, nil
		}
	}
	return 0, errors.New("read memory: /proc/<pid>/status has no VmRSS")
}
