package secret

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// TestPagesAreLockedAndLeftOutOfDumps asks the kernel (proc(5), smaps: "lo" is
// locked, "dd" is left out of core dumps).
func TestPagesAreLockedAndLeftOutOfDumps(t *testing.T) {
	s := Take([]byte("hunter2"))
	defer s.Wipe()
	flags := flagsOf(t, s)
	for _, want := range []string{"lo", "dd"} {
		if !strings.Contains(" "+flags+" ", " "+want+" ") {
			t.Errorf("flags %q lack %q (RLIMIT_MEMLOCK?)", flags, want)
		}
	}
}

// flagsOf returns the VmFlags of the mapping that holds a secret.
func flagsOf(t *testing.T, s *Bytes) string {
	t.Helper()
	at := uintptr(unsafe.Pointer(unsafe.SliceData(s.page)))
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(smaps)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from <= at && at < to
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return strings.TrimSpace(flags)
		}
	}
	t.Fatal("no mapping holds the secret")
	return ""
}
