package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"byok/internal/hsm/shim"
	"byok/internal/testkit/softhsm"
)

// TestNothingSecretStays holds a ceremony's commands at their last call into
// the HSM's library, when all work is done, and searches the whole memory of
// the process, and afterwards every file written, for what was secret. Without
// GOEXPERIMENT=runtimesecret in the build it fails.
func TestNothingSecretStays(t *testing.T) {
	m := newMemoryRig(t)
	counts := m.ceremony(t, filepath.Join(t.TempDir(), "counted"), nil)
	dir := filepath.Join(t.TempDir(), "held")
	m.ceremony(t, dir, counts)
	needles := m.needles(t, dir)
	searched := 0
	for name, memory := range m.memories {
		for what, secret := range needles {
			searched++
			if bytes.Contains(memory, secret) {
				t.Errorf("%s: the %s is in the memory of the process", name, what)
			}
		}
		if !bytes.Contains(memory, []byte("ceremony.jsonl")) {
			t.Errorf("%s: a path that was in use is not found: the search proves nothing", name)
		}
	}
	m.searchFiles(t, dir, needles)
	t.Logf("%d searches in the memory of %d commands", searched, len(m.memories))
}

// memoryRig runs the real program under the shim.
type memoryRig struct {
	binary, library, real string
	memories              map[string][]byte
}

func newMemoryRig(t *testing.T) *memoryRig {
	t.Helper()
	real, err := softhsm.Library()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "byok-offline")
	build := exec.Command("go", "build", "-tags", "netgo,osusergo,urfave_cli_no_docs", "-o", binary, ".")
	build.Env = append(os.Environ(), "GOEXPERIMENT=runtimesecret")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return &memoryRig{binary: binary, library: shim.Build(t), real: real, memories: map[string][]byte{}}
}

// ceremony makes a world and a key and replaces the cards. Without counts it
// returns how often each command finalises the library; with them it holds
// each command at the last time and keeps its memory.
func (m *memoryRig) ceremony(t *testing.T, dir string, counts map[string]int) map[string]int {
	t.Helper()
	m.prepare(t, dir)
	learnt := map[string]int{}
	for _, line := range []string{
		"world create --module-path " + m.library + " --acs-quorum 2/2 --rehearsal --pin-file secrets/pin" +
			" --card a --card b --holder A --holder B --card-pin-file secrets/a --card-pin-file secrets/b",
		"key generate --ident k --type EC --pin-file secrets/pin",
		"world replace-cards --pin-file secrets/pin --card a --card b --card-pin-file secrets/a --card-pin-file secrets/b --acs-quorum 2/2" +
			" --new-card c --new-card d --new-holder C --new-holder D --new-card-pin-file secrets/c --new-card-pin-file secrets/d",
	} {
		name := strings.Join(strings.Fields(line)[:2], " ")
		log := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".log")
		cmd := m.command(dir, line, "SHIM_LOG="+log)
		if counts == nil {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, out)
			}
			for _, call := range shim.Calls(t, log) {
				if call == "C_Finalize" {
					learnt[name]++
				}
			}
			continue
		}
		cmd.Env = append(cmd.Env, fmt.Sprintf("SHIM_AT=C_Finalize#%d", counts[name]), "SHIM_DO=stop-after")
		m.memories[name] = held(t, cmd)
	}
	return learnt
}

func (m *memoryRig) prepare(t *testing.T, dir string) {
	t.Helper()
	for _, folder := range []string{"a", "b", "c", "d", "secrets"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"pin", "a", "b", "c", "d"} {
		text := fmt.Sprintf("%s-%s-is-a-secret\n", name, filepath.Base(dir))
		if err := os.WriteFile(filepath.Join(dir, "secrets", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *memoryRig) command(dir, line string, env ...string) *exec.Cmd {
	cmd := exec.Command(m.binary, strings.Fields(line)...)
	cmd.Dir = dir
	conf, err := softhsm.Configure(dir)
	if err != nil {
		panic(err)
	}
	cmd.Env = append(append(os.Environ(), "SOFTHSM2_CONF="+conf, "SHIM_MODULE="+m.real, "BYOK_KMDATA="+filepath.Join(dir, "kmdata")), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// held starts cmd, waits until it has stopped itself, and returns its memory.
// Reading it takes root: the process is not dumpable.
func held(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("%v did not stop: %v, %v\n%s", cmd.Args, status, err, &said)
	}
	memory := memoryOf(t, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &said)
	}
	return memory
}

var mapped = regexp.MustCompile(`(?m)^([0-9a-f]+)-([0-9a-f]+) r\S+ .*$`)

func memoryOf(t *testing.T, pid int) []byte {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatalf("the memory of a process that is not dumpable can be read by root only: %v", err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	var all bytes.Buffer
	for _, region := range mapped.FindAllSubmatch(maps, -1) {
		var from, to int64
		fmt.Sscanf(string(region[1]), "%x", &from)
		fmt.Sscanf(string(region[2]), "%x", &to)
		_, _ = io.Copy(&all, io.NewSectionReader(mem, from, to-from)) // [vvar] cannot be read
	}
	return all.Bytes()
}

// needles are the secrets of the ceremony in dir, worked out from its cards by
// the recovery that docs/recovery.md describes.
func (m *memoryRig) needles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	needles := map[string][]byte{}
	for _, name := range []string{"pin", "a", "b", "c", "d"} {
		text, err := os.ReadFile(filepath.Join(dir, "secrets", name))
		if err != nil {
			t.Fatal(err)
		}
		needles["secret of "+name] = bytes.TrimSpace(text)
	}
	for set, cards := range map[string][]string{"first": {"a", "b"}, "second": {"c", "d"}} {
		var opened []string
		for _, card := range cards {
			opened = append(opened, openedCard(t, dir, card, needles["secret of "+card]))
		}
		out, err := exec.Command("python3", append([]string{"../../docs/recover.py"}, opened...)...).Output()
		if err != nil {
			t.Fatalf("recover.py: %v", err)
		}
		addRecovered(t, needles, set, string(out))
	}
	return needles
}

// addRecovered takes the three values that recover.py prints.
func addRecovered(t *testing.T, needles map[string][]byte, set, text string) {
	t.Helper()
	found := 0
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		i := strings.LastIndex(line, " ")
		name, value := strings.TrimSpace(line[:i]), line[i+1:]
		found++
		if raw, err := hex.DecodeString(value); err == nil {
			needles[set+" set's "+name] = raw
			continue
		}
		needles[set+" set's "+name] = []byte(value)
	}
	if found != 3 {
		t.Fatalf("recover.py printed %d lines, 3 were expected:\n%s", found, text)
	}
}

// openedCard decrypts a card with age, notes its share as a secret and returns
// the path of the JSON.
func openedCard(t *testing.T, dir, card string, passphrase []byte) string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, card, "byok-card.age"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(f, identity)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), card+".json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// searchFiles looks through every file that the ceremony wrote, but for the
// token's own: SoftHSM keeps what is not CKA_PRIVATE, and so KM, in clear there.
func (m *memoryRig) searchFiles(t *testing.T, dir string, needles map[string][]byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(path)) == "secrets" || strings.HasPrefix(path, filepath.Join(dir, "tokens")) {
			return err
		}
		data, err := os.ReadFile(path)
		for what, secret := range needles {
			if bytes.Contains(data, secret) {
				t.Errorf("%s: holds the %s", path, what)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
