// Command bench measures what the gate costs: the CPU time of a signed-in request through the gate, as a ratio
// to the same request through a bare, tuned httputil.ReverseProxy.
//
//	go run ./bench
//
// One run starts everything on loopback: a small app, the bare proxy, a private PostgreSQL, and the gate as it
// ships, with its log and metrics on. A load generator in a process of its own loads the bare proxy and the
// gate by turns, half a second each until a round is full, so that other work on the machine affects both. It
// keeps the machine busy: one request is always under way on each connection, and there are enough connections
// to keep the machine busy while some requests wait for PostgreSQL. With fewer connections, the processes fall
// asleep between requests, and the CPU time to wake them is charged too. The gate runs with the garbage
// collector settings that it chooses, the bare proxy with Go's default.
//
// How to read the result. CPU time is what the operating system charges the measured process for its threads,
// divided by the requests answered. It is what a request costs on a busy machine. CPU time differs between
// machines, and the ratio within one round differs much less, so compare ratios. "gate, public" is a visitor
// without a cookie on a public path. PostgreSQL's CPU time is charged to its own processes. It is shown apart
// and is not in the ratio. The latencies are those of a full machine, which the load generator and the app
// share: compare them with each other only.
//
// The p99 in times of the bare proxy's is computed for each round as well.
//
//	go run ./bench connections
//
// measures ten thousand idle WebSockets and event streams (memory for each, and how long after a log-out the last is
// closed), new connections with TLS, and a long download and upload, as ratios to the bare proxy. Memory is what the
// process has more with the connections than without. A log-out's time counts from its request on, and the clients and
// the app, which close 10,000 connections too, share the machine. One session has all connections; the gate's
// GATEPOST_MAX_CONNECTIONS allows as many, and no setting limits how many a session, a user or a network has while
// there is room. Each needs two open files in the proxy. Where fewer may be open, fewer are measured, and the table
// says what all need.
//
//	go run ./bench growth
//
// measures look-ups, sign-ins and the sweep on a PostgreSQL with ten thousand, a million and ten million sessions.
//
//	go run ./bench import
//
// measures how long a million users take to move in, and to move out again, and what memory that needs.
//
//	go run ./bench peers
//
// compares the gate with what people would pick instead: nginx and Caddy, by themselves and asking the gate,
// oauth2-proxy, and Better Auth inside an app. It installs or builds what is missing, and leaves out and names
// what it cannot get. They get the same load in the same rounds. The CPU time of all processes of a peer counts,
// so also that of nginx's workers, and that of the gate if it is asked. For Better Auth it is what getSession
// adds to the same app. The configurations are in bench/peers.
//
//	go run ./bench profile FILE
//
// writes a CPU profile of the gate under load.
//
// The program needs Linux, for the accounting in /proc, and an installed PostgreSQL.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

type options struct {
	rounds      int
	turn        time.Duration
	connections int
	path        string
	rate        int
	gate        string
	against     string
	check       bool
	write       string
}

func main() {
	var err error
	if role := findRole(os.Args); role != nil {
		err = role(os.Args[2:])
	} else {
		err = run(parseFlags())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseFlags() options {
	var o options
	flag.IntVar(&o.rounds, "rounds", 7, "measured rounds")
	flag.DurationVar(&o.turn, "turn", 3*time.Second,
		"how long each subject is loaded in a round, in slices of half a second")
	flag.IntVar(&o.connections, "connections", 32, "keep-alive connections of the load generator")
	flag.StringVar(&o.path, "path", "/dashboard/items/42", "path to request")
	flag.StringVar(&o.gate, "gate", "", "measure this gatepost `program` instead of building one")
	flag.StringVar(&o.against, "against", "", "measure this gatepost `program` too, in the same rounds")
	flag.IntVar(&o.rate, "rate", 2000, "requests a second when latencies are measured")
	flag.BoolVar(&o.check, "check", false, "fail when a figure is beyond its limit")
	flag.StringVar(&o.write, "write", "",
		"write the table and the plot into performance.md and performance.svg in this `folder`")
	flag.Parse()
	return o
}

var errNotHere = errors.New("needs Linux, for what it tells of processes")

func (o options) valid() error {
	switch {
	case !supported:
		return errNotHere
	case flag.NArg() > 0:
		return fmt.Errorf("takes no argument %q (see -help)", flag.Arg(0))
	case o.rounds < 1 || o.connections < 1 || o.rate < 1:
		return errors.New("-rounds, -connections and -rate start at 1")
	case o.turn < slice:
		return fmt.Errorf("-turn is at least %v", slice)
	case o.path == "" || o.path[0] != '/':
		return errors.New("-path starts with /")
	}
	return nil
}

// setupTimeout bounds the build without a cache, initdb and the start of all processes.
const setupTimeout = 5 * time.Minute

func run(o options) error {
	if err := o.valid(); err != nil {
		return err
	}
	ctx, stop := untilInterrupted()
	defer stop()
	turns := time.Duration(2*(o.rounds+2)*subjectCount + 5*floodTurns)
	ctx, cancel := context.WithTimeout(ctx, setupTimeout+turns*o.turn+2*comparisons*slice+loadGrace)
	defer cancel()
	// All processes have ended before the result is printed, since the reader of the output may stop reading.
	res, err := measure(ctx, o)
	if ctx.Err() != nil {
		return fmt.Errorf("stopped: %w", context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	if err := res.print(os.Stdout); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if o.write != "" {
		if err := res.write(o.write); err != nil {
			return err
		}
	}
	if o.check {
		return res.check()
	}
	return nil
}

// untilInterrupted returns a context for starting children. The kernel ends a child when the thread that
// started it ends, so the calling goroutine is locked to its thread.
func untilInterrupted() (context.Context, context.CancelFunc) {
	runtime.LockOSThread()
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}
