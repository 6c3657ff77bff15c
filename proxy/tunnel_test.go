package proxy

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// parts is a connection that gives its parts one by one, and notes how long the buffers were that they were put into.
type parts struct {
	left  []string
	sizes []int
	end   error
}

func (p *parts) Read(buffer []byte) (int, error) {
	p.sizes = append(p.sizes, len(buffer))
	if len(p.left) == 0 {
		return 0, p.end
	}
	n := copy(buffer, p.left[0])
	if p.left[0] = p.left[0][n:]; p.left[0] == "" {
		p.left = p.left[1:]
	}
	return n, nil
}

type end struct {
	io.Reader
	io.Writer
	io.Closer
}

// A socket that waits has a small buffer, and one that carries much a large one.
func TestATunnelWaitsWithASmallBuffer(t *testing.T) {
	t.Parallel()
	much := strings.Repeat("much", bufferSize/2)
	for _, toApp := range []bool{false, true} {
		from := &parts{left: []string{"short", much, "short again"}, end: io.EOF}
		var got bytes.Buffer
		var n int64
		var err error
		if toApp {
			n, err = io.Copy(tunnel{end{Writer: &got}}, struct{ io.Reader }{from})
		} else {
			n, err = io.Copy(struct{ io.Writer }{&got}, tunnel{end{Reader: from}})
		}
		if want := "short" + much + "short again"; err != nil || got.String() != want || n != int64(len(want)) {
			t.Errorf("to the app %t: %d bytes of %d, %v", toApp, n, len(want), err)
		}
		want := []int{waitSize, waitSize, bufferSize, bufferSize, bufferSize, waitSize}
		if !slices.Equal(from.sizes, want) {
			t.Errorf("to the app %t: buffers of %v, want %v", toApp, from.sizes, want)
		}
	}
}

// What a side fails by is passed on, wherever it comes.
func TestATunnelEndsWithAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, left := range [][]string{nil, {"short"}, {strings.Repeat("m", waitSize)}, {strings.Repeat("m", 3*bufferSize)}} {
		if _, err := io.Copy(io.Discard, tunnel{end{Reader: &parts{left: slices.Clone(left), end: broken}}}); err != broken {
			t.Errorf("reading %d parts: %v", len(left), err)
		}
		_, err := (tunnel{end{Writer: failing{broken}}}).ReadFrom(&parts{left: slices.Clone(left), end: io.EOF})
		if left != nil && err != broken {
			t.Errorf("writing %d parts: %v", len(left), err)
		}
	}
	if err := (tunnel{end{}}).CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("closing one half of what has none: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
