package password

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// hostile returns n texts made of the vectors: cut short, with a byte changed, with a field of another, with a huge
// number, or repeated.
func hostile(n int) (all []string) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func() string { return vectors[r.IntN(len(vectors))].stored }
	for len(all) < n {
		text := pick()
		switch at := r.IntN(len(text)); r.IntN(6) {
		case 0:
			text = text[:at]
		case 1:
			text = text[:at] + string(rune(r.IntN(0x250))) + text[at+1:]
		case 2:
			fields, others := strings.Split(text, "$"), strings.Split(pick(), "$")
			fields[r.IntN(len(fields))] = others[r.IntN(len(others))]
			text = strings.Join(fields, "$")
		case 3:
			text = text[:at] + "99999999999999999999" + text[at:]
		case 4:
			text += strings.Repeat(text[at:], 1+r.IntN(1000))
		case 5:
			b := make([]byte, r.IntN(200))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			text = text[:at] + string(b)
		}
		all = append(all, text)
	}
	return all
}

// Whatever is read from a hostile text stays within the bounds: it can be derived, and takes no more memory than the
// bounds say. What does not stay within them takes none.
func TestHostileHashesBuyLittleMemory(t *testing.T) {
	var before, after runtime.MemStats
	for _, text := range append(hostile(100), costliest...) {
		runtime.ReadMemStats(&before)
		made := Derive(text, strings.Repeat("x", maxBytes))
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 101<<20 {
			t.Errorf("%q took %d MiB", text[:min(len(text), 100)], used>>20)
		}
		if _, err := read(text); err != nil && made != "" {
			t.Errorf("%q cannot be read, and makes %q", text, made)
		}
	}
}

// costliest are hashes at the bounds of their kinds.
var costliest = []string{
	"$argon2id$v=19$m=98304,t=4,p=8$MTIzNDU2Nzg$" + zero,
	"$argon2d$v=19$m=19660,t=20,p=64$MTIzNDU2Nzg$" + zero,
	"00112233445566778899aabbccddeeff:" + strings.Repeat("0", 128),
	"$2b$14$" + strings.Repeat("a", 53),
	"pbkdf2_sha256$2000000$salt$" + zero + zero[:21] + "=",
	"pbkdf2_sha256$1000000$salt$" + strings.Repeat("A", 64),
	"$pbkdf2-sha512$1000000$AAAA$" + strings.Repeat("A", 85) + "A",
	"$scrypt$ln=16,r=8,p=2$AAAA$" + zero,
	"$scrypt$ln=10,r=64,p=16$AAAA$" + zero,
	"$5$rounds=700000$salt$" + strings.Repeat("a", 43),
	"$6$rounds=700000$salt$" + strings.Repeat("a", 86),
	"$P$HIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0",
	"sha512_symfony$100000$salt$" + padded.EncodeToString(make([]byte, 64)),
}

// The costliest hashes are within the bounds, so that the test of memory above means something; this prints what they
// take.
func BenchmarkCostliest(b *testing.B) {
	for _, text := range costliest {
		h, err := read(text)
		if err != nil {
			b.Errorf("%s: %v", text, err)
		}
		b.Run(h.kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Derive(text, strings.Repeat("x", longestRepeated))
			}
		})
	}
}

// Every kind has one that is as costly as it may be, or costs nothing much.
func TestTheCostliestAreWithinTheBounds(t *testing.T) {
	t.Parallel()
	for _, text := range costliest {
		if _, err := read(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, f := range families() {
		if f.form == "" || f.bound == "" {
			t.Errorf("%s does not say how it is written, or what bounds it", f.kind)
		}
		if !slices.ContainsFunc(vectors, func(v vector) bool { return v.kind == f.kind }) && f.kind != "wrapped" {
			t.Errorf("%s has no published hash", f.kind)
		}
	}
}
