package secret

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Chance returns a random duration from 0 to limit, which nobody can predict.
func Chance(limit time.Duration) time.Duration {
	var b [8]byte
	rand.Read(b[:])
	return time.Duration(binary.NativeEndian.Uint64(b[:]) % uint64(limit+1))
}
