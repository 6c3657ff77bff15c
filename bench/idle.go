package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// A kind of connection that stays open.
type kind struct {
	name, path, header string
	status             int
}

var kinds = [...]kind{
	{"WebSocket", socketPath, handshake, 101},
	{"event stream", eventsPath, "Accept: text/event-stream\r\n", 200},
}

// idle holds what open connections of one kind cost, in each round.
type idle struct {
	memory costs // bytes for each connection
	// here and there are milliseconds from the beginning of a log-out until the last connection was closed: at the gate
	// that was asked, and at another one.
	here, there []float64
}

const (
	// idleWanted is how many connections are held.
	idleWanted = 10_000
	// filesSpared are those that a proxy and the gate need for other things than connections.
	filesSpared = 400
	// warming is how many connections were open once before memory is read the first time.
	warming = 100
)

// affordable is how many connections can be held, as each needs two open files of the proxy. Go's programs raise their
// limit to the greatest allowed by themselves.
func affordable(wanted int) (n, files int, err error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	files = int(min(limit.Max, 1<<30))
	return max(1, min(wanted, (files-filesSpared)/2)), files, nil
}

// idle measures one round of a kind, with processes that have just started.
func (c *crowd) idle(ctx context.Context, k kind, to *idle) error {
	s := &site{program: c.program, gateLog: c.gateLog, database: c.database}
	defer s.Close()
	if err := s.openPlain(ctx, "crowdapp"); err != nil {
		return err
	}
	here, err := s.startGate(ctx, s.program)
	if err != nil {
		return err
	}
	defer here.child.stop()
	there, err := s.startGate(ctx, s.program)
	if err != nil {
		return err
	}
	defer there.child.stop()
	per, all, err := c.crowded(ctx, k, s.bare.pid(), s.bareAddress, here, "none")
	if err != nil {
		return fmt.Errorf("bare proxy: %w", err)
	}
	all.stop()
	to.memory.bare = append(to.memory.bare, per)
	for _, g := range []gate{here, there} {
		token, err := here.enter(ctx, "/login")
		if err != nil {
			return err
		}
		per, all, err := c.crowded(ctx, k, g.child.pid(), g.address, g, token)
		if err != nil {
			return fmt.Errorf("gate: %w\n%s", err, tail(s.gateLog))
		}
		took, err := all.endBy(func() error { return here.leave(ctx, token) })
		if all.stop(); err != nil {
			return err
		}
		if ms := took.Seconds() * 1e3; g == here {
			to.memory.gate, to.here = append(to.memory.gate, per), append(to.here, ms)
		} else {
			to.there = append(to.there, ms)
		}
	}
	return nil
}

// crowded opens connections to a process and returns what memory it has for each. The request is one to the gate.
func (c *crowd) crowded(ctx context.Context, k kind, pid int, address string, to gate, token string) (per float64,
	all *held, err error) {
	h := holding{Address: address, Request: get(k.path, to, token, k.header), Status: k.status,
		Connections: min(warming, c.connections)}
	warm, err := hold(ctx, h)
	if err != nil {
		return 0, nil, err
	}
	warm.stop()
	before, err := settled(ctx, pid)
	if err != nil {
		return 0, nil, err
	}
	h.Connections = c.connections
	if all, err = hold(ctx, h); err != nil {
		return 0, nil, err
	}
	after, err := settled(ctx, pid)
	if err != nil {
		all.stop()
		return 0, nil, err
	}
	return float64(after-before) / float64(c.connections), all, nil
}

// settling is how long the connections are open before memory is read.
const settling = 2 * time.Second

func settled(ctx context.Context, pid int) (int64, error) {
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(settling):
		return resident(pid)
	}
}

// get is a request of the one user.
func get(path string, to gate, token, header string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + to.publicHost() + "\r\nUser-Agent: bench\r\n" +
		"Cookie: theme=dark; " + to.named(token) + "\r\n" + header + "\r\n")
}

// post is a request with a body, which does not come with it.
func post(path string, to gate, token string, length int64) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nCookie: %s\r\n"+
		"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", path, to.publicHost(), to.named(token),
		length)
}

// say tells what is being measured.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
