package proxy

import (
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// Lines writes what the log says of a request as slog's handlers would, byte by byte, for a third of what that takes them
// (BenchmarkStation): it is the only line that there are many of. What has to be quoted or explained is left to them.
type Lines struct {
	// To takes one line at a time, from many goroutines. Nil: every line is left to Config.Log.
	To io.Writer
	// JSON makes them like slog.JSONHandler's, else they are like slog.TextHandler's.
	JSON bool
}

var lineBuffers = sync.Pool{New: func() any { return &line{b: make([]byte, 0, 512)} }}

// write says whether it has written the line.
func (l Lines) write(x *exchange, level slog.Level, took time.Duration) bool {
	if l.To == nil || x.err != nil {
		return false
	}
	to := lineBuffers.Get().(*line)
	defer lineBuffers.Put(to)
	*to = line{b: to.b[:0], json: l.JSON}
	to.request(x, level, took)
	if to.odd {
		return false
	}
	_, _ = l.To.Write(to.b) // there is nowhere left to say that a log line failed
	return true
}

// line is one that is being made.
type line struct {
	b    []byte
	json bool
	odd  bool // it has a value that would have to be quoted
}

// request writes what requestAttrs has.
func (l *line) request(x *exchange, level slog.Level, took time.Duration) {
	l.head(x.start.Add(took), level)
	l.text("route", x.class.String())
	l.text("outcome", x.outcome.String())
	l.text("method", x.method())
	l.number("status", int64(x.status))
	l.text("request_id", x.id)
	l.text("path", x.path())
	l.number("bytes", x.bytes)
	l.duration("took", took)
	l.known("client", x.address)
	l.known("user", x.session.User.ID)
	l.known("trace_id", traceID(x.request.Header))
	if l.json {
		l.b = append(l.b, '}')
	}
	l.b = append(l.b, '\n')
}

func (l *line) head(at time.Time, level slog.Level) {
	if l.json {
		l.b = append(l.b, `{"time":"`...)
		l.b = at.AppendFormat(l.b, time.RFC3339Nano)
		l.b = append(l.b, '"')
	} else {
		l.b = append(l.b, "time="...)
		l.b = at.AppendFormat(l.b, "2006-01-02T15:04:05.000Z07:00")
	}
	l.text("level", level.String())
	l.text("msg", "request")
}

func (l *line) key(key string) {
	if l.json {
		l.b = append(l.b, `,"`...)
		l.b = append(l.b, key...)
		l.b = append(l.b, `":`...)
		return
	}
	l.b = append(l.b, ' ')
	l.b = append(l.b, key...)
	l.b = append(l.b, '=')
}

func (l *line) text(key, value string) {
	l.odd = l.odd || !unquoted(value)
	l.key(key)
	if l.json {
		l.b = append(l.b, '"')
	}
	l.b = append(l.b, value...)
	if l.json {
		l.b = append(l.b, '"')
	}
}

// known leaves out what is not.
func (l *line) known(key, value string) {
	if value != "" {
		l.text(key, value)
	}
}

func (l *line) number(key string, value int64) {
	l.key(key)
	l.b = strconv.AppendInt(l.b, value, 10)
}

func (l *line) duration(key string, value time.Duration) {
	if l.json {
		l.number(key, int64(value))
		return
	}
	l.key(key)
	l.b = append(l.b, value.String()...) // which is never quoted
}

// unquoted says that neither format quotes or escapes a value.
func unquoted(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=' {
			return false
		}
	}
	return s != ""
}
