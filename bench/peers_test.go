package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is installed is measured, and what is not is named. Nothing is said of how fast it may be.
func TestOneShortRoundOfPeers(t *testing.T) {
	if !supported {
		t.Skip("needs Linux")
	}
	runtime.LockOSThread() // see untilInterrupted
	defer runtime.UnlockOSThread()
	o, err := parsePeerFlags([]string{"-installed", "-rounds=1", "-turn=500ms", "-warm=1", "-connections=4"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := compare(t.Context(), o)
	if err != nil && os.Getenv("CI") == "" && strings.Contains(err.Error(), "no PostgreSQL server programs") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := c.print(&table); err != nil {
		t.Fatal(err)
	}
	t.Log(table.String())
	for _, name := range []string{names[bare], names[public], names[signedIn], "nginx", "Caddy", "oauth2-proxy",
		"Better Auth"} {
		line := strings.Contains(table.String(), "\n"+name)
		if out := strings.Contains(table.String(), "\nleft out: "+name+": "); line == out {
			t.Errorf("%s: measured is %v, and left out is %v", name, line, out)
		}
	}
	for _, p := range c.peers {
		if len(p.samples) != 1 || p.samples[0].requests < o.connections || p.samples[0].own <= 0 {
			t.Errorf("%s: %+v", p.name, p.samples)
		}
	}
}

// twoApps are a bare proxy, another proxy, and an app with and without a check, in two rounds.
func twoApps() *comparison {
	spent := func(ms ...time.Duration) (list []sample) {
		for _, cpu := range ms {
			list = append(list, sample{1000, usage{own: cpu * time.Millisecond, postgres: 7 * time.Millisecond}})
		}
		return list
	}
	return &comparison{peers: []peer{
		{name: "bare", samples: spent(10, 20)},
		{name: "proxy", samples: spent(30, 40)},
		{name: "app", inApp: true, samples: spent(25, 50)},
		{name: "check", inApp: true, stored: true, without: 2, samples: spent(45, 80)},
	}, missing: []string{"other: nobody has it"}}
}

func TestWhatACheckAddsIsTakenRoundByRound(t *testing.T) {
	t.Parallel()
	c := twoApps()
	if got, want := c.costs(c.peers[3]), []float64{20, 30}; !slices.Equal(got, want) {
		t.Errorf("a check adds %v, want %v", got, want)
	}
	if got, want := c.ratio(c.peers[3]), (spread{1.5, 1.75, 2}); got != want {
		t.Errorf("in times of the bare proxy %v, want %v", got, want)
	}
	if got, want := c.ratio(c.peers[1]), (spread{2, 2.5, 3}); got != want {
		t.Errorf("a proxy costs %v, want %v", got, want)
	}
}

func TestTableAndPlotOfPeersAreWritten(t *testing.T) {
	t.Parallel()
	folder, c := t.TempDir(), twoApps()
	page := filepath.Join(folder, "performance.md")
	before := "a\n" + tableBegins + "\nstays\n" + tableEnds + "\n" + peersBegin + "\nold\n" + tableEnds + "\nz\n"
	if err := os.WriteFile(page, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.write(folder); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(page)
	for _, want := range []string{"a\n" + tableBegins + "\nstays\n" + tableEnds, "\ncheck, adds ", "25.0 (20.0 – 30.0)",
		"7.0 (7.0 – 7.0)", "\nleft out: other: nobody has it\n", "of 2 rounds", tableEnds + "\nz\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "old") {
		t.Error("the table before is still there")
	}
	plot, _ := os.ReadFile(filepath.Join(folder, "peers.svg"))
	for want, times := range map[string]int{">bare<": 1, ">proxy<": 1, ">check, adds<": 1, ">app": 0, ">1.75<": 1} {
		if got := strings.Count(string(plot), want); got != times {
			t.Errorf("the plot has %q %d times, want %d", want, got, times)
		}
	}
}

func TestAConfigurationHasWhatIsPutIn(t *testing.T) {
	t.Parallel()
	c := &comparison{root: "..", dir: t.TempDir()}
	if _, err := c.config("Caddyfile", gateHere, "127.0.0.1:1"); err == nil {
		t.Error("a file that does not name the gate was taken for one that asks it")
	}
	path, err := c.config("Caddyfile.forward-auth", gateHere, "127.0.0.1:1", appHere, "127.0.0.1:2")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	if strings.Count(string(text), "127.0.0.1:1 {") != 1 || strings.Count(string(text), "127.0.0.1:2 {") != 1 {
		t.Errorf("got\n%s", text)
	}
}
