package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// job is the work of the load generator: it sends one request again and again.
type job struct {
	Address     string
	Request     []byte
	Connections int
	Duration    time.Duration
	Rate        int  // requests a second in all; 0: as many as possible
	New         bool // each request has a new connection with TLS; without Rate
}

// load is the result of a job.
type load struct {
	Requests       int
	P50, P99, P999 time.Duration
}

// loadGrace is how long after the end of the job the last answers may arrive.
const loadGrace = 10 * time.Second

func serveLoad([]string) error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	l, err := j.run()
	if err != nil {
		return fmt.Errorf("load %s: %w", j.Address, err)
	}
	return json.NewEncoder(os.Stdout).Encode(l)
}

// run keeps one request under way on each connection. Any status but 200 ends the job: a refusal is cheaper
// than an answer, and would make the subject look faster than it is.
func (j job) run() (load, error) {
	start := time.Now()
	all := make([][]time.Duration, j.Connections)
	var g errgroup.Group
	for i := range all {
		g.Go(func() (err error) {
			if j.New {
				all[i], err = j.newConnections(start)
			} else {
				all[i], err = j.connection(start, i)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return load{}, err
	}
	took := slices.Concat(all...)
	slices.Sort(took)
	return load{len(took), permille(took, 500), permille(took, 990), permille(took, 999)}, nil
}

// permille returns the value at p thousandths of the sorted values.
func permille(sorted []time.Duration, p int) time.Duration {
	return sorted[min(len(sorted)*p/1000, len(sorted)-1)]
}

// connection sends requests one after the other until the time is up, at least one. At a fixed rate each
// request is due at a fixed moment, and its time counts from that moment, including any delay before it was
// sent.
func (j job) connection(start time.Time, number int) (took []time.Duration, err error) {
	conn, err := net.DialTimeout("tcp", j.Address, loadGrace)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(start.Add(j.Duration + loadGrace)); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	var every time.Duration
	sent := time.Now()
	if j.Rate > 0 {
		every = time.Second * time.Duration(j.Connections) / time.Duration(j.Rate)
		sent = start.Add(every * time.Duration(number) / time.Duration(j.Connections))
	}
	for {
		time.Sleep(time.Until(sent))
		if _, err := conn.Write(j.Request); err != nil {
			return nil, fmt.Errorf("send a request: %w", err)
		}
		if err := readAnswer(r); err != nil {
			return nil, err
		}
		now := time.Now()
		took = append(took, now.Sub(sent))
		if now.Sub(start) >= j.Duration {
			return took, nil
		}
		if sent = sent.Add(every); every == 0 {
			sent = now
		}
	}
}

var contentLength = []byte("Content-Length: ")

// readAnswer does as little work as possible, since the load generator takes CPU time from the process that it
// measures.
func readAnswer(r *bufio.Reader) error {
	_, err := readLong(r)
	return err
}

// readLong returns how long the answer's body was.
func readLong(r *bufio.Reader) (int, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, fmt.Errorf("read the answer: %w", err)
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("want status 200, got %q", bytes.TrimSpace(line))
	}
	length := -1
	for {
		if line, err = r.ReadSlice('\n'); err != nil {
			return 0, fmt.Errorf("read the answer's header: %w", err)
		}
		if len(line) <= len("\r\n") {
			break
		}
		if value, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, fmt.Errorf("read the answer's length: %w", err)
			}
		}
	}
	if length < 0 {
		return 0, errors.New("the answer has no Content-Length")
	}
	if _, err := r.Discard(length); err != nil {
		return 0, fmt.Errorf("read the answer's body: %w", err)
	}
	return length, nil
}
