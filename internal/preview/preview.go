// Package preview shows every page and every mail in a browser, for whoever writes other words, templates or styles.
// The settings are those of a gate, the pages those that a gate would show, and the people on them samples. A file that
// is saved shows at once, and what is wrong with it as well.
//
// It listens on this machine only, has no database and no app, logs nobody in, and takes no form.
package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"time"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/upkeep"
	"github.com/gatepost/gatepost/proxy"
)

// Options are what Run needs.
type Options struct {
	// Env has the settings, as for a gate.
	Env []string
	// Listen is the address of the gallery, on this machine, as localhost:8070. Port 0: any that is free.
	Listen string
	// Open has the browser of whoever runs it open the gallery.
	Open bool
	// Stdout gets the address.
	Stdout io.Writer
}

const (
	// headerTimeout bounds the wait for the header of a request.
	headerTimeout = 10 * time.Second
	// idleTimeout is how long an idle connection is kept, and headerBytes how long a header may be.
	idleTimeout = time.Minute
	headerBytes = 16 << 10
	// every is how often the files are looked at: soon enough to seem at once.
	every = 300 * time.Millisecond
)

// Run shows the gallery until ctx ends.
func Run(ctx context.Context, o Options) error {
	host, err := config.CheckAddress("--listen", o.Listen)
	if err != nil {
		return err
	}
	if !proxy.IsLoopback(host) {
		return fmt.Errorf("--listen: %s can be reached from other machines; name an address of this one, as localhost:8070",
			config.Quote(o.Listen))
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.Resolvable(o.Listen))
	if err != nil {
		return fmt.Errorf("--listen: nothing can listen on %s: %w; name another port", config.Quote(o.Listen),
			config.Cause(err))
	}
	defer l.Close()
	s := newStudio(o.Env)
	s.look(ctx)
	watched, stop := context.WithCancel(ctx)
	defer stop()
	go upkeep.Watch{}.Run(watched, "watch the files of the preview", s.watch)
	url := fmt.Sprintf("http://localhost:%d/", l.Addr().(*net.TCPAddr).Port)
	fmt.Fprintf(o.Stdout, "Every page and every mail: %s\n%sCtrl-C ends the preview.\n", url, s.watches())
	if o.Open {
		open(ctx, url)
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerBytes,
		BaseContext:    func(net.Listener) context.Context { return ctx }}
	context.AfterFunc(ctx, upkeep.Watch{}.Guard("end the preview", func() { _ = server.Close() }))
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the preview: %w", err)
	}
	return nil
}

// open has the browser open an address. It is written out as well, so that a failure does no harm.
func open(ctx context.Context, url string) {
	program := []string{"xdg-open", url}
	switch runtime.GOOS {
	case "darwin":
		program[0] = "open"
	case "windows":
		program = []string{"rundll32", "url.dll,FileProtocolHandler", url}
	}
	_ = exec.CommandContext(ctx, program[0], program[1:]...).Run() // see above
}
