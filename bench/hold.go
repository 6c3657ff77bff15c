package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// holding is the work of a process that opens connections, each with the same request, and keeps them open.
type holding struct {
	Address     string
	Request     []byte
	Status      int // of the answer
	Connections int
}

// ends are when the first and the last of the connections were closed from the other side.
type ends struct{ First, Last time.Time }

// serveHold opens the connections, says so on standard output, waits until all are closed, and says when that was.
func serveHold([]string) error {
	var h holding
	if err := json.NewDecoder(os.Stdin).Decode(&h); err != nil {
		return fmt.Errorf("read what to hold: %w", err)
	}
	return h.run(os.Stdout)
}

// opening is how many connections are being opened at once. Listeners have a queue for more.
const opening = 64

func (h holding) run(to io.Writer) error {
	conns := make([]net.Conn, h.Connections)
	var g errgroup.Group
	g.SetLimit(opening)
	for i := range conns {
		g.Go(func() (err error) {
			conns[i], err = h.open()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	closed := make(chan time.Time)
	for _, c := range conns {
		go func() {
			_, _ = io.Copy(io.Discard, c)
			closed <- time.Now()
			_ = c.Close()
		}()
	}
	if _, err := fmt.Fprintln(to, "open"); err != nil {
		return err
	}
	e := ends{First: <-closed}
	e.Last = e.First
	for range len(conns) - 1 {
		if at := <-closed; at.After(e.Last) {
			e.Last = at
		}
	}
	return json.NewEncoder(to).Encode(e)
}

// open opens a connection and reads the header of the answer, but not further.
func (h holding) open() (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", h.Address, loadGrace)
	if err != nil {
		return nil, err
	}
	if err := h.ask(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (h holding) ask(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(loadGrace)); err != nil {
		return err
	}
	if _, err := conn.Write(h.Request); err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	in := bufio.NewReaderSize(conn, 1<<10)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if want := fmt.Appendf(nil, "HTTP/1.1 %d ", h.Status); !bytes.HasPrefix(line, want) {
		return fmt.Errorf("want status %d, got %q", h.Status, bytes.TrimSpace(line))
	}
	for len(bytes.TrimSpace(line)) > 0 {
		if line, err = in.ReadBytes('\n'); err != nil {
			return fmt.Errorf("read the answer's header: %w", err)
		}
	}
	return conn.SetDeadline(time.Time{})
}

// held are connections that a process of its own holds.
type held struct {
	*child
	out  *bufio.Reader
	pipe *os.File
}

// hold returns when all connections are open.
func hold(ctx context.Context, h holding) (*held, error) {
	in, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write what to hold: %w", err)
	}
	c, pipe, err := startRole(ctx, bytes.NewReader(in), "hold")
	if err != nil {
		return nil, err
	}
	all := &held{c, bufio.NewReader(pipe), pipe}
	if line, err := all.out.ReadString('\n'); err != nil || line != "open\n" {
		all.stop()
		return nil, fmt.Errorf("%d connections did not open: %q, %w", h.Connections, line, err)
	}
	return all, nil
}

func (h *held) stop() {
	h.child.stop()
	_ = h.pipe.Close()
}

var errClosedEarly = errors.New("a connection was closed before the log-out")

// closingPatience is how long the last connection may take to be closed after a log-out.
const closingPatience = 30 * time.Second

// endBy does something that ends all connections, and returns how long after its beginning the last was closed.
func (h *held) endBy(end func() error) (time.Duration, error) {
	var late atomic.Bool
	patience := time.AfterFunc(closingPatience, func() { late.Store(true); h.cancel() })
	defer patience.Stop()
	began := time.Now()
	if err := end(); err != nil {
		return 0, err
	}
	var e ends
	if err := json.NewDecoder(h.out).Decode(&e); err != nil {
		if late.Load() {
			return 0, fmt.Errorf("connections were open %v after the log-out", closingPatience)
		}
		return 0, fmt.Errorf("read when connections were closed: %w", err)
	}
	if e.First.Before(began) {
		return 0, errClosedEarly
	}
	return e.Last.Sub(began), nil
}
