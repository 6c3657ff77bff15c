package importer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// object is one object of a file of JSON: a line, or an item of one of the arrays that the file is.
type object struct {
	raw    json.RawMessage
	where  string
	offset int64 // of raw in the file
}

// byteOrderMark is what some programs begin a file in UTF-8 with.
const byteOrderMark = "\xEF\xBB\xBF"

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
	mark := []byte(byteOrderMark)
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("\xFF\xFE")), bytes.HasPrefix(head, []byte("\xFE\xFF")),
		bytes.IndexByte(head, 0) >= 0:
		return fmt.Errorf("%s: %w", name, errUTF16)
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
		text := bytes.TrimLeft(bytes.TrimPrefix(line, []byte(byteOrderMark)), " \t\r\n")
		begins := offset + int64(len(line)-len(text))
		if text = bytes.TrimSpace(text); len(text) > 0 {
			if err := f(object{text, fmt.Sprintf("line %d", n), begins}); err != nil {
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

// items reads a file that is arrays, one after the other, as pages of an API are. Where it is broken, nobody can say
// what comes after.
func items(name string, file io.Reader, f func(object) error) error {
	limit := &bounded{from: file, left: recordMost}
	r, skipped, err := withoutMark(limit)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d := json.NewDecoder(r)
	for n, first := 1, true; ; first = false {
		limit.done()
		begin, err := d.Token()
		switch {
		case !first && errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: after item %d: %w", name, n-1, err)
		case begin != json.Delim('['):
			return fmt.Errorf("%s: after item %d comes what is no array: a file is arrays, or an object a line", name, n-1)
		}
		if n, err = itemsOfOne(d, limit, n, skipped, f); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// itemsOfOne reads one array, whose first item is number n of the file, and returns the number that comes next.
func itemsOfOne(d *json.Decoder, limit *bounded, n int, skipped int64, f func(object) error) (next int, err error) {
	for ; d.More(); n++ {
		limit.done()
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return n, fmt.Errorf("item %d: %w", n, err)
		}
		err := f(object{raw, fmt.Sprintf("item %d", n), skipped + d.InputOffset() - int64(len(raw))})
		if err != nil {
			return n, err
		}
	}
	if _, err := d.Token(); err != nil {
		return n, fmt.Errorf("the end of the array with item %d is missing: %w", n-1, err)
	}
	return n, nil
}

// index finds the objects of a file by the id of their user, without holding the file in memory.
type index struct {
	file  *os.File
	spans map[[12]byte]span
}

type span struct {
	offset int64
	length int32 // differ: there are several, which do not say the same
}

const differ = -1

// errTwice is about somebody of whom a file says two things: one may be a ban.
var errTwice = errors.New("is there twice, and not the same both times: export that file again")

// newIndex reads a file. idOf is whose an object is.
func newIndex(name string, idOf func(json.RawMessage) (string, error)) (*index, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	x := &index{file: file, spans: map[[12]byte]span{}}
	err = objects(name, func(o object) error {
		if !utf8.Valid(o.raw) {
			return fmt.Errorf("%s: %s: %w", name, o.where, errEncoding)
		}
		id, err := idOf(o.raw)
		if err == nil {
			err = x.put(id, o)
		}
		if err != nil {
			return fmt.Errorf("%s: %s: %w", name, o.where, err)
		}
		return nil
	})
	if err == nil && len(x.spans) == 0 {
		err = errNobodyIn(name)
	}
	if err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

// put keeps where an object is. Pages of an API overlap where somebody signed up meanwhile: the same once more is no
// fault.
func (x *index) put(id string, o object) error {
	before, err := x.get(id)
	switch {
	case errors.Is(err, errTwice):
		return nil
	case err != nil:
		return err
	case before == nil:
		x.spans[digestOf(id)] = span{o.offset, int32(len(o.raw))}
	case !bytes.Equal(before, o.raw):
		x.spans[digestOf(id)] = span{length: differ}
	}
	return nil
}

func (x *index) close() {
	if x != nil {
		_ = x.file.Close()
	}
}

// get returns the object of a user; nil: there is none. Of one with several that differ it fails with errTwice.
func (x *index) get(id string) (json.RawMessage, error) {
	if x == nil {
		return nil, nil
	}
	at, ok := x.spans[digestOf(id)]
	switch {
	case !ok:
		return nil, nil
	case at.length == differ:
		return nil, errTwice
	}
	raw := make([]byte, at.length)
	_, err := x.file.ReadAt(raw, at.offset)
	return raw, err
}

// read reads what there is of a user. fault is about that, and err about the file.
func (x *index) read(id string, v any) (found bool, fault, err error) {
	raw, err := x.get(id)
	switch {
	case errors.Is(err, errTwice):
		return false, err, nil
	case err != nil || raw == nil:
		return false, nil, err
	}
	return true, readJSON(raw, v), nil
}
