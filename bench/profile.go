package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// profileTime is how long the gate is profiled.
const profileTime = 30 * time.Second

// runProfile writes a CPU profile of the gate under load, for go build -pgo: go run ./bench profile FILE.
func runProfile(args []string) error {
	if len(args) != 1 {
		return errors.New("profile takes the name of a file")
	}
	ctx, stop := untilInterrupted()
	defer stop()
	s := &site{}
	defer s.Close()
	o := options{connections: 32, path: "/dashboard/items/42"}
	if err := s.open(ctx, o); err != nil {
		return err
	}
	cookie, err := s.signUp(ctx)
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	ops := "127.0.0.1:" + port
	if s.keeping, err = s.startGate(ctx, s.program, "GATEPOST_PROFILING=true", "GATEPOST_OPS_LISTEN="+ops); err != nil {
		return err
	}
	defer s.keeping.child.stop()
	written := make(chan error, 1)
	go func() { written <- fetchProfile(ops, args[0]) }()
	subjects := s.subjects(o, cookie)
	for {
		for _, i := range []int{public, signedIn} {
			select {
			case err := <-written:
				return err
			default:
			}
			if _, err := s.slice(ctx, subjects[i]); err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
		}
	}
}

func fetchProfile(ops, file string) error {
	res, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", ops, profileTime.Seconds()))
	if err != nil {
		return fmt.Errorf("fetch the profile: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("fetch the profile: %s, %w", res.Status, err)
	}
	return os.WriteFile(file, b, 0o644)
}
