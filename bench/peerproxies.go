package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Where the files in bench/peers say that these are.
const (
	listenHere = "127.0.0.1:8080"
	appHere    = "127.0.0.1:3000"
	gateHere   = "127.0.0.1:9191"
)

// front starts a proxy that listens at an address, and waits until it listens. What it logs goes to the gate's
// log, which is emptied after each slice.
func (c *comparison) front(ctx context.Context, address, program string, args ...string) (*child, error) {
	proxy, err := start(ctx, func(ctx context.Context) *exec.Cmd {
		cmd := command(ctx, program, args...)
		cmd.Stdout, cmd.Stderr = c.gateLog, c.gateLog
		cmd.Env = append(cmd.Env, "XDG_CONFIG_HOME="+c.dir, "XDG_DATA_HOME="+c.dir)
		return cmd
	})
	if err != nil {
		return nil, err
	}
	c.onClose(proxy.stop)
	return proxy, c.waitFor(ctx, proxy, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// add adds a peer that stands in front of the app.
func (c *comparison) add(name, checks, address, cookie string, pid int, beside ...int) {
	c.peers = append(c.peers, peer{name: name, checks: checks, subject: subject{pid: pid, beside: beside,
		job: job{Address: address, Request: c.request(c.o.path, cookie), Connections: c.o.connections, Duration: slice}}})
}

// freeAddress returns an address that nothing listens on.
func freeAddress() (string, error) {
	port, err := freePort()
	return "127.0.0.1:" + port, err
}

func (c *comparison) openNginx(ctx context.Context, cookie string) error {
	if err := c.need(ctx, "scripts/need", "nginx"); err != nil {
		return err
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // which is not on everybody's path
	}
	out, err := exec.CommandContext(ctx, program, "-v").CombinedOutput()
	if err != nil {
		return missingError{err.Error()}
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(out)), "nginx/")
	return c.addBoth(ctx, "nginx "+version, cookie, [2]string{"nginx.conf", "nginx-auth-request.conf"},
		func(file, address string) (*child, error) {
			dir, err := os.MkdirTemp(c.dir, "nginx-") // for its files, two of which have the same name in both
			if err != nil {
				return nil, err
			}
			replace := []string{listenHere, address, appHere, c.upstream, "/tmp/access.log", c.gateLog.Name(), "/tmp", dir,
				"worker_processes 2", "worker_processes " + strconv.Itoa(runtime.GOMAXPROCS(0))}
			if file != "nginx.conf" {
				replace = append(replace, gateHere, c.asks)
			}
			path, err := c.config(file, replace...)
			if err != nil {
				return nil, err
			}
			return c.front(ctx, address, program, "-e", "stderr", "-c", path)
		})
}

// addBoth starts a proxy twice: by itself, and asking the gate. Then the gate's time counts too.
func (c *comparison) addBoth(ctx context.Context, name, cookie string, files [2]string,
	run func(file, address string) (*child, error)) error {
	for i, file := range files {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		proxy, err := run(file, address)
		if err != nil {
			return err
		}
		if i == 0 {
			c.add(name, checksNothing, address, cookie, 0, proxy.pid())
		} else {
			c.add(name+" + gate", checksSession, address, cookie, c.keeping.child.pid(), proxy.pid())
			c.peers[len(c.peers)-1].stored = true
		}
	}
	return nil
}

// built returns a program that scripts/need builds from its Go module, and its version.
func (c *comparison) built(ctx context.Context, name, module string) (program, version string, err error) {
	if err := c.need(ctx, "scripts/need", name); err != nil {
		return "", "", err
	}
	if version, err = goList(ctx, filepath.Join(c.root, "tools", name), "{{.Version}}", module); err != nil {
		return "", "", err
	}
	program = filepath.Join(c.root, "bin", name+"-"+version)
	if _, err := os.Stat(program); err != nil {
		return "", "", missingError{"it is not built: scripts/need " + name}
	}
	return program, version, nil
}

func (c *comparison) openCaddy(ctx context.Context, cookie string) error {
	program, version, err := c.built(ctx, "caddy", "github.com/caddyserver/caddy/v2")
	if err != nil {
		return err
	}
	return c.addBoth(ctx, "Caddy "+version, cookie, [2]string{"Caddyfile", "Caddyfile.forward-auth"},
		func(file, address string) (*child, error) {
			_, port, _ := net.SplitHostPort(address)
			replace := []string{"http://:8080", "http://:" + port, appHere, c.upstream}
			if file != "Caddyfile" {
				replace = append(replace, gateHere, c.asks)
			}
			path, err := c.config(file, replace...)
			if err != nil {
				return nil, err
			}
			return c.front(ctx, address, program, "run", "--adapter", "caddyfile", "--config", path)
		})
}
