// Pack makes the words of the pages smaller for a build: `go run ./scripts/pack DIR` writes each file of
// loginui/messages, compressed with gzip, to DIR, and overlay.json, which `go build -overlay` reads, so that the
// program embeds what is in DIR. scripts/static builds so. A program that is built without it embeds the files as they
// are, and reads either. Go's own gzip makes the same of the same files on every machine, as gzip programs do not.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("pack: want a directory to write to")
	}
	dir, err := filepath.Abs(os.Args[1])
	if err == nil {
		err = pack(dir)
	}
	if err != nil {
		log.Fatal("pack: ", err)
	}
}

// pack writes the files to dir, which is an absolute path.
func pack(dir string) error {
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	files, err := filepath.Glob("loginui/messages/*.json")
	if err != nil {
		return err
	}
	for _, file := range files {
		packed := filepath.Join(dir, filepath.Base(file)+".gz")
		overlay.Replace[file] = packed
		if err := compress(file, packed); err != nil {
			return err
		}
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "overlay.json"), b, 0o600)
}

// compress writes what is in file to packed.
func compress(file, packed string) error {
	plain, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(plain); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(packed, b.Bytes(), 0o600)
}
