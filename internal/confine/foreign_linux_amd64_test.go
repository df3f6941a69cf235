package confine

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"
)

// TestForeignCallsEndTheProcess makes a system call through the 32-bit table
// (mov eax, 20; int 0x80; ret: getpid), where socket has another number.
func TestForeignCallsEndTheProcess(t *testing.T) {
	const script = `
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
print("before", flush=True)
print("after", call())
`
	out, err := command(t, "python", "BYOK_CONFINE_TEST_SCRIPT="+script).Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || string(out) != "before\n" {
		t.Fatalf("%v: %s", err, out)
	}
	// A kernel without 32-bit calls raises SIGSEGV before the filter is asked.
	if s := exit.Sys().(syscall.WaitStatus).Signal(); s != syscall.SIGSYS && s != syscall.SIGSEGV {
		t.Errorf("ended by %v", exit)
	}
}
