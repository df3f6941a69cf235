//go:build amd64 || arm64

package confine

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
)

// Apply turns off core dumps, installs the filter on every thread and gives up
// the right to gain privileges. It then proves the filter: what is still to be
// had, like anything that could not be set, is an error with status Failed, and
// the program must not go on. With allowNetwork the filter refuses everything
// but sockets. A second Apply is harmless, also in a child process; Apply(true)
// after Apply(false) lifts nothing.
//
// The proof asks for sockets that lead to no other machine and leaves those
// of the internet to [Check]: a filter that refuses the one refuses the other,
// and whoever traces the program sees that it never asks for them.
func Apply(allowNetwork bool) error {
	err := apply(allowNetwork)
	if err == nil {
		err = insist(proof(allowNetwork))
	}
	return exitcode.Mark(exitcode.Failed, err)
}

// proof is what of Check's table must hold before the program goes on.
func proof(allowNetwork bool) []Row {
	rows := append(callRows(callRules()), threadRows()...)
	if allowNetwork {
		return rows
	}
	return slices.Concat(socketRows(localFamilies()), callRows(messageRules()), unixRows(), rows)
}

// insist turns the first row that does not hold into an error.
func insist(rows []Row) error {
	for _, r := range rows {
		if !r.OK {
			return exitcode.Hint(fmt.Errorf("the kernel does not confine this program: %s: %s", r.Name, r.Detail),
				"start it from a shell of its own, without that file or sandbox around it")
		}
	}
	return nil
}

func apply(allowNetwork bool) error {
	// A core file would hold PINs and shares. RLIMIT_CORE does not stop a core
	// that is piped to a collector; a process that is not dumpable leaves none,
	// and cannot be traced by others of the same user either.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return denied("turn off core dumps", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return denied("make the process undumpable", err)
	}
	return install(filterOf(rules(allowNetwork)))
}

// install sets the filter on all threads at once, or on none.
func install(filter []unix.SockFilter) error {
	// Without privileges of its own a process may set a filter only if it can
	// gain none by execve. That flag belongs to a thread; the filter, set by the
	// same thread, takes it along to the others.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return denied("forbid new privileges", err)
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return denied("take the filter of system calls", errno)
	}
	if thread != 0 {
		return exitcode.Hint(errors.New("the kernel did not take the filter of system calls: a thread has one of its own"),
			"start it from a shell of its own, without preloaded libraries or a debugger")
	}
	return nil
}

func denied(what string, cause error) error {
	return exitcode.Hint(fmt.Errorf("the kernel did not %s: %w", what, cause),
		"run it on Linux 3.17 or later with CONFIG_SECCOMP_FILTER, outside sandboxes that forbid this")
}
