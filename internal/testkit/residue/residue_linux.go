// Package residue searches the memory of the running test for secrets that
// should have been wiped. It is for tests alone.
//
// Make a [Needle] of each secret while it is there, hold that [Needle.Count]
// finds it, wipe everything, and hold that it does not. Only a program built
// with GOEXPERIMENT=runtimesecret passes: see secret.Erased.
package residue

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/secret"
)

// mask keeps the needle from being found itself.
const mask = 0xa5

// Needle is a secret to search for, under a name for messages.
type Needle struct {
	name   string
	masked []byte
}

// Of returns the needle of a secret.
func Of(name string, s *secret.Bytes) Needle {
	n := Needle{name: name}
	for _, b := range s.Reveal() {
		n.masked = append(n.masked, b^mask)
	}
	return n
}

// OfHex returns the needle of the lower-case hex digits of a secret.
func OfHex(name string, s *secret.Bytes) Needle {
	text := secret.New(2 * s.Len())
	defer text.Wipe()
	hex.Encode(text.Reveal(), s.Reveal())
	return Of(name+" in hex", text)
}

// String returns the needle's name.
func (n Needle) String() string { return n.name }

// Count returns at how many places in the writable memory of this process the
// secret is.
func (n Needle) Count(t testing.TB) (count int) {
	t.Helper()
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to int64
		var rights string
		_, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights)
		if err != nil || !strings.HasPrefix(rights, "rw") {
			continue
		}
		count += n.countIn(t, mem, from, int(to-from))
	}
	return count
}

// countIn copies a mapping to where it leaves no trace, and searches there.
func (n Needle) countIn(t testing.TB, mem *os.File, from int64, size int) (count int) {
	t.Helper()
	buf, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(buf) }()
	got, _ := mem.ReadAt(buf, from) // what cannot be read is not there
	for rest := buf[:got]; ; rest = rest[1:] {
		at := bytes.IndexByte(rest, n.masked[0]^mask)
		if at < 0 || at+len(n.masked) > len(rest) {
			return count
		}
		rest = rest[at:]
		if n.begins(rest) {
			count++
		}
	}
}

// begins reports whether b begins with the secret.
func (n Needle) begins(b []byte) bool {
	for i, m := range n.masked {
		if b[i]^mask != m {
			return false
		}
	}
	return true
}
