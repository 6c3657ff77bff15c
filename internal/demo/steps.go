package demo

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/server"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// tickEvery is how long a step may be silent: whoever sees nothing for longer thinks that it hangs. It is that of
// scripts/quietly.
const tickEvery = 4 * time.Second

// steps says what the demo does: a line for each step, and a tick while one takes long.
type steps struct {
	mu   sync.Mutex
	out  io.Writer
	end  context.CancelFunc // of the ticks of this step; nil: no step goes on
	over bool               // no step begins any more
}

// begin ends the step before, and says which one begins.
func (s *steps) begin(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endTicks()
	if s.over {
		return
	}
	fmt.Fprintf(s.out, "==> %s\n", what)
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	go upkeep.Watch{}.Run(ctx, "say that a step goes on", s.tick)
}

// done ends the step, and says something. No tick comes after it.
func (s *steps) done(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endTicks()
	_, err := io.WriteString(s.out, text)
	return err
}

// close ends the last step, and says something, which is the end.
func (s *steps) close(text string) error {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	return s.done(text)
}

func (s *steps) endTicks() {
	if s.end != nil {
		s.end()
		s.end = nil
	}
}

func (s *steps) tick(ctx context.Context) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for so := tickEvery; ; so += tickEvery {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.say(ctx, so)
		}
	}
}

// say says for how long the step goes on, unless it has ended meanwhile.
func (s *steps) say(ctx context.Context, so time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() == nil {
		fmt.Fprintf(s.out, "    … %d s\n", int(so.Seconds()))
	}
}

// of tells of a step of the gate.
func (s *steps) of(step server.Step) {
	s.begin(map[server.Step]string{
		server.OpenDatabase:    "Starting PostgreSQL. The first time it makes its files.",
		server.MigrateDatabase: "Bringing the tables up to date.",
		server.OpenGate:        "Starting the gate and the sample app.",
	}[step])
}
