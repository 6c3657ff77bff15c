package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/gatepost/gatepost/loginui"
)

// notify tells systemd how the gate is; without systemd nobody listens, and what goes wrong with it stops nothing.
func (g *gate) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		g.log.Warn("systemd was not told how the gate is", "state", state, "err", err)
	}
}

// passedOn are listeners that systemd opened, or another parent by its protocol (sd_listen_fds(3)), by their name. A nameless
// one is the public one.
func passedOn() (map[string]net.Listener, error) {
	passed := map[string]net.Listener{}
	for _, file := range activation.Files(true) {
		l, err := net.FileListener(file)
		_ = file.Close() // the listener has a copy
		if err != nil {
			return nil, fmt.Errorf("the socket %q that was passed on cannot be listened on: %w", file.Name(), err)
		}
		switch name := file.Name(); {
		case name == "http" || name == "ops":
			passed[name] = l
		case passed["public"] == nil:
			passed["public"] = l
		default:
			return nil, fmt.Errorf("the socket %q was passed on and is not needed: there are public, http and ops (FileDescriptorName=)", name)
		}
	}
	return passed, nil
}

// drain lets go of the gate's traffic: balancers learn of it first, then sockets and event streams end, and what is under way is
// answered. Nothing new is taken.
func (g *gate) drain(l listeners) {
	g.notify(daemon.SdNotifyStopping)
	g.ready.draining.Store(true)
	time.Sleep(g.c.drainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), g.c.drainTimeout)
	defer cancel()
	listeners{public: l.public, plain: l.plain}.Close() // whoever looks after us may go on to ask
	g.public.SetKeepAlivesEnabled(false)
	g.proxy.EndStreams()
	g.connections.wait(ctx)
	if err := errors.Join(g.public.Shutdown(ctx), g.plain.Shutdown(ctx)); err != nil {
		g.log.Warn("some requests were cut off", "after", g.c.drainTimeout)
	}
}

// reloadOnHangup has files read again at each SIGHUP. It has to be there before anybody is told that we are: the signal would end us.
func (g *gate) reloadOnHangup() {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	g.onClose(func() { signal.Stop(hangups) })
	g.keep(func(ctx context.Context) {
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

// reload takes over what stands in files: the certificate, the pages, and the mail server. With a fault anywhere all stays as it was.
func (g *gate) reload(ctx context.Context) {
	g.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, monotonic()))
	defer g.notify(daemon.SdNotifyReady)
	c, err := loadConfig(ctx, g.c.env)
	var ui *loginui.UI
	if err == nil {
		c.publicURL, c.verify = g.c.publicURL, g.c.verify // as they became at start
		if c.deliver == nil {
			c.deliver = g.c.deliver
		}
		ui, err = newUI(c, g.store, g.log)
	}
	if err != nil {
		g.log.Error("the settings were not taken over; those before go on", "err", err)
		return
	}
	for _, name := range g.c.settings.differences(c.settings) {
		g.log.Warn("this setting has changed and is taken over by a restart only", "setting", name)
	}
	if g.c.certificate != nil {
		g.c.certificate.reload(g.log)
	}
	g.ui.Store(newPages(ui))
	if c.deliver != nil {
		g.deliver.Store(&c.deliver)
	}
	g.log.Info("the files that settings name were read again")
}
