//go:build amd64 || arm64

package confine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// threads reads one field of every thread's status; each must have the value.
func threads(name, field, want string) Row {
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err == nil && len(files) == 0 {
		err = errors.New("/proc is not mounted")
	}
	if err != nil {
		return Row{name, false, err.Error()}
	}
	have := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		ended := errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) // a thread that has ended does no harm
		if ended || strings.Contains(string(text), "\n"+field+":\t"+want+"\n") {
			have++
		}
	}
	return Row{name, have == len(files), fmt.Sprintf("on %d of %d threads", have, len(files))}
}

func coreLimit() Row {
	const name = "core file size"
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return Row{name, false, err.Error()}
	}
	return Row{name, limit == unix.Rlimit{}, "limit " + amount(limit.Max)}
}

func dumpable() Row {
	const name = "undumpable"
	n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		return Row{name, false, err.Error()}
	}
	return Row{name, n == 0, fmt.Sprintf("dumpable is %d", n)}
}

// Memory reports whether the kernel locks this process's memory, so that no
// secret reaches a swap file.
func Memory() Row { return lockable() }

// lockable tries to lock a page, as package secret does.
func lockable() Row {
	const name = "locked memory"
	page, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		defer func() { _ = unix.Munmap(page) }()
		err = unix.Mlock(page)
	}
	if err != nil {
		return Row{name, false, "secrets may reach a swap file: " + err.Error()}
	}
	var limit unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) // only for the table
	return Row{name, true, "limit " + amount(limit.Max)}
}

func amount(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "none"
	}
	return fmt.Sprintf("%d bytes", n)
}

// wiped asks the loader that loaded this program what it makes of the tunables
// that Restart set: a C library other than glibc has none, and glibc passes over
// those that it does not know. Of the two only the one shows that it was taken.
func wiped() Row {
	const name, want = "freed memory wiped", "\nglibc.malloc.perturb: 165 "
	if os.Getenv(tunablesVariable) != tunablesValue {
		return Row{name, false, "the program was started without " + tunablesVariable + "=" + tunablesValue}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return Row{name, false, err.Error()}
	}
	loader := glibcLoader(string(maps))
	if loader == "" {
		return Row{name, false, "the program does not run on glibc, which alone does that"}
	}
	list, err := listTunables(loader)
	if err != nil {
		return Row{name, false, loader + " does not list its tunables: " + err.Error()}
	}
	if !strings.Contains("\n"+list, want) {
		return Row{name, false, "the C library does not take glibc.malloc.perturb=165"}
	}
	return Row{name, true, "by the C library"}
}

// glibcLoader finds glibc's dynamic linker among the files that are mapped into
// a process (proc_pid_maps(5)), or "".
func glibcLoader(maps string) string {
	for line := range strings.Lines(maps) {
		if i := strings.Index(line, "/"); i >= 0 {
			path := strings.TrimSuffix(line[i:], "\n")
			if strings.HasPrefix(filepath.Base(path), "ld-linux") {
				return path
			}
		}
	}
	return ""
}

// listTunables returns the loader's own list: "glibc.malloc.perturb: 165 (min: 0, max: 255)".
func listTunables(loader string) (string, error) {
	const patience = 10 * time.Second // for a program that prints a list and ends
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	list := exec.CommandContext(ctx, loader, "--list-tunables")
	list.Env = []string{tunables}
	out, err := list.Output()
	return string(out), err
}
