package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every image that is run can be pinned by its digest without editing a file, and scripts/digests knows them all.
func TestEveryImageCanBePinned(t *testing.T) {
	t.Parallel()
	images := 0
	for _, file := range []string{"Dockerfile", "compose.yaml"} {
		b, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			word, image, _ := strings.Cut(strings.TrimSpace(line), " ")
			if word != "FROM" && word != "image:" || strings.HasPrefix(image, "scratch") {
				continue
			}
			if images++; !strings.HasPrefix(image, "${") || !strings.Contains(image, "_IMAGE") {
				t.Errorf("%s: %s cannot be pinned", file, strings.TrimSpace(line))
			}
		}
	}
	bin := t.TempDir() // a docker that knows one digest
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\necho sha256:0123\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("../../scripts/digests")
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "_IMAGE=") != images || strings.Count(string(out), "@sha256:0123\n") != images {
		t.Errorf("%d images, %v:\n%s", images, err, out)
	}
}
