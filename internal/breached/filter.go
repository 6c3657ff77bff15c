package breached

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// A filter is a Bloom filter: a file with the magic line, then in eight bytes each, big-endian, how many bits there are
// and how many of them an entry sets, then the bits. The bits of an entry follow from its hash, which is random
// already.
const (
	magic      = "gatepost breached passwords, filter 1\n"
	headLength = len(magic) + 16
)

// filter is a filter in a file, of which a look-up reads a few bytes.
type filter struct {
	f    *os.File
	bits uint64
	each uint64
}

func openFilter(f *os.File, head []byte, size int64) (List, error) {
	if len(head) < headLength {
		return nil, errors.New("the filter is cut short")
	}
	l := &filter{f, binary.BigEndian.Uint64(head[len(magic):]), binary.BigEndian.Uint64(head[len(magic)+8:])}
	if l.bits == 0 || l.bits > math.MaxInt64 || l.each == 0 || l.each > 64 ||
		uint64(size) != uint64(headLength)+(l.bits+7)/8 {
		return nil, errors.New("the filter is cut short, or was made by another version")
	}
	return l, nil
}

// Has reports whether all bits of a hash are set.
func (l *filter) Has(_ context.Context, h Hash) (bool, error) {
	for i := range l.each {
		var b [1]byte
		bit := bitOf(h, i, l.bits)
		if _, err := l.f.ReadAt(b[:], int64(headLength)+int64(bit/8)); err != nil {
			return false, err
		}
		if b[0]&(1<<(bit%8)) == 0 {
			return false, nil
		}
	}
	return true, nil
}

// bitOf is the bit that a hash sets in the i-th place (Kirsch and Mitzenmacher, "Less Hashing, Same Performance").
func bitOf(h Hash, i, bits uint64) uint64 {
	return (binary.BigEndian.Uint64(h[:]) + i*(binary.BigEndian.Uint64(h[8:])|1)) % bits
}

// Make writes a filter of the lists at from, a folder of ranges or a file with whole hashes, sorted or not, to a new
// file. Passwords seen less often than least are left out. rate is how many passwords in one are refused that are not
// in the list, like 0.001. Make holds the filter in memory: 14.4 bits for each entry at that rate. It returns the
// number of entries.
func Make(from, to string, least int, rate float64) (entries int, err error) {
	if rate <= 0 || rate >= 1 {
		return 0, errors.New("the rate has to be above 0 and below 1")
	}
	if err := each(from, least, func(Hash) { entries++ }); err != nil {
		return 0, err
	}
	if entries == 0 {
		return 0, fmt.Errorf("%s has no hash that was seen %d times", from, least)
	}
	bits := uint64(math.Ceil(float64(entries) * -math.Log(rate) / (math.Ln2 * math.Ln2)))
	set := uint64(max(1, math.Round(-math.Log2(rate))))
	b := make([]byte, (bits+7)/8)
	if err := each(from, least, func(h Hash) {
		for i := range set {
			bit := bitOf(h, i, bits)
			b[bit/8] |= 1 << (bit % 8)
		}
	}); err != nil {
		return 0, err
	}
	head := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte(magic), bits), set)
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	_, err1 := f.Write(head)
	_, err2 := f.Write(b)
	return entries, errors.Join(err1, err2, f.Close())
}

// each calls do for every hash of a list that was seen at least so often.
func each(from string, least int, do func(Hash)) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return eachLine(from, "", least, do)
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		prefix := strings.TrimSuffix(d.Name(), ".txt")
		if err != nil || d.IsDir() || len(prefix) != prefixLength {
			return err
		}
		return eachLine(path, prefix, least, do)
	})
}

func eachLine(path, prefix string, least int, do func(Hash)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	number := 0
	for r := bufio.NewReaderSize(f, 64<<10); ; {
		line, err := r.ReadString('\n')
		if number++; strings.TrimSpace(line) != "" {
			h, count, ok := parseLine(line, prefix)
			if !ok {
				return fmt.Errorf("%s:%d: this is no SHA-1 hash with a count", path, number)
			}
			if count >= max(least, 1) {
				do(h)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
