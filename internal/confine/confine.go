// Package confine has the kernel refuse the program, and everything it loads
// or starts, a network socket and access to other processes, keeps its memory
// out of core dumps, and lists the environment it may have.
//
// Package supervisor calls [Apply] and starts the process that loads an HSM's
// library, with [Environment] and inside [EnterDomain]; that process calls
// [Apply] again before it does: a filter cannot be lifted, covers every thread,
// those of C libraries included, and is inherited by child processes, which can
// apply it again. [Check] finds what holds by trying it, not by remembering what Apply
// did.
//
// The filter (seccomp, Linux 3.17 and later, amd64 and arm64) is the table in
// rules_linux.go. It refuses socket and socketpair for every address family but
// AF_UNIX; io_uring, through which a socket could be had without the socket
// call; ptrace, process_vm_readv, process_vm_writev and pidfd_getfd, through
// which another process of the same user would fetch one; prctl with
// PR_SET_DUMPABLE, which would open this process to others again; the two
// ioctls by which a shell reads a command as if it had been typed; and
// request_key, which has the kernel start a program outside. Programs can still
// be started: they are confined too.
//
// AF_UNIX stays, because smart-card and HSM middleware is reached through it,
// but recvmsg and recvmmsg do not: through them alone an open socket arrives
// from another process (SCM_RIGHTS, unix(7)). What no filter stops: a hostile
// library can ask a willing process of the same machine, by a socket with a
// path, to speak to a network for it, and it can read and write the user's
// files. On a workstation without a network, as a ceremony has it, there is none
// to ask for; do not take the filter for more than the second lock on that door.
// The user who holds the ceremony should run nothing else.
//
// No other system has such a filter: there [Apply] fails, [Check] says what is not
// held, and on Windows [Harden] does the little that can be done. Whether a program
// goes on without the filter is package unconfined's to decide.
//
// The probes make the system calls themselves: no socket function of any
// package is linked into a program for the sake of this one.
package confine

import "slices"

// NetworkHint is the next step where a library may have failed, or shown nothing,
// because the filter refused it a socket. It looks for USB devices through
// AF_NETLINK.
const NetworkHint = "give --hsm-network for an HSM on the network or by USB (AF_NETLINK): " +
	"the kernel refuses its library sockets otherwise"

// Row is one line of the table that "confine status" shows.
type Row struct {
	Name   string `json:"name"`   // what is protected: "socket AF_INET"
	OK     bool   `json:"ok"`     // whether it is protected
	Detail string `json:"detail"` // what was found: "refused: permission denied"
}

// Status is what Check found.
type Status struct{ rows []Row }

// Rows returns the table, in a fixed order.
func (s Status) Rows() []Row { return slices.Clone(s.rows) }

// Missing names the rows that do not hold.
func (s Status) Missing() []string {
	var names []string
	for _, r := range s.rows {
		if !r.OK {
			names = append(names, r.Name)
		}
	}
	return names
}

// OK reports whether every row holds.
func (s Status) OK() bool {
	return !slices.ContainsFunc(s.rows, func(r Row) bool { return !r.OK })
}
