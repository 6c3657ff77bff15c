package direct

import (
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/net/http/httpguts"
)

// switches reports whether an answer hands the connection over to another protocol.
func switches(res *http.Response) bool {
	return res.StatusCode == http.StatusSwitchingProtocols && res.Header.Get("Upgrade") != "" &&
		httpguts.HeaderValuesContainsToken(res.Header["Connection"], "Upgrade")
}

// tunnel is a connection that carries another protocol now. Reading begins with what the app sent early.
type tunnel struct {
	io.Reader
	c *conn
}

func (c *conn) tunnel() io.ReadWriteCloser {
	c.eager = false
	_ = c.net.SetDeadline(time.Time{}) // else the connection is closed, and reading says so
	c.unwatch()
	early := io.LimitReader(c.in, int64(c.in.Buffered()))
	return &tunnel{io.MultiReader(early, c.net), c}
}

// Write writes to the app.
func (t *tunnel) Write(p []byte) (int, error) { return t.c.net.Write(p) }

// Close closes the connection.
func (t *tunnel) Close() error { return t.c.net.Close() }

// CloseWrite tells the app that nothing more comes.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.c.net.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
