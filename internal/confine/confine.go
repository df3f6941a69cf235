// Package confine has the kernel refuse the program, and everything it loads
// or starts, a network socket, and keeps its memory out of core dumps.
//
// Call Apply once, first thing in main and before an HSM's library is loaded:
// a filter cannot be lifted, covers every thread, those of C libraries
// included, and is inherited by child processes. Check tells what holds by
// trying it, not by remembering what Apply did.
//
// The filter (seccomp, Linux 3.17 and later, amd64 and arm64) refuses socket
// and socketpair for every address family but AF_UNIX, and io_uring, through
// which a socket could be had without the socket call. AF_UNIX stays, because
// smart-card and HSM middleware is reached through it. What follows from that:
// a hostile library can still ask a local daemon for a network. On a
// workstation without one, as a ceremony has it, there is none to ask for; do
// not take the filter for more than the second lock on that door.
//
// The probes make the system calls themselves: no socket function of any
// package is linked into a program for the sake of this one.
package confine

import "slices"

// Row is one line of the table "confine status".
type Row struct {
	Name   string `json:"name"`   // what is protected: "socket AF_INET"
	OK     bool   `json:"ok"`     // whether it is protected
	Detail string `json:"detail"` // what was found: "refused: permission denied"
}

// Status is what Check found.
type Status struct{ rows []Row }

// Rows returns the table, in a fixed order.
func (s Status) Rows() []Row { return slices.Clone(s.rows) }

// OK tells whether every row holds.
func (s Status) OK() bool {
	return !slices.ContainsFunc(s.rows, func(r Row) bool { return !r.OK })
}
