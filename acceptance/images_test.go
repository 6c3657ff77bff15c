package acceptance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var pinned = regexp.MustCompile(`[:=-][\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}\b`)

// Every image that is run is pinned by its digest, can be replaced without editing a file, and is known to
// scripts/digests.
func TestEveryImageIsPinned(t *testing.T) {
	t.Parallel()
	images := 0
	for _, file := range []string{"Dockerfile", "compose.yaml"} {
		b, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			word, image, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch {
			case word == "FROM" && strings.HasPrefix(image, "scratch"), word != "FROM" &&
				word != "image:" && word != "ARG":
				continue
			case word != "ARG" && !strings.HasPrefix(image, "${"):
				t.Errorf("%s: %s cannot be another", file, strings.TrimSpace(line))
			}
			if word == "FROM" || !strings.Contains(image, "_IMAGE") {
				continue
			}
			if images++; !pinned.MatchString(image) {
				t.Errorf("%s: %s is not pinned", file, strings.TrimSpace(line))
			}
		}
	}
	bin := t.TempDir() // holds a docker that knows one digest
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\necho sha256:0123\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("../scripts/digests")
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "_IMAGE=") != images ||
		strings.Count(string(out), "@sha256:0123\n") != images || strings.Count(string(out), "@") != images {
		t.Errorf("%d images, %v:\n%s", images, err, out)
	}
}
