package kit_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kit"
)

// stickVariable names the stick to which a copy of the test program writes a kit in
// place of the tests. Its only argument is the folder with the files a and b, and the
// stick at stick.
const stickVariable = "KIT_TEST_STICK"

// sticks are media that do not take a kit.
var sticks = []struct {
	name, want string
	insert     func(at string) error
}{
	{"full", "status 1: DIR/stick/.kit.partial/b cannot be written: no space left on device",
		func(at string) error { return mountStick(at, 0) }},
	{"read-only", "status 1: DIR/stick/kit cannot be created: read-only file system",
		func(at string) error { return mountStick(at, syscall.MS_RDONLY) }},
	{"of small files alone", "status 1: DIR/stick/.kit.partial/b cannot be written: file too large",
		func(at string) error {
			signal.Ignore(syscall.SIGXFSZ)
			limit := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10} // FAT has 4 GiB
			return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
		}},
}

func mountStick(at string, flags uintptr) error {
	if err := syscall.Mount("none", at, "tmpfs", 0, "size=64k"); err != nil {
		return fmt.Errorf("mount a small file system: %w", err)
	}
	return syscall.Mount("none", at, "tmpfs", syscall.MS_REMOUNT|flags, "size=64k")
}

func TestMain(m *testing.M) {
	for _, s := range sticks {
		if s.name != os.Getenv(stickVariable) {
			continue
		}
		if err := writeTo(os.Args[1], s.insert); err != nil {
			fmt.Printf("status %d: %v", exitcode.Of(err), err)
		}
		return
	}
	m.Run()
}

// writeTo writes a kit to a stick, and says if anything is left there.
func writeTo(dir string, insert func(at string) error) error {
	stick := filepath.Join(dir, "stick")
	if err := insert(stick); err != nil {
		return err
	}
	list := []kit.Source{{Name: "a", Path: filepath.Join(dir, "a")}, {Name: "b", Path: filepath.Join(dir, "b")}}
	_, err := kit.Write(context.Background(), filepath.Join(stick, "kit"), list, kit.Inward())
	left, reading := os.ReadDir(stick)
	if reading != nil || len(left) > 0 {
		return fmt.Errorf("%w; left: %v, %w", err, left, reading)
	}
	return err
}

// TestWriteFull: a stick that does not take the kit gets nothing that could pass for
// one. Another user than root mounts a stick in a namespace of his own.
func TestWriteFull(t *testing.T) {
	for _, s := range sticks {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "a"), "content")
		put(t, filepath.Join(dir, "b"), strings.Repeat("x", 1<<20))
		must(t, os.Mkdir(filepath.Join(dir, "stick"), 0o700))
		cmd := exec.Command(os.Args[0], dir)
		cmd.Env = append(os.Environ(), stickVariable+"="+s.name)
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		said, err := cmd.CombinedOutput()
		if want := strings.ReplaceAll(s.want, "DIR", dir); err != nil || string(said) != want {
			t.Errorf("%s: %v\n got %s\nwant %s", s.name, err, said, want)
		}
	}
}
