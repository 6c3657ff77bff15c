package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"time"
)

// transfer is one long download or upload over a connection of its own.
type transfer struct {
	Address       string
	Request       []byte
	Send, Receive int64 // bytes of the bodies; 0: none is sent, or any is received
}

// transferTime limits a transfer.
const transferTime = time.Minute

// serveTransfer does a transfer.
func serveTransfer([]string) error {
	var t transfer
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		return fmt.Errorf("read what to transfer: %w", err)
	}
	if err := t.run(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode("done")
}

func (t transfer) run() error {
	conn, err := net.DialTimeout("tcp", t.Address, loadGrace)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(transferTime)); err != nil {
		return err
	}
	if _, err := conn.Write(t.Request); err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	block := make([]byte, 64<<10)
	for left := t.Send; left > 0; {
		n, err := conn.Write(block[:min(left, int64(len(block)))])
		if err != nil {
			return fmt.Errorf("send a body: %w", err)
		}
		left -= int64(n)
	}
	got, err := readLong(bufio.NewReaderSize(conn, len(block)))
	if err == nil && t.Receive > 0 && int64(got) != t.Receive {
		err = fmt.Errorf("want %d bytes, got %d", t.Receive, got)
	}
	return err
}

// transfers are the transfers in one direction.
type transfers struct {
	costs
	bareGrown, gateGrown []float64 // bytes of memory more than before, at most
}

const download, upload = 0, 1

// transfer measures long transfers by turns. The first round is shorter and does not count.
func (c *crowd) transfer(ctx context.Context) error {
	for round := range c.rounds + 1 {
		say("a long download and a long upload, round %d of %d", round, c.rounds)
		size, to := c.bytes, &c.res.long
		if round == 0 {
			size, to = max(1, c.bytes/4), &[2]transfers{}
		}
		for direction := range to {
			order := []bool{false, true}
			if round%2 == 0 {
				slices.Reverse(order)
			}
			for _, gated := range order {
				if err := c.transferOne(ctx, direction, size, gated, &to[direction]); err != nil {
					return fmt.Errorf("a long transfer: %w\n%s", err, tail(c.gateLog))
				}
			}
		}
	}
	return nil
}

func (c *crowd) transferOne(ctx context.Context, direction int, size int64, gated bool, to *transfers) error {
	pid, address := c.bare.pid(), c.bareAddress
	if gated {
		pid, address = c.keeping.child.pid(), c.keeping.address
	}
	t := transfer{Address: address, Receive: size,
		Request: get(fmt.Sprintf("%s?bytes=%d", largePath, size), c.keeping, c.token, "")}
	if direction == upload {
		t.Send, t.Receive = size, 0
		t.Request = post(largePath, c.keeping, c.token, size)
	}
	if err := forgetPeak(pid); err != nil {
		return err
	}
	memory, err := resident(pid)
	if err != nil {
		return err
	}
	before, err := ownCPUTime(pid)
	if err != nil {
		return err
	}
	var done string
	if err := runRole(ctx, "transfer", t, &done); err != nil {
		return err
	}
	after, err := ownCPUTime(pid)
	if err != nil {
		return err
	}
	most, err := peak(pid)
	if err != nil {
		return err
	}
	cost, grown := (after-before).Seconds()*1e3*(1<<30)/float64(size), float64(most-memory)
	if gated {
		to.gate, to.gateGrown = append(to.gate, cost), append(to.gateGrown, grown)
	} else {
		to.bare, to.bareGrown = append(to.bare, cost), append(to.bareGrown, grown)
	}
	return nil
}
