package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"time"
)

// findRole returns the role of this process if this program started it as part of a measurement, and nil
// otherwise.
func findRole(args []string) func(args []string) error {
	if len(args) < 2 {
		return nil
	}
	return map[string]func([]string) error{"upstream": serveUpstream, "bare": serveBare,
		"load": serveLoad, "flood": serveFlood, "crowdapp": serveCrowdApp, "hold": serveHold, "transfer": serveTransfer,
		"connections": runConnections, "peers": runPeers,
		"growth": runGrowth, "import": runImport, "profile": runProfile}[args[1]]
}

// serveUpstream is the app: it answers every request with about a kilobyte of text.
func serveUpstream([]string) error {
	body := bytes.Repeat([]byte("What the app has to say. "), 40)
	return serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
		_, _ = w.Write(body) // an error means that the client has left
	}))
}

// serveBare is the baseline that the gate is compared with: a carefully written reverse proxy with the gate's
// limits. Its args are the app's address, and for TLS the files of a certificate and of its key.
func serveBare(args []string) error {
	return serve(bareProxy(&url.URL{Scheme: "http", Host: args[0]}), args[1:]...)
}

func bareProxy(upstream *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.SetXForwarded()
		},
		// The numbers are those of the gate's transport and have to follow it.
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ResponseHeaderTimeout: 60 * time.Second,
			MaxIdleConnsPerHost:   512,
			IdleConnTimeout:       90 * time.Second,
			DisableCompression:    true,
			WriteBufferSize:       8 << 10,
			ReadBufferSize:        8 << 10,
		},
		BufferPool: &buffers{},
	}
}

// serve listens on a free port of loopback, prints its address on standard output, and serves until it is
// ended; over TLS with the files of a certificate and of its key.
func serve(h http.Handler, pair ...string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if _, err := fmt.Fprintln(os.Stdout, l.Addr()); err != nil {
		return fmt.Errorf("say the address: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 120 * time.Second,
		MaxHeaderBytes: 64 << 10}
	if len(pair) == 2 {
		return s.ServeTLS(l, pair[0], pair[1])
	}
	return s.Serve(l)
}

const bufferSize = 32 << 10

// buffers keeps arrays instead of slices: putting a slice into a sync.Pool allocates its header.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return make([]byte, bufferSize)
}

func (b *buffers) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
