package secret

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Chance returns an unpredictable duration up to a limit.
func Chance(limit time.Duration) time.Duration {
	var b [8]byte
	rand.Read(b[:])
	return time.Duration(binary.NativeEndian.Uint64(b[:]) % uint64(limit+1))
}
