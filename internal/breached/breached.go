// Package breached says whether a password stands in a list of those that became known in breaches. The lists are those
// of Have I Been Pwned, of which each entry is the SHA-1 hash of a password: files that an operator has downloaded, a
// filter made of them, or a service that is asked for a part of the list, which learns 20 bits of the hash.
package breached

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // it is how the list is written
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/gatepost/gatepost/auth/secret"
)

// Hash is the SHA-1 hash of a password.
type Hash [sha1.Size]byte

// List is a list of passwords that became known. It is safe for concurrent use.
type List interface {
	// Has reports whether a hash is in the list. It fails if nobody can say.
	Has(ctx context.Context, h Hash) (bool, error)
}

// HashOf returns the hash by which a password is looked up: that of its NFC, as it is also hashed for signing in.
func HashOf(p secret.Password) Hash {
	return sha1.Sum([]byte(norm.NFC.String(string(p)))) //nolint:gosec // it is how the list is written
}

// Open opens a list: a folder with a file for each range, as PwnedPasswordsDownloader writes it with -s false; one file
// with all of them, sorted; or a filter that Make has made. The files stay open, and may not change.
func Open(path string) (List, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openFolder(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	list, err := read(f, info.Size())
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// errNoList means that a file is none that Open knows.
var errNoList = errors.New("this is neither a list of SHA-1 hashes, sorted, a line each like " +
	"000000005AD76BD555C1D6D771DE417A4B87E4B4:10, nor a filter made by `gatepost breached`")

func read(f *os.File, size int64) (List, error) {
	head := make([]byte, headLength)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if head = head[:n]; bytes.HasPrefix(head, []byte(magic)) {
		return openFilter(f, head, size)
	}
	line, _, _ := strings.Cut(string(head), "\n")
	if _, _, ok := parseLine(line, ""); !ok {
		return nil, errNoList
	}
	return &sorted{f, size}, nil
}
