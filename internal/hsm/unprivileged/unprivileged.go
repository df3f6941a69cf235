//go:build linux

// Package unprivileged lets tests meet "permission denied" also when they run
// as root. Production code does not import it.
package unprivileged

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Run runs f without the capabilities that let root pass over the modes of
// its own files (capabilities(7), CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH).
// They belong to the thread, so f must not leave its work to other goroutines.
func Run(t testing.TB, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var before [2]unix.CapUserData
	if err := unix.Capget(&self, &before[0]); err != nil {
		t.Fatal(err)
	}
	reduced := before
	reduced[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	if err := unix.Capset(&self, &reduced[0]); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Capset(&self, &before[0]); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}
