package proxy

import (
	"errors"
	"io"
)

// tunnel is the app's end of a WebSocket. Most sockets are idle most of the time, and io.Copy would keep a buffer of
// 32 KiB for each direction of each. It calls ReadFrom and WriteTo instead.
type tunnel struct{ io.ReadWriteCloser }

// ReadFrom writes to the app what the visitor sends.
func (t tunnel) ReadFrom(visitor io.Reader) (int64, error) { return relay(t.ReadWriteCloser, visitor) }

// WriteTo writes to the visitor what the app sends.
func (t tunnel) WriteTo(visitor io.Writer) (int64, error) { return relay(visitor, t.ReadWriteCloser) }

// CloseWrite tells the app that nothing more comes.
func (t tunnel) CloseWrite() error {
	if half, ok := t.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// waitSize is the size in bytes of the buffer that waits for data. Most messages are shorter.
const waitSize = 1 << 10

// relay copies until one side ends. While a lot comes it has a large buffer.
func relay(to io.Writer, from io.Reader) (n int64, err error) {
	buffer := make([]byte, waitSize)
	for {
		more, full, err := relayOnce(to, from, buffer)
		if n += more; full && err == nil {
			more, err = relayMuch(to, from)
			n += more
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// relayMuch copies until little comes.
func relayMuch(to io.Writer, from io.Reader) (n int64, err error) {
	buffer := buffers.Get()
	defer buffers.Put(buffer)
	for {
		more, _, err := relayOnce(to, from, buffer)
		if n += more; more < waitSize || err != nil {
			return n, err
		}
	}
}

// relayOnce copies what one read gives, and reports whether that filled the buffer.
func relayOnce(to io.Writer, from io.Reader, buffer []byte) (n int64, full bool, err error) {
	got, err := from.Read(buffer)
	if got > 0 {
		wrote, failed := to.Write(buffer[:got])
		if n = int64(wrote); failed != nil {
			return n, false, failed
		}
	}
	return n, got == len(buffer), err
}
