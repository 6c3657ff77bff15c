package importer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// object is one object of a file of JSON: a line, or an item of the one array that the file is.
type object struct {
	raw    json.RawMessage
	where  string
	offset int64
}

// objects calls f with each object of a file.
func objects(name string, f func(object) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(io.NewSectionReader(file, 0, int64(len(head))), head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", name, err)
	}
	mark := []byte("\xEF\xBB\xBF")
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("\xFF\xFE")), bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return fmt.Errorf("%s: %w", name, errEncoding)
	case bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(head, mark)), []byte("[")):
		return items(name, file, f)
	}
	return lines(name, file, f)
}

// lines reads a file line by line, so that one that cannot be read costs no other.
func lines(name string, file io.Reader, f func(object) error) error {
	r := bufio.NewReaderSize(file, 64<<10)
	var offset int64
	for n := 1; ; n++ {
		line, err := readLine(r)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: line %d: %w", name, n, err)
		}
		text := bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF")))
		if len(text) > 0 {
			if err := f(object{text, fmt.Sprintf("line %d", n), offset}); err != nil {
				return err
			}
		}
		if offset += int64(len(line)); err != nil {
			return nil
		}
	}
}

func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
		if len(line) > recordMost {
			return nil, fmt.Errorf("it is longer than %d MiB; one line is one user", recordMost>>20)
		}
	}
}

// items reads the one array of a file. Where it is broken, nobody can say what comes after.
func items(name string, file io.Reader, f func(object) error) error {
	limit := &bounded{from: file, left: recordMost}
	r, err := withoutMark(limit)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d := json.NewDecoder(r)
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for n := 1; d.More(); n++ {
		limit.done()
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return fmt.Errorf("%s: item %d: %w", name, n, err)
		}
		if err := f(object{raw, fmt.Sprintf("item %d", n), d.InputOffset() - int64(len(raw))}); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%s: its end is missing: %w", name, err)
	}
	return nil
}

// index finds the objects of a file by a key, without holding the file in memory.
type index struct {
	file  *os.File
	spans map[[12]byte]span
}

type span struct {
	offset int64
	length int32
}

// newIndex reads a file. keys are those under which an object is found.
func newIndex(name string, keys func(json.RawMessage) []string) (*index, error) {
	x := &index{spans: map[[12]byte]span{}}
	err := objects(name, func(o object) error {
		for _, key := range keys(o.raw) {
			x.spans[digestOf(key)] = span{o.offset, int32(len(o.raw))}
		}
		return nil
	})
	if err == nil {
		x.file, err = os.Open(name)
	}
	return x, err
}

func (x *index) close() {
	if x != nil {
		_ = x.file.Close()
	}
}

// get reads the object of a key into v, and reports whether there is one.
func (x *index) get(key string, v any) (bool, error) {
	if x == nil {
		return false, nil
	}
	at, ok := x.spans[digestOf(key)]
	if !ok {
		return false, nil
	}
	raw := make([]byte, at.length)
	if _, err := x.file.ReadAt(raw, at.offset); err != nil {
		return true, err
	}
	return true, json.Unmarshal(raw, v)
}
