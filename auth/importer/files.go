package importer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// cellMost bounds one value of a file, in bytes. No field of a person comes near it.
	cellMost = 64 << 10
	// personMost bounds what is kept of one person, in bytes, and batchBytes what is kept of a batch.
	personMost, batchBytes = 1 << 20, 4 << 20
	// recordMost bounds one record of a file, in bytes, and so the memory that reading takes.
	recordMost = 32 << 20
)

// errEncoding is about a file that is not in the encoding that all exports have.
var (
	errEncoding = errors.New("the file is not UTF-8: convert it first, as with iconv -f WINDOWS-1252 -t UTF-8")
	errUTF16    = errors.New("the file is not UTF-8, but UTF-16: convert it first, as with iconv -f UTF-16 -t UTF-8")
)

// bounded is a reader that fails when a record is too long. done begins the next record.
type bounded struct {
	from io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("a record is longer than %d MiB, as if its end was lost", recordMost>>20)
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *bounded) done() { b.left = recordMost }

// withoutMark returns a reader without the byte order mark that spreadsheets write, and how long that is.
func withoutMark(from io.Reader) (r *bufio.Reader, skipped int64, err error) {
	r = bufio.NewReader(from)
	switch head, _ := r.Peek(len(byteOrderMark)); {
	case string(head) == byteOrderMark:
		n, err := r.Discard(len(byteOrderMark))
		return r, int64(n), err
	case bytes.HasPrefix(head, []byte("\xFF\xFE")), bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return nil, 0, errUTF16
	}
	return r, 0, nil
}

// row is one record of a CSV file: its values by the name of the column.
type row struct {
	where  string
	offset int64
	values map[string]string
	err    error // why it cannot be read
}

// rows calls f with each record of a CSV file with a line of names before them. Lines that begin with # are comments.
// need are the columns that there must be, and known all that may be; nil: any.
func rows(name string, need, known []string, f func(row) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	limit := &bounded{from: file, left: recordMost}
	plain, _, err := withoutMark(limit)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r := csv.NewReader(plain)
	r.Comment, r.ReuseRecord, r.FieldsPerRecord = '#', true, -1
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("%s: no line with the names of its columns: %w", name, err)
	}
	columns := append([]string(nil), head...)
	if err := commas(name, columns); err != nil {
		return err
	}
	if err := needed(name, columns, need); err != nil {
		return err
	}
	for i, c := range columns {
		if slices.Contains(columns[:i], c) {
			return fmt.Errorf("%s has the column %q twice: nobody knows which one counts", name, c)
		}
	}
	if known != nil {
		for _, c := range columns {
			if why := unknown(c, known); why != "" {
				return fmt.Errorf("%s has a column %q that gives nothing here%s; rename it, or take it out", name, c, why)
			}
		}
	}
	for last := "line 1"; ; {
		limit.done()
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var parse *csv.ParseError
		if err != nil && !errors.As(err, &parse) {
			return fmt.Errorf("%s, after %s: %w", name, last, err)
		}
		row := rowOf(r, columns, record, parse)
		if err := f(row); err != nil {
			return err
		}
		last = row.where
	}
}

// commas fails for a first line that shows another way of writing such files.
func commas(name string, columns []string) error {
	line := strings.Join(columns, ",")
	switch {
	case strings.Contains(line, "\x00"):
		return fmt.Errorf("%s: %w", name, errUTF16)
	case strings.Contains(line, "\r"):
		return fmt.Errorf("%s ends its lines with CR alone: convert it first, as with tr '\\r' '\\n'", name)
	case len(columns) == 1 && strings.ContainsAny(line, ";\t|"):
		return fmt.Errorf("%s has no commas between its columns: write it with commas", name)
	}
	return nil
}

func needed(name string, columns, need []string) error {
	for _, n := range need {
		found := false
		for _, c := range columns {
			found = found || c == n
		}
		if !found {
			return fmt.Errorf("%s has no column %s: is it the right file?", name, n)
		}
	}
	return nil
}

func rowOf(r *csv.Reader, columns, record []string, parse *csv.ParseError) row {
	if parse != nil {
		return row{where: linesOf(parse.StartLine, parse.Line), err: cannotRead(parse.Err)}
	}
	first, _ := r.FieldPos(0)
	last, _ := r.FieldPos(len(record) - 1)
	where := linesOf(first, last+strings.Count(record[len(record)-1], "\n"))
	out := row{where: where, offset: r.InputOffset(), values: make(map[string]string, len(columns))}
	if len(record) != len(columns) {
		out.err = fmt.Errorf("has %d values for %d columns", len(record), len(columns))
	}
	for i, value := range record {
		switch {
		case i >= len(columns):
		case len(value) > cellMost:
			out.err = fmt.Errorf("has %d bytes in the column %s, where %d are the most", len(value), columns[i], cellMost)
		case !utf8.ValidString(value):
			out.err = errEncoding
		default:
			out.values[columns[i]] = value
		}
	}
	return out
}

// linesOf says where a record is. A quote that is not closed takes the lines after it along.
func linesOf(first, last int) string {
	if last > first {
		return fmt.Sprintf("lines %d to %d", first, last)
	}
	return fmt.Sprintf("line %d", first)
}

// gather gives a Taker the people of a file, some at a time.
type gather struct {
	ctx  context.Context
	take Taker
	file string
	list []Person
	// bytes are how much the list holds.
	bytes int
	read  int64
	// size is that of the file, and offset how far it was read, from which follows how many people there are about.
	size, offset int64
}

func newGather(ctx context.Context, take Taker, file string) *gather {
	g := &gather{ctx: ctx, take: take, file: file}
	if info, err := os.Stat(file); err == nil { // whoever opens it says what is wrong
		g.size = info.Size()
	}
	return g
}

func (g *gather) add(p Person, offset int64) error {
	if err := g.ctx.Err(); err != nil {
		return err
	}
	p.bound()
	g.offset, g.bytes = offset, g.bytes+p.bytes()
	if g.list = append(g.list, p); len(g.list) < batch && g.bytes < batchBytes {
		return nil
	}
	return g.flush()
}

// end takes the people who are left. A file without anybody is hardly the right one, or was not written to its end.
func (g *gather) end() error {
	if g.read == 0 && len(g.list) == 0 {
		return errNobodyIn(g.file)
	}
	return g.flush()
}

func errNobodyIn(file string) error {
	return fmt.Errorf("%s has no users: nothing was changed here; is it the right file, and was it written to its end?",
		file)
}

func (g *gather) flush() error {
	list := g.list
	g.list, g.bytes, g.read = nil, 0, g.read+int64(len(list))
	return g.take(list, g.read*g.size/max(g.offset, 1))
}
