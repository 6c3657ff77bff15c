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
	// workerNice is the niceness of worker processes. When other threads want all cores, a worker gets a tenth of a
	// core, and the threads that serve requests get the rest.
	workerNice = 10
	// idlePatience is how long the gate waits for a hash from an idle worker, which runs only when no other thread
	// wants the core.
	idlePatience = 2 * time.Second
	// idleRefrain is how long the gate asks no idle worker after one has been too slow.
	idleRefrain = 10 * time.Second
	// workerPatience is how long the gate waits for a hash from a sharing worker. On a busy machine a hash takes many
	// times as long as alone. It is less than queueLongest.
	workerPatience = 4 * time.Second
	// workerRest is how long a worker without a job keeps the memory of its last hash.
	workerRest = time.Second
)

// terms are the first message to a worker.
type terms struct {
	Idle bool // run only when no other thread wants the core
}

// job asks a worker for the hash that a password has. The answer is its text (Crypt).
type job struct {
	Hash     string // the setting
	Password string
}

// Serve is the whole work of a worker process: it reads jobs from the gate that started it and writes hashes, until in
// ends. It runs on one core, and collects garbage after each hash and at no other time.
//
// Serve locks its goroutine to a thread. The argon2 package computes each part of a hash (8 parts with the current
// cost) in a new goroutine, which then needs another thread, so that the system decides again who gets the core.
// Otherwise Linux since 6.6 (EEVDF) may leave the core to a hash until the next tick, whatever the policy, while
// threads that serve requests wait.
func Serve(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
	rest := time.AfterFunc(workerRest, upkeep.Watch{}.Guard("give back memory", debug.FreeOSMemory))
	defer rest.Stop()
	jobs, hashes := gob.NewDecoder(in), gob.NewEncoder(out)
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
		if _, err := read(j.Hash); err != nil {
			return err
		}
		if err := hashes.Encode(Derive(j.Hash, j.Password)); err != nil {
			return fmt.Errorf("answer a hash job: %w", err)
		}
		runtime.GC()
		rest.Reset(workerRest)
	}
}

// Processes hashes passwords in worker processes, one for each hash under way. Inside the gate, a thread that had used
// up its share of a core by hashing would go on to serve a request, and the system would run it last. The memory of
// finished hashes would also make the collector run more often for everything else.
//
// Idle workers run when no other thread wants the core. When one of them is too slow, sharing workers, which get a
// share of a core, do the work for a while.
type Processes struct {
	idle, sharing *pool
	log           *slog.Logger
	refrain       atomic.Pointer[time.Time] // until then no idle worker is asked; nil: they are asked
	refrainFor    time.Duration             // idleRefrain, but in tests
	failing       atomic.Bool               // no worker could hash the last password, which was logged
}

// NewProcesses returns Processes without a worker. command returns a new command that runs Serve; each worker is
// started when it is needed. Close must be called in the end.
func NewProcesses(command func() *exec.Cmd, log *slog.Logger) *Processes {
	return &Processes{log: log, refrainFor: idleRefrain, idle: &pool{command: command, terms: terms{Idle: true},
		patience: idlePatience},
		sharing: &pool{command: command, patience: workerPatience}}
}

// Derive is a Crypt that has a worker make the hash. If no worker can, Derive makes it in this process, and logs that
// once.
func (h *Processes) Derive(setting, password string) string {
	text, err := h.ask(setting, password)
	if err == nil {
		h.failing.Store(false)
		return text
	}
	if !h.failing.Swap(true) {
		h.log.Warn("passwords are hashed among the traffic, which slows it down: a process for them fails", "err", err)
	}
	return Derive(setting, password)
}

// onlySharing makes Derive ask no idle worker for the duration d.
func (h *Processes) onlySharing(d time.Duration) { h.refrain.Store(new(time.Now().Add(d))) }

func (h *Processes) ask(setting, password string) (string, error) {
	if until := h.refrain.Load(); until == nil || time.Now().After(*until) {
		text, err := h.idle.ask(setting, password)
		if !errors.Is(err, errLate) {
			h.sharing.dismiss()
			return text, err
		}
		h.onlySharing(h.refrainFor)
	}
	return h.sharing.ask(setting, password)
}

// Close ends the workers that have no job. Each other worker ends after its job.
func (h *Processes) Close() {
	h.idle.close()
	h.sharing.close()
}

// pool holds the workers with the same terms.
type pool struct {
	command func() *exec.Cmd
	terms   terms
	mu      sync.Mutex
	idle    []*worker // workers without a job, the one used last at the end
	closed  bool
	// patience is how long ask waits for the hash of one worker.
	patience time.Duration
}

var errLate = errors.New("it does not answer")

// ask has a worker make a hash: one that has no job, or a new one. When a worker from an earlier job fails, which may
// have ended since, ask tries the next. It fails with errLate when a worker takes longer than patience.
func (ws *pool) ask(setting, password string) (string, error) {
	for {
		w, used := ws.take()
		if !used {
			var err error
			if w, err = startWorker(ws.command(), ws.terms); err != nil {
				return "", err
			}
		}
		text, err := w.derive(setting, password, ws.patience)
		if err == nil {
			ws.give(w)
			return text, nil
		}
		w.stop()
		if !used || errors.Is(err, errLate) {
			return "", err
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

// keep keeps a worker for the next job, and reports false when the pool is closed.
func (ws *pool) keep(w *worker) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if !ws.closed {
		ws.idle = append(ws.idle, w)
	}
	return !ws.closed
}

// close ends the workers that have no job. Each other worker ends after its job.
func (ws *pool) close() {
	ws.mu.Lock()
	ws.closed = true
	ws.mu.Unlock()
	ws.dismiss()
}

// dismiss ends the workers that have no job, for the memory that they hold.
func (ws *pool) dismiss() {
	ws.mu.Lock()
	idle := ws.idle
	ws.idle = nil
	ws.mu.Unlock()
	for _, w := range idle {
		w.stop()
	}
}

// worker is a process that hashes. It ends when its input ends, and so with the gate, however the gate ends.
type worker struct {
	cmd    *exec.Cmd
	in     io.Closer
	jobs   *gob.Encoder
	hashes *gob.Decoder
	done   chan struct{} // closed when the process has ended
}

func startWorker(cmd *exec.Cmd, terms terms) (*worker, error) {
	cmd.Env = []string{} // the gate's environment has secrets
	cmd.Stderr = os.Stderr
	// The worker has a process group of its own: Ctrl-C is for the gate, and the niceness is for the worker alone.
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
	_ = syscall.Setpriority(syscall.PRIO_PGRP, cmd.Process.Pid, workerNice) // where it fails, hashes slow traffic down
	w := &worker{cmd, in, gob.NewEncoder(in), gob.NewDecoder(out), make(chan struct{})}
	go upkeep.Watch{}.Run(context.Background(), "wait for a process that hashes", func(context.Context) {
		_ = cmd.Wait() // a worker that failed is noticed by its next job
		close(w.done)
	})
	if err := w.jobs.Encode(terms); err != nil {
		w.stop()
		return nil, fmt.Errorf("send the terms: %w", err)
	}
	return w, nil
}

func (w *worker) derive(setting, password string, patience time.Duration) (text string, err error) {
	late := time.AfterFunc(patience, upkeep.Watch{}.Guard("end a process that hashes",
		func() { _ = w.cmd.Process.Kill() }))
	defer func() {
		if !late.Stop() && err != nil {
			err = errLate
		}
	}()
	if err := w.jobs.Encode(job{setting, password}); err != nil {
		return "", fmt.Errorf("send a hash job: %w", err)
	}
	if err := w.hashes.Decode(&text); err != nil {
		return "", fmt.Errorf("read a hash: %w", err)
	}
	if text != "" && len(text) != len(setting) {
		return "", fmt.Errorf("want a hash of %d bytes, got %d", len(setting), len(text))
	}
	return text, nil
}

// stop ends a worker that has no job or has failed, and returns when the process has ended.
func (w *worker) stop() {
	_ = w.in.Close()
	_ = w.cmd.Process.Kill()
	<-w.done
}
