//go:build linux && goexperiment.runtimesecret

package quorum

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/secret"
)

// mask keeps the test's own copy of a secret from being found.
const mask = 0xa5

type needle struct {
	name   string
	masked []byte
}

func hide(name string, s *secret.Bytes) needle {
	n := needle{name: name}
	for _, b := range s.Reveal() {
		n.masked = append(n.masked, b^mask)
	}
	return n
}

// hideHex is hide for the text form of a share.
func hideHex(name string, s *secret.Bytes) needle {
	text := secret.New(2 * s.Len())
	defer text.Wipe()
	hex.Encode(text.Reveal(), s.Reveal())
	return hide(name+" in hex", text)
}

// TestNothingStaysInMemory makes cards, encodes, decodes and reads them, seals
// and unseals, wipes what the package gave out, and searches the process for
// what was secret.
func TestNothingStaysInMemory(t *testing.T) {
	made := issue(t, Quorum{2, 3})
	r, err := NewReader(made.Set)
	if err != nil {
		t.Fatal(err)
	}
	var needles []needle
	for _, c := range made.Cards {
		needles = append(needles, hide(c.String(), c.Share), hideHex(c.String(), c.Share))
		passOn(t, r, c)
	}
	s, err := r.Secret()
	if err != nil {
		t.Fatal(err)
	}
	derived, opened := useSecret(t, s, made.Set.Context())
	needles = append(needles, hide("the world secret", s.scalar))
	for name, b := range derived {
		needles = append(needles, hide(name, b))
	}
	for _, n := range needles {
		if !strings.HasSuffix(n.name, "hex") && find(t, n.masked) == 0 {
			t.Errorf("%s is not found while it is there: the search is no good", n.name)
		}
	}
	for _, b := range derived {
		b.Wipe()
	}
	opened.Wipe()
	s.Wipe()
	r.Wipe()
	made.Wipe()
	for _, n := range needles {
		if found := find(t, n.masked); found > 0 {
			t.Errorf("%s is still in memory, %d times", n.name, found)
		}
	}
}

// passOn encodes a card, decodes it and adds it to the reader.
func passOn(t *testing.T, r *Reader, c Card) {
	t.Helper()
	text, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	defer text.Wipe()
	card, err := Decode("usb", text)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add("usb", card); err != nil {
		t.Fatal(err)
	}
}

// useSecret derives a PIN and a key, and seals and unseals a random one.
func useSecret(t *testing.T, s *Secret, c Context) (derived map[string]*secret.Bytes, opened *secret.Bytes) {
	t.Helper()
	pin, err := s.PIN(c.For(testModule), PurposeSOPIN, MaxPIN)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Key(c, PurposeSealKNSO)
	if err != nil {
		t.Fatal(err)
	}
	knso := secret.New(48)
	_, _ = rand.Read(knso.Reveal())
	sealed, err := Seal(s, c, PurposeSealKNSO, knso)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err = Unseal(s, c, PurposeSealKNSO, sealed); err != nil {
		t.Fatal(err)
	}
	return map[string]*secret.Bytes{"the SO PIN": pin, "the sealing key": key, "KNSO": knso}, opened
}

// find counts the places in writable memory that hold the unmasked needle.
func find(t *testing.T, masked []byte) (count int) {
	t.Helper()
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to int64
		var rights string
		_, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights)
		if err != nil || !strings.HasPrefix(rights, "rw") {
			continue
		}
		count += findIn(t, mem, from, int(to-from), masked)
	}
	return count
}

// findIn copies a mapping where it leaves no trace.
func findIn(t *testing.T, mem *os.File, from int64, size int, masked []byte) (count int) {
	t.Helper()
	buf, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(buf) }()
	n, _ := mem.ReadAt(buf, from) // what cannot be read is not there
	for rest := buf[:n]; ; rest = rest[1:] {
		at := bytes.IndexByte(rest, masked[0]^mask)
		if at < 0 || at+len(masked) > len(rest) {
			return count
		}
		rest = rest[at:]
		if matches(rest, masked) {
			count++
		}
	}
}

func matches(b, masked []byte) bool {
	for i, m := range masked {
		if b[i]^mask != m {
			return false
		}
	}
	return true
}
