package breached

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

const (
	prefixLength = 5 // hexadecimal digits of a hash in the name of a range
	// lineMost is longer than any line of a list: 40 digits, a colon and a count.
	lineMost = 64
)

// parseLine reads a line of a list, whose hash may lack the prefix, and how often the password was seen.
func parseLine(line, prefix string) (h Hash, count int, ok bool) {
	digits, seen, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
	if len(prefix)+len(digits) != hex.EncodedLen(len(h)) {
		return h, 0, false
	}
	if _, err := hex.Decode(h[:], []byte(prefix+digits)); err != nil {
		return h, 0, false
	}
	if seen == "" {
		return h, 1, true
	}
	count, err := strconv.Atoi(seen)
	return h, count, err == nil
}

// inRange looks a hash up in the lines of its range. Lines with a count of 0 are padding.
func inRange(r io.Reader, h Hash) (bool, error) {
	prefix := prefixOf(h)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		other, count, ok := parseLine(lines.Text(), prefix)
		if !ok {
			return false, errors.New("it is no range of hashes")
		}
		if other == h {
			return count > 0, nil
		}
	}
	return false, lines.Err()
}

func prefixOf(h Hash) string { return strings.ToUpper(hex.EncodeToString(h[:]))[:prefixLength] }

// folder is a folder with a file for each range.
type folder struct {
	path, extension string
}

func openFolder(path string) (List, error) {
	for _, extension := range []string{".txt", ""} {
		f, err := os.Open(filepath.Join(path, "00000"+extension))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if _, err := inRange(f, Hash{}); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		return folder{path, extension}, nil
	}
	return nil, fmt.Errorf("%s has no file 00000.txt: it is no folder of ranges", path)
}

// Has reads the file of the range, which has some 30 KB.
func (l folder) Has(_ context.Context, h Hash) (bool, error) {
	f, err := os.Open(filepath.Join(l.path, prefixOf(h)+l.extension))
	if err != nil {
		return false, err
	}
	defer f.Close()
	return inRange(f, h)
}

// sorted is a file with all hashes in their order.
type sorted struct {
	f    *os.File
	size int64
}

// Has finds the first line whose hash is not before h, by halves.
func (l *sorted) Has(_ context.Context, h Hash) (found bool, err error) {
	at := sort.Search(int(l.size), func(i int) bool {
		if err != nil {
			return true
		}
		other, _, there, e := l.after(int64(i))
		err = e
		return !there || string(other[:]) >= string(h[:])
	})
	if err != nil {
		return false, err
	}
	other, count, there, err := l.after(int64(at))
	return there && other == h && count > 0, err
}

// after returns the first line that begins at an offset or later. there is false behind the last.
func (l *sorted) after(offset int64) (h Hash, count int, there bool, err error) {
	b := make([]byte, 2*lineMost)
	from := max(offset-1, 0)
	n, err := l.f.ReadAt(b, from)
	if err != nil && err != io.EOF {
		return h, 0, false, err
	}
	text := string(b[:n])
	if offset > 0 {
		_, text, there = strings.Cut(text, "\n")
	} else {
		there = true
	}
	if text = strings.TrimLeft(text, "\r\n"); !there || text == "" {
		return h, 0, false, nil
	}
	line, _, _ := strings.Cut(text, "\n")
	h, count, ok := parseLine(line, "")
	if !ok {
		return h, 0, false, fmt.Errorf("%s: there is no hash after byte %d", l.f.Name(), offset)
	}
	return h, count, true, nil
}
