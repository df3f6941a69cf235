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

// sticks are media that do not take a kit, and one that has something else in it.
var sticks = []struct {
	name, want string
	insert     func(at string) error
	use        func(dir string) error
}{
	{"full", "status 1: DIR/stick/.kit.partial/b cannot be written: no space left on device",
		func(at string) error { return mountStick(at, 0) }, writeTo},
	{"read-only", "status 1: DIR/stick/kit cannot be created: read-only file system",
		func(at string) error { return mountStick(at, syscall.MS_RDONLY) }, writeTo},
	{"of small files alone", "status 1: DIR/stick/.kit.partial/b cannot be written: file too large",
		func(at string) error {
			signal.Ignore(syscall.SIGXFSZ)
			limit := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10} // FAT has 4 GiB
			return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
		}, writeTo},
	{"with a device in place of a file", "status 1: found [{b a device, and a kit holds only files}]",
		func(string) error { return nil }, deviceIn},
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
		err := s.insert(filepath.Join(os.Args[1], "stick"))
		if err == nil {
			err = s.use(os.Args[1])
		}
		if err != nil {
			fmt.Printf("status %d: %v", exitcode.Of(err), err)
		}
		return
	}
	m.Run()
}

// writeTo writes a kit to a stick, and says if anything is left there.
func writeTo(dir string) error {
	stick := filepath.Join(dir, "stick")
	_, err := kit.Write(context.Background(), filepath.Join(stick, "kit"), twoFiles(dir), kit.Inward())
	left, reading := os.ReadDir(stick)
	if reading != nil || len(left) > 0 {
		return fmt.Errorf("%w; left: %v, %w", err, left, reading)
	}
	return err
}

func twoFiles(dir string) []kit.Source {
	return []kit.Source{{Name: "a", Path: filepath.Join(dir, "a")}, {Name: "b", Path: filepath.Join(dir, "b")}}
}

// deviceIn says what is found in a kit with a device, which has no end.
func deviceIn(dir string) error {
	at := filepath.Join(dir, "stick", "kit")
	if _, err := kit.Write(context.Background(), at, twoFiles(dir), kit.Inward()); err != nil {
		return err
	}
	if err := syscall.Mount("/dev/zero", filepath.Join(at, "b"), "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount a device: %w", err)
	}
	_, found, err := kit.Check(context.Background(), at, kit.Inward())
	if err != nil {
		return err
	}
	return fmt.Errorf("found %v", found)
}

// TestSticks: a stick that does not take the kit gets nothing that could pass for one,
// and a device is not read. Another user than root mounts a stick in a namespace of
// their own.
func TestSticks(t *testing.T) {
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
