package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

// notify tells systemd the state of the gate. Without systemd it does nothing, and a failure is only logged.
func (g *gate) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		g.log.Warn("systemd was not told how the gate is", "state", state, "err", err)
	}
}

// passedOn returns the listeners that systemd, or another parent process with its protocol (sd_listen_fds(3)),
// opened for the gate. Their names are http, ops and public. Every other name counts as public, because systemd
// names a socket after its unit when it has no name of its own.
func passedOn() (map[string]net.Listener, error) {
	passed := map[string]net.Listener{}
	for _, file := range activation.Files(true) {
		l, err := net.FileListener(file)
		_ = file.Close() // the listener has a copy
		if err != nil {
			return passed, fmt.Errorf("the socket %q that was passed on cannot be listened on: %w", file.Name(), err)
		}
		name := file.Name()
		if name != "http" && name != "ops" {
			name = "public"
		}
		if passed[name] != nil {
			_ = l.Close()
			return passed, fmt.Errorf("two sockets were passed on for %s: one each for public, http and ops "+
				"(FileDescriptorName=)", name)
		}
		passed[name] = l
	}
	return passed, nil
}

// fit checks the settings against the passed-on listeners, which replace the addresses in the settings.
func fit(c *config.Config, passed listeners) error {
	var list config.Faults
	if passed.public != nil {
		address, ok := passed.public.Addr().(*net.TCPAddr)
		switch {
		case !ok:
			list.Add(fmt.Errorf("the socket %s was passed on, and only one of TCP tells where visitors come from "+
				"(ListenStream=127.0.0.1:8080)", passed.public.Addr()))
		case !address.IP.IsLoopback() && config.Lookup(c.Env, "GATEPOST_PUBLIC_URL") == "":
			list.Add(fmt.Errorf("GATEPOST_PUBLIC_URL is needed because the socket %s that was passed on can be "+
				"reached from other machines: set it to the address people type, for example https://app.example.com",
				address))
		}
	}
	if passed.ops != nil && c.Settings.OpsListen == "off" {
		list.Add(errors.New("a socket named ops was passed on, and GATEPOST_OPS_LISTEN is off: leave out one of them"))
	}
	if passed.plain != nil && !c.TLS {
		list.Add(errors.New("a socket named http was passed on to send visitors to https, which nobody here serves: " +
			"set GATEPOST_TLS_CERT and GATEPOST_TLS_KEY, or GATEPOST_ACME_DOMAINS"))
	}
	return list.OrNil()
}

// drain ends the gate's traffic. Load balancers learn of it first. Then no new connections are taken, WebSockets
// and event streams end, and requests under way are answered.
func (g *gate) drain(l listeners) {
	g.notify(daemon.SdNotifyStopping)
	g.ready.draining.Store(true)
	time.Sleep(g.c.DrainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), g.c.DrainTimeout)
	defer cancel()
	// The ops listener stays open, so that probes are answered.
	listeners{public: l.public, plain: l.plain, ask: l.ask}.Close()
	g.proxy.EndStreams(proxy.ErrStopping, time.Now())
	g.connections.wait(ctx, farewell)
	g.public.SetKeepAlivesEnabled(false) // closes idle connections
	g.ask.SetKeepAlivesEnabled(false)
	g.connections.wait(ctx, g.c.DrainTimeout)
	if err := errors.Join(g.public.Shutdown(ctx), g.plain.Shutdown(ctx), g.ask.Shutdown(ctx)); err != nil {
		g.log.Warn("some requests were cut off", "after", g.c.DrainTimeout)
	}
}

// farewell is the time a connection has to carry one more answer, which announces that the connection ends. Closing
// an idle connection at once would lose a request that is already on its way. It begins anew at each request, so that a
// busy machine gets through what waits.
const farewell = time.Second

// windingDown makes each HTTP/1 answer of a stopping gate announce that its connection ends. HTTP/2 has GOAWAY for
// this.
func (g *gate) windingDown(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.ready.draining.Load() && r.ProtoMajor == 1 && r.Header.Get("Upgrade") == "" {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// reloadOn calls reload at each SIGHUP.
func (g *gate) reloadOn(hangups <-chan os.Signal) {
	g.keep("wait to be told to reload", func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				g.reload(ctx)
			}
		}
	})
}

// reload applies what settings name in files: the certificate, the pages and the mail server. A fault in any
// setting keeps everything as it was.
func (g *gate) reload(ctx context.Context) {
	if g.ready.draining.Load() {
		return
	}
	g.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, monotonic()))
	defer g.notify(daemon.SdNotifyReady)
	c, err := config.Load(ctx, g.c.Env)
	var ui *loginui.UI
	if err == nil {
		// With the values they got at start.
		c.PublicURL, c.Settings.AppName, c.Verify = g.c.PublicURL, g.c.Settings.AppName, g.c.Verify
		c.PasswordsOff, c.APIAuthApp = g.c.PasswordsOff, g.c.APIAuthApp
		if c.Deliver == nil {
			c.Deliver = g.c.Deliver
		}
		ui, err = c.UI(g.store, g.log)
	}
	if err != nil {
		g.log.Error("the settings were not taken over; those before go on", "err", err)
		return
	}
	for _, name := range g.c.Settings.Differences(c.Settings) {
		g.log.Warn("this setting has changed and is taken over by a restart only", "setting", name)
	}
	if g.c.Certificate != nil {
		g.c.Certificate.Reload(g.log)
	}
	g.ui.Store(g.newPages(ui))
	if c.Deliver != nil {
		g.deliver.Store(&c.Deliver)
	}
	g.log.Info("the files that settings name were read again")
}
