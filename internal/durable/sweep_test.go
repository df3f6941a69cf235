package durable

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestSweep removes what a killed process leaves, and nothing else.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	wantOK(t, os.MkdirAll(filepath.Join(dir, "below"), 0o700))
	unfinished := NewSet()
	createIn(t, unfinished, filepath.Join(dir, "head")) // never committed
	left := list(t, dir)
	for name, content := range map[string]string{
		"below/.head.tmp-ABCDEFGHIJ27": "", "kept": "k", ".kept.tmp-short": "s", "kept.tmp-ABCDEFGHIJ27": "v",
		".kept.tmp-abcdefghij27": "l",
	} {
		put(t, dir, name, content)
	}
	wantOK(t, os.Mkdir(filepath.Join(dir, ".folder.tmp-ABCDEFGHIJ27"), 0o700))
	swept, err := Sweep(dir)
	wantOK(t, err)
	if len(swept) != 2 || !slices.Contains(swept, filepath.Join(dir, "below/.head.tmp-ABCDEFGHIJ27")) || len(left) == 0 {
		t.Errorf("%q", swept)
	}
	for _, name := range []string{"kept", ".kept.tmp-short", "kept.tmp-ABCDEFGHIJ27", ".kept.tmp-abcdefghij27",
		".folder.tmp-ABCDEFGHIJ27"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if swept, err := Sweep(filepath.Join(dir, "nowhere")); err != nil || swept != nil {
		t.Errorf("%q, %v", swept, err)
	}
}
