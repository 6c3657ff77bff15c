package acceptance_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// Each server of the gate limits how long a client may take to send a request, and how long a connection may be
// idle.
func TestEveryServerHasItsLimits(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../internal/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	servers := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/doctor/") ||
			strings.Contains(file, "/smtp/") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		servers += strings.Count(string(b), "&http.Server{")
		for _, part := range strings.Split(string(b), "&http.Server{")[1:] {
			part, _, _ = strings.Cut(part, "}\n")
			for _, limit := range []string{"ReadHeaderTimeout:", "IdleTimeout:", "MaxHeaderBytes:"} {
				if !strings.Contains(part, limit) {
					t.Errorf("%s: a server has no %s", file, limit)
				}
			}
		}
	}
	if servers < 4 {
		t.Errorf("only %d servers were found", servers)
	}
}

// Idle connections to the ops listener are closed when there are too many, and a probe gets its answer.
func TestAProberGetsInHoweverManyConnectionsAreOpen(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)
	address := strings.TrimPrefix(g.ops, "http://")
	var held []net.Conn
	defer func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	}()
	for range 2 * 128 { // the gate keeps 128 open
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	res, err := (&http.Client{Timeout: 10 * time.Second}).Get(g.ops + "/healthz")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the prober: %v, %v", res, err)
	}
	_ = res.Body.Close()
	_ = held[0].SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := held[0].Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the first that asks for nothing is still there: %v", err)
	}
}

// Only the monitoring reaches the ops port in the cluster.
func TestTheClusterReachesNoOpsPort(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../deploy/kubernetes/gatepost.yaml")
	if err != nil {
		t.Fatal(err)
	}
	policy := ""
	for _, part := range strings.Split(string(b), "\n---\n") {
		if strings.Contains(part, "kind: NetworkPolicy") &&
			strings.Contains(part, "podSelector: { matchLabels: { app: gatepost } }\n  policyTypes") {
			policy = part
		}
	}
	for _, rule := range strings.Split(policy, "\n    - ")[1:] {
		if strings.Contains(rule, "ops") == !strings.Contains(rule, "from:") {
			t.Errorf("a rule lets everybody to the ops port, or not everybody to the other: %s", rule)
		}
	}
	if strings.Count(policy, "\n    - ") != 2 {
		t.Errorf("the policy of the gates is %q", policy)
	}
}
