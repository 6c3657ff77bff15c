package direct

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
)

// Read reads from the app.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeader
	}
	p = p[:min(int64(len(p)), c.left)]
	n, err := c.net.Read(p)
	if n == 0 && c.eager && errors.Is(err, os.ErrDeadlineExceeded) {
		if err = c.settle(); err == nil {
			n, err = c.net.Read(p)
		}
	}
	c.got += int64(n)
	c.left -= int64(n)
	return n, err
}

// Write writes to the app.
func (c *conn) Write(p []byte) (n int, err error) {
	if c.ends && c.ask != nil {
		n = c.ask.write(p)
	}
	if n < len(p) {
		n, err = c.writeRest(p, n)
	}
	if c.eager && errors.Is(err, os.ErrDeadlineExceeded) {
		if err = c.settle(); err == nil {
			n, err = c.writeRest(p, n)
		}
	}
	c.wrote += int64(n)
	c.writeErr = err
	return n, err
}

// writeRest writes what follows the first n bytes, and returns how many are written in all.
func (c *conn) writeRest(p []byte, n int) (int, error) {
	more, err := c.net.Write(p[n:])
	return n + more, err
}

// writers are used only while a request is written, and not kept by connections that wait for an answer or are idle.
var writers sync.Pool

// write writes a request.
func (c *conn) write(r *http.Request) error {
	w, _ := writers.Get().(*bufio.Writer)
	if w == nil {
		w = bufio.NewWriterSize(nil, bufferSize)
	}
	w.Reset(c)
	defer func() {
		w.Reset(nil)
		writers.Put(w)
	}()
	if err := r.Write(w); err != nil {
		return err
	}
	c.ends = c.eager
	defer func() { c.ends = false }()
	return w.Flush()
}

// ReadFrom writes what a body has as it comes. bufio.Writer would wait until its buffer is full.
func (c *conn) ReadFrom(body io.Reader) (n int64, err error) {
	buffer, _ := buffers.Get().(*[copySize]byte)
	if buffer == nil {
		buffer = new([copySize]byte)
	}
	defer buffers.Put(buffer)
	for {
		more, end := body.Read(buffer[:])
		if more > 0 {
			wrote, err := c.Write(buffer[:more])
			if n += int64(wrote); err != nil {
				return n, err
			}
		}
		if end == io.EOF {
			return n, nil
		}
		if end != nil {
			return n, end
		}
	}
}

// copySize is in bytes.
const copySize = 32 << 10

var buffers sync.Pool
