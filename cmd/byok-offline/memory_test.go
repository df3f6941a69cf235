package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"byok/internal/hsm/shim"
)

// TestNothingSecretStays stops the commands of a ceremony after their calls of
// the HSM's library, again and again, and searches all that the process can
// write to. In a quorum session the world secret, the SO PIN and the user PIN
// are there. Passphrases, shares, the private halves of KNSO and KM, and the
// AES key of a backup are not: each was wiped before the next call of the
// library. After the last call, when all work is done, nothing is there. Then
// every file that the ceremony wrote is searched.
//
// Without GOEXPERIMENT=runtimesecret in the build it fails.
func TestNothingSecretStays(t *testing.T) {
	s := newStage(t)
	next := flagsOf("new-", "card3 card4") + " --acs-quorum 2/2 --new-holder Carol --new-holder Dave"
	session := withPINs + flagsOf("", "card1 card2")
	ceremony := []string{ // "" takes the HSM away
		"world create --module-path SHIM --rehearsal --acs-quorum 2/2 --holder Alice --holder Bob" + session,
		"key generate --ident k --type EC" + session,
		"key generate --ident alone --type AES --without-quorum" + withPINs,
		"acl modify --ident k --key-friendly-name K --approve-unseen $KEK" + session,
		"package --ident k --out out --subscription-id 00000000-0000-0000-0000-000000000000" + withPINs,
		"key retire --ident k --really-destroy k" + withPINs,
		"key restore --ident k" + session,
		"",
		"world recover --module-path SHIM $LAST" + session,
		"key restore --all" + session,
		"world replace-cards" + session + next,
	}
	met, taken := map[string]bool{}, 0
	for _, line := range ceremony {
		if line == "" {
			s.blankToken(t)
			continue
		}
		looks := s.watched(t, s.filled(t, line))
		for _, one := range s.secrets(t) { // a command may have made some
			met[one.name] = one.absent(t, looks) || met[one.name] || !one.session
		}
		taken += len(looks)
	}
	for name, found := range met {
		if !found {
			t.Errorf("the %s was never found: the search proves nothing", name)
		}
	}
	s.searchFiles(t)
	t.Logf("%d secrets, %d looks", len(met), taken)
}

// absent holds a secret to where it may be, and reports whether it was found.
func (n needle) absent(t *testing.T, looks []look) (found bool) {
	t.Helper()
	for _, l := range looks {
		if !n.in(l.memory) {
			continue
		}
		found = true
		if l.last || !n.session {
			t.Errorf("%s: the %s is in memory", l, n.name)
		}
	}
	return found
}

// look is the memory of a command that was stopped.
type look struct {
	command string
	call    string // the last one before
	nth     int
	last    bool // no call follows
	memory  []byte
}

// String says when the look was taken.
func (l look) String() string { return fmt.Sprintf("%s, after call %d (%s)", l.command, l.nth, l.call) }

// every is how many calls are between two looks.
const every = 50

// watched runs a command that stops after each call of the library: its worker,
// of which the memory is looked at, and its supervisor.
func (s *stage) watched(t *testing.T, line string) (looks []look) {
	t.Helper()
	log, said := filepath.Join(t.TempDir(), "calls"), mustDo(os.Create(filepath.Join(t.TempDir(), "said")))(t)
	defer said.Close()
	cmd := s.command(nil, line, "BYOK_SHIM_LOG="+log, "BYOK_SHIM_AT=1+", "BYOK_SHIM_DO=stop-after")
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	name := strings.Join(strings.Fields(line)[:2], " ")
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil {
			t.Fatal(err)
		}
		if !status.Stopped() {
			if status.ExitStatus() != 0 {
				t.Fatalf("%s: status %d\n%s", name, status.ExitStatus(), mustDo(os.ReadFile(said.Name()))(t))
			}
			break
		}
		calls := shim.Calls(t, log)
		if n := len(calls); n%every == 0 || calls[n-1] == "C_Finalize" {
			looks = append(looks, look{command: name, call: calls[n-1], nth: n, memory: memoryOf(t, childOf(t, cmd.Process.Pid))})
		}
		if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(looks); n == 0 || looks[n-1].nth != len(shim.Calls(t, log)) {
		t.Fatalf("%s: no look was taken after the last call", name)
	}
	looks[len(looks)-1].last = true
	return looks
}

// writable matches a region of /proc/PID/smaps that can be written to. The last
// group are its flags: "dp" is for pages of the kernel's random generator
// (vgetrandom, MAP_DROPPABLE), where a secret lies before it is one.
var writable = regexp.MustCompile(`(?m)^([0-9a-f]+)-([0-9a-f]+) rw\S+ .*(?:\n[A-Z].*)*\nVmFlags: (.*)$`)

// memoryOf copies what a process can write to, without pages of zeros. It takes
// root: the process is not dumpable.
func memoryOf(t *testing.T, pid int) []byte {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		t.Fatalf("the memory of a process that is not dumpable can be read by root only: %v", err)
	}
	mem := mustDo(os.Open(fmt.Sprintf("/proc/%d/mem", pid)))(t)
	defer mem.Close()
	var all bytes.Buffer
	for _, region := range writable.FindAllSubmatch(maps, -1) {
		if bytes.Contains(region[3], []byte("dp")) {
			continue
		}
		var from, to int64
		if _, err := fmt.Sscanf(string(region[1])+" "+string(region[2]), "%x %x", &from, &to); err != nil {
			t.Fatal(err)
		}
		copyPages(&all, io.NewSectionReader(mem, from, to-from))
	}
	return all.Bytes()
}

// copyPages copies a region up to the first page that cannot be read.
func copyPages(all *bytes.Buffer, region io.Reader) {
	page, zero := make([]byte, os.Getpagesize()), make([]byte, os.Getpagesize())
	for {
		if _, err := io.ReadFull(region, page); err != nil {
			return
		}
		if !bytes.Equal(page, zero) {
			all.Write(page)
		}
	}
}

// searchFiles looks through every file that the ceremony wrote. SoftHSM's own
// are left out: it keeps what is not CKA_PRIVATE in clear.
func (s *stage) searchFiles(t *testing.T) {
	t.Helper()
	secrets := s.secrets(t)
	for _, path := range s.files(t) {
		data := mustDo(os.ReadFile(s.path(path)))(t)
		for _, one := range secrets {
			if one.in(data) {
				t.Errorf("%s holds the %s", path, one.name)
			}
		}
	}
}
