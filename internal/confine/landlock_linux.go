//go:build amd64 || arm64

package confine

import (
	"errors"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
)

// EnterDomain puts the calling thread, which must be locked, and the processes
// that it starts from then on into a Landlock domain (Linux 5.19 and later; a
// kernel without Landlock leaves the thread as it is, and [Check] says so). From
// inside a domain no process outside it can be traced, nor its memory reached by
// /proc/PID/mem; no device file or FIFO can be made; with Linux 6.7 TCP sockets,
// however they were come by, cannot be connected, unless allowNetwork; with
// Linux 6.12 no abstract socket outside the domain can be connected to, and no
// process there be sent a signal.
//
// A domain holds one thread and what it starts. The other threads of the
// process stay outside, and whoever is in the domain reaches the process by way
// of the thread: start a program in its place (execve(2)), which ends them all.
func EnterDomain(allowNetwork bool) error {
	version := landlockVersion()
	if version < landlockRefer {
		return nil
	}
	if err := enter(domain(version, allowNetwork)); err != nil {
		return exitcode.Mark(exitcode.Failed, denied("take the program's Landlock domain", err))
	}
	return nil
}

// Versions of Landlock's interface, by what is new in them (landlock(7)).
const (
	landlockRefer = 2 // before it, no file could be renamed into another folder
	landlockTCP   = 4
	landlockScope = 6
)

// landlockVersion is this kernel's, or 0 where there is no Landlock.
func landlockVersion() int {
	version, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// never are the files that no HSM's library has to make.
const never = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO

// domain is what a kernel with this version of Landlock is asked to refuse.
// REFER is refused by every domain unless a rule allows it: see enter.
func domain(version int, allowNetwork bool) unix.LandlockRulesetAttr {
	d := unix.LandlockRulesetAttr{Handled_access_fs: never | unix.LANDLOCK_ACCESS_FS_REFER}
	if version >= landlockTCP && !allowNetwork {
		d.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= landlockScope {
		d.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return d
}

func enter(d unix.LandlockRulesetAttr) error {
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(&d)), unsafe.Sizeof(d), 0)
	if errno != 0 {
		return os.NewSyscallError("landlock_create_ruleset", errno)
	}
	defer unix.Close(int(ruleset))
	root, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open /", err)
	}
	defer unix.Close(root)
	rename := unix.LandlockPathBeneathAttr{Allowed_access: unix.LANDLOCK_ACCESS_FS_REFER, Parent_fd: int32(root)}
	_, _, errno = unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, ruleset, unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rename)), 0, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("landlock_add_rule", errno)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if _, _, errno = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0); errno != 0 {
		return os.NewSyscallError("landlock_restrict_self", errno)
	}
	return nil
}

// landlocked tries to make a FIFO, which every domain of this program refuses,
// in a folder of its own, where nothing else does.
func landlocked() Row {
	const name = "Landlock domain"
	dir, err := os.MkdirTemp("", "byok-")
	if err != nil {
		return Row{name, false, "cannot be tried: " + err.Error()}
	}
	defer os.RemoveAll(dir)
	switch err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); {
	case errors.Is(err, unix.EACCES):
		return Row{name, true, outOfReach(landlockVersion())}
	case err != nil:
		return Row{name, false, "cannot be tried: a FIFO: " + err.Error()}
	}
	return Row{name, false, "none: another process of this user can be reached by /proc; run nothing else as this user"}
}

// outOfReach says what a domain of this version keeps from other processes.
func outOfReach(version int) string {
	if version < landlockScope {
		return "other processes are out of reach by /proc; by signals and abstract sockets only from Linux 6.12 on"
	}
	return "other processes are out of reach, also by /proc"
}
