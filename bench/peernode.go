package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/internal/localpg"
)

// openBetterAuth starts an app of Node three times: without a check, with Better Auth's getSession, and with its cookie
// cache.
func (c *comparison) openBetterAuth(ctx context.Context, _ string) error {
	if err := c.need(ctx, "make", "bench/peers/node_modules/.package-lock.json"); err != nil {
		return err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return missingError{"Node is not installed: scripts/need npm"}
	}
	version, err := c.betterAuthVersion()
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return missingError{"node --version: " + err.Error()}
	}
	on := "Node " + strings.TrimSpace(string(out))
	without := len(c.peers)
	for _, app := range []struct{ check, name, checks string }{
		{"none", on + ", no check", checksNothing},
		{"session", "Better Auth " + version, checksSession},
		{"cache", "with cookie cache", checksCookie},
	} {
		if err := c.addApp(ctx, node, app.check); err != nil {
			return err
		}
		p := &c.peers[len(c.peers)-1]
		p.name, p.checks, p.inApp, p.stored = app.name, app.checks, true, app.check == "session"
		if app.check != "none" {
			p.without = without
		}
	}
	return nil
}

func (c *comparison) betterAuthVersion() (string, error) {
	b, err := os.ReadFile(filepath.Join(c.root, "bench", "peers", "node_modules", "better-auth", "package.json"))
	if err != nil {
		return "", missingError{"it is not installed: make bench/peers/node_modules/.package-lock.json"}
	}
	var installed struct{ Version string }
	err = json.Unmarshal(b, &installed)
	return installed.Version, err
}

// addApp starts the app with a database of its own, and signs a user up where it has users.
func (c *comparison) addApp(ctx context.Context, node, check string) error {
	env, err := c.newDatabase(ctx, "better_auth_"+check)
	if err != nil {
		return err
	}
	app, address, err := listening(startPrinting(ctx, func(ctx context.Context) *exec.Cmd {
		cmd := command(ctx, node, filepath.Join(c.root, "bench", "peers", "better-auth.js"))
		cmd.Env = append(append(cmd.Env, env...), "NODE_ENV=production", "CHECK="+check, "SECRET="+rand.Text()+rand.Text())
		return cmd
	}))
	if err != nil {
		return err
	}
	c.onClose(app.stop)
	var cookies string
	if check != "none" {
		cookies, err = signIn(ctx, "http://"+address+"/api/auth/sign-up/email", "application/json",
			`{"name":"Ada","email":"bench@example.com","password":"correct horse battery"}`)
		if err != nil {
			return err
		}
	}
	c.add("", "", address, cookies, app.pid())
	return nil
}

// newDatabase makes a database, and returns the variables that lead to it.
func (c *comparison) newDatabase(ctx context.Context, name string) (env []string, err error) {
	conn, err := pgx.Connect(ctx, c.database.URL(localpg.Superuser))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return nil, fmt.Errorf("make a database: %w", err)
	}
	at := conn.Config()
	return []string{"PGHOST=" + at.Host, "PGPORT=" + strconv.Itoa(int(at.Port)), "PGUSER=" + at.User,
		"PGDATABASE=" + name}, nil
}
