package password

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

const (
	// workerNice is the niceness of processes that hash. On a machine that is busy to the last core they get a tenth of
	// one, and traffic the rest.
	workerNice = 10
	// idlePatience is how long a key may take to come back from a process that gets only what nobody else wants.
	idlePatience = 2 * time.Second
	// idleRefrain is how long such processes are left alone after one has waited in vain.
	idleRefrain = 10 * time.Second
	// workerPatience is how long a key may take to come back, which on a busy machine is many times what it takes by
	// itself. It is less than the longest wait for a turn.
	workerPatience = 4 * time.Second
	// workerRest is how long a process that hashes keeps its memory with nothing to do.
	workerRest = time.Second
)

// terms come before the first job.
type terms struct {
	Idle bool // take only what nobody else wants of a core
}

// job is what a process that hashes is asked for; it answers with the key.
type job struct {
	Hash     string // a PHC string, whose key is not looked at
	Password string
}

// Serve answers the Processes that started this process, until in ends. It takes over the
// process: one core, and a collector that runs after each hash and at no other time.
//
// It keeps a thread to itself. The library makes each part of a hash (8 in ours) in a new goroutine, for which the
// thread must then change, and the system decides anew who gets the core. Otherwise Linux since 6.6 (EEVDF) may leave
// it to a hash until the next tick, whatever the policy, while threads of the traffic that were just interrupted wait.
func Serve(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
	rest := time.AfterFunc(workerRest, upkeep.Watch{}.Guard("give back memory", debug.FreeOSMemory))
	defer rest.Stop()
	jobs, keys := gob.NewDecoder(in), gob.NewEncoder(out)
	var t terms
	if err := jobs.Decode(&t); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the terms: %w", err)
	}
	if t.Idle {
		yield()
	}
	for {
		var j job
		if err := jobs.Decode(&j); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a hash job: %w", err)
		}
		h, err := parsePHC(j.Hash)
		if err != nil {
			return err
		}
		if err := keys.Encode(Derive(h, j.Password)); err != nil {
			return fmt.Errorf("answer a hash job: %w", err)
		}
		runtime.GC()
		rest.Reset(workerRest)
	}
}

// Processes makes keys in processes of their own, one for each hash under way: within this one, a thread that has used
// up its share of a core by hashing would go on to serve a request, last in the system's queue, and the memory of
// finished hashes would set the pace of the collector for everything else.
//
// They take what the traffic leaves of a core. Where it leaves nothing for long, others take a share.
type Processes struct {
	idle, sharing *pool
	log           *slog.Logger
	refrain       atomic.Pointer[time.Time] // from idle, until then; nil: there is no reason to
	refrainFor    time.Duration
	failing       atomic.Bool // and it was said
}

// NewProcesses starts them by a command that runs Serve, as they are needed. Call Close when done.
func NewProcesses(command func() *exec.Cmd, log *slog.Logger) *Processes {
	return &Processes{log: log, refrainFor: idleRefrain, idle: &pool{command: command, terms: terms{Idle: true},
		patience: idlePatience},
		sharing: &pool{command: command, patience: workerPatience}}
}

// Derive has a worker make the key, and makes it here when none can.
func (h *Processes) Derive(p PHC, password string) []byte {
	key, err := h.ask(p, password)
	if err == nil {
		h.failing.Store(false)
		return key
	}
	if !h.failing.Swap(true) {
		h.log.Warn("passwords are hashed among the traffic, which slows it down: a process for them fails", "err", err)
	}
	return Derive(p, password)
}

// SetPatience says how long keys are waited for, of processes that get only what nobody else wants and of those that
// take their share, and how long the former are left alone after one has waited in vain. Call it before anything is
// hashed.
func (h *Processes) SetPatience(idle, sharing, refrain time.Duration) {
	h.idle.patience, h.sharing.patience, h.refrainFor = idle, sharing, refrain
}

// Refrain leaves the processes alone, for a time, that get only what nobody else wants.
func (h *Processes) Refrain(d time.Duration) { h.refrain.Store(new(time.Now().Add(d))) }

func (h *Processes) ask(p PHC, password string) ([]byte, error) {
	if until := h.refrain.Load(); until == nil || time.Now().After(*until) {
		key, err := h.idle.ask(p, password)
		if !errors.Is(err, errLate) {
			h.sharing.dismiss()
			return key, err
		}
		h.Refrain(h.refrainFor)
	}
	return h.sharing.ask(p, password)
}

// Close ends those that are idle, and has each other one end when it is done.
func (h *Processes) Close() {
	h.idle.close()
	h.sharing.close()
}

// pool are the processes on the same terms.
type pool struct {
	command func() *exec.Cmd
	terms   terms
	mu      sync.Mutex
	idle    []*worker // the one used last is last
	closed  bool
	// patience is how long a key may take to come back.
	patience time.Duration
}

var errLate = errors.New("it does not answer")

// ask goes from worker to worker, as those that were idle may have ended, and last to a new one. After a long wait it
// gives up at once.
func (ws *pool) ask(h PHC, password string) ([]byte, error) {
	for {
		w, used := ws.take()
		if !used {
			var err error
			if w, err = startWorker(ws.command(), ws.terms); err != nil {
				return nil, err
			}
		}
		key, err := w.derive(h, password, ws.patience)
		if err == nil {
			ws.give(w)
			return key, nil
		}
		w.stop()
		if !used || errors.Is(err, errLate) {
			return nil, err
		}
	}
}

func (ws *pool) take() (w *worker, ok bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	last := len(ws.idle) - 1
	if last < 0 {
		return nil, false
	}
	w, ws.idle = ws.idle[last], ws.idle[:last]
	return w, true
}

func (ws *pool) give(w *worker) {
	if !ws.keep(w) {
		w.stop()
	}
}

// keep makes a worker idle, unless there is nothing more to come.
func (ws *pool) keep(w *worker) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if !ws.closed {
		ws.idle = append(ws.idle, w)
	}
	return !ws.closed
}

// close ends the idle workers, and has each other one end when it is done.
func (ws *pool) close() {
	ws.mu.Lock()
	ws.closed = true
	ws.mu.Unlock()
	ws.dismiss()
}

// dismiss ends the idle workers: they are not needed for now, and each has its memory.
func (ws *pool) dismiss() {
	ws.mu.Lock()
	idle := ws.idle
	ws.idle = nil
	ws.mu.Unlock()
	for _, w := range idle {
		w.stop()
	}
}

// worker is one process. It ends when its input does, and so with us, however we end.
type worker struct {
	cmd  *exec.Cmd
	in   io.Closer
	jobs *gob.Encoder
	keys *gob.Decoder
	done chan struct{} // closed when it has ended
}

func startWorker(cmd *exec.Cmd, terms terms) (*worker, error) {
	cmd.Env = []string{} // ours has secrets
	cmd.Stderr = os.Stderr
	// a group of its own: Ctrl-C is for us, and its niceness is not ours
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_ = syscall.Setpriority(syscall.PRIO_PGRP, cmd.Process.Pid, workerNice) // without, it is only less polite
	w := &worker{cmd, in, gob.NewEncoder(in), gob.NewDecoder(out), make(chan struct{})}
	go upkeep.Watch{}.Run(context.Background(), "wait for a process that hashes", func(context.Context) {
		_ = cmd.Wait() // how it ended shows when it is asked
		close(w.done)
	})
	if err := w.jobs.Encode(terms); err != nil {
		w.stop()
		return nil, fmt.Errorf("send the terms: %w", err)
	}
	return w, nil
}

func (w *worker) derive(h PHC, password string, patience time.Duration) (key []byte, err error) {
	late := time.AfterFunc(patience, upkeep.Watch{}.Guard("end a process that hashes",
		func() { _ = w.cmd.Process.Kill() }))
	defer func() {
		if !late.Stop() && err != nil {
			err = errLate
		}
	}()
	if err := w.jobs.Encode(job{h.String(), password}); err != nil {
		return nil, fmt.Errorf("send a hash job: %w", err)
	}
	if err := w.keys.Decode(&key); err != nil {
		return nil, fmt.Errorf("read a key: %w", err)
	}
	if len(key) != len(h.keyBytes) {
		return nil, fmt.Errorf("want a key of %d bytes, got %d", len(h.keyBytes), len(key))
	}
	return key, nil
}

// stop ends a worker that is idle or fails.
func (w *worker) stop() {
	_ = w.in.Close()
	_ = w.cmd.Process.Kill()
	<-w.done
}
