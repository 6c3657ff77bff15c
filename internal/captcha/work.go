package captcha

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"time"
)

const (
	// ValidFor is how long a puzzle can be solved.
	ValidFor = 10 * time.Minute
	// numberMost is the greatest number that solves a puzzle. Browsers try half of them on average: some 100,000 hashes of
	// SHA-256, which take a third of a second, and up to three on an old phone.
	numberMost = 200_000
	// saltLength is that of the random part of a salt, in bytes, as in ALTCHA's libraries.
	saltLength = 12
)

// Puzzle is a proof of work to be done, as ALTCHA writes it: find the number that with the salt before it has the hash.
type Puzzle struct {
	Algorithm string `json:"algorithm"`
	Challenge string `json:"challenge"` // the hash, in hex
	MaxNumber int    `json:"maxnumber"`
	Salt      string `json:"salt"`
	Signature string `json:"signature"` // of the hash, in hex
}

// work is the solution of a Puzzle.
type work struct {
	Algorithm string `json:"algorithm"`
	Challenge string `json:"challenge"`
	Number    int    `json:"number"`
	Salt      string `json:"salt"`
	Signature string `json:"signature"`
}

const algorithm = "SHA-256"

// NewPuzzle makes a puzzle for a purpose, and signs it with a key.
func NewPuzzle(key []byte, p Purpose, now time.Time) Puzzle {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt)                                       // never fails
	number, _ := rand.Int(rand.Reader, big.NewInt(numberMost+1)) // never fails
	w := work{Number: int(number.Int64()), Salt: fmt.Sprintf("%x?expires=%d&for=%s&", salt, now.Add(ValidFor).Unix(), p)}
	hash := w.hash()
	return Puzzle{algorithm, hash, numberMost, w.Salt, sign(key, hash)}
}

func (w work) hash() string {
	sum := sha256.Sum256([]byte(w.Salt + strconv.Itoa(w.Number)))
	return hex.EncodeToString(sum[:])
}

func sign(key []byte, hash string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(hash))
	return hex.EncodeToString(mac.Sum(nil))
}

// saltForm is the form of a salt. Its end separates it from the number: without that, digits could move from the number
// to the time at which the puzzle expires, and neither the hash nor the signature would be another.
var saltForm = regexp.MustCompile(`^[0-9a-f]{24}\?expires=([0-9]{1,12})&for=([a-z-]+)&$`)

// CheckWork checks the solution of a puzzle that was made with the same key. It returns what the puzzle is known by, of
// which the caller has to remember for as long as a puzzle is valid that it is solved. It fails with ErrMissing or
// ErrWrong.
func CheckWork(key []byte, solution string, p Purpose, now time.Time) (id string, err error) {
	switch {
	case solution == "":
		return "", ErrMissing
	case len(solution) > solutionMost:
		return "", ErrWrong
	}
	var w work
	raw, err := base64.StdEncoding.DecodeString(solution)
	if err != nil || json.Unmarshal(raw, &w) != nil {
		return "", fmt.Errorf("it is no JSON in base64: %w", ErrWrong)
	}
	parts := saltForm.FindStringSubmatch(w.Salt)
	if parts == nil || w.Algorithm != algorithm || w.Number < 0 || w.Number > numberMost {
		return "", fmt.Errorf("it is for no puzzle of this gate: %w", ErrWrong)
	}
	hash := w.hash()
	if !hmac.Equal([]byte(w.Signature), []byte(sign(key, hash))) || w.Challenge != hash {
		return "", ErrWrong
	}
	expires, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || now.Unix() >= expires || parts[2] != string(p) {
		return "", fmt.Errorf("it is too old, or for something else: %w", ErrWrong)
	}
	return hash, nil
}
