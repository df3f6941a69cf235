package kit_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kit"
)

// TestWriteFull: a stick that is full keeps what it had, and gets nothing that could
// pass for a kit.
func TestWriteFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system: run this test as root")
	}
	stick := t.TempDir()
	must(t, syscall.Mount("none", stick, "tmpfs", 0, "size=64k"))
	defer func() { _ = syscall.Unmount(stick, 0) }()
	put(t, filepath.Join(stick, "before"), "content")
	dir := filepath.Join(stick, "kit")
	_, err := kit.Write(context.Background(), dir, sources(t, "a", "content", "b", strings.Repeat("x", 1<<20)), kit.Inward())
	refusal(t, err, exitcode.Failed, dir+".partial/b cannot be written: no space left on device", "")
	left, err := os.ReadDir(stick)
	must(t, err)
	if len(left) != 1 || left[0].Name() != "before" {
		t.Errorf("left: %v", left)
	}
	must(t, syscall.Mount("none", stick, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=64k"))
	_, err = kit.Write(context.Background(), dir, sources(t, "a", "content"), kit.Inward())
	refusal(t, err, exitcode.Failed, dir+".partial cannot be created: read-only file system", "")
}
