package airgap_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"byok/internal/airgap"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// network is a folder as Linux has it: a link for each interface, to a folder with its
// flags.
func network(t *testing.T, interfaces ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, text := range interfaces {
		name, flags, _ := strings.Cut(text, "=")
		device := filepath.Join(dir, "devices", name)
		must(t, os.MkdirAll(device, 0o755))
		must(t, os.WriteFile(filepath.Join(device, "flags"), []byte(flags+"\n"), 0o600))
		must(t, os.MkdirAll(filepath.Join(dir, "net"), 0o755))
		must(t, os.Symlink("../devices/"+name, filepath.Join(dir, "net", name)))
	}
	return filepath.Join(dir, "net")
}

func TestLook(t *testing.T) {
	for _, c := range []struct {
		name       string
		interfaces []string
		text       string
		warning    string
		hint       string
	}{
		{"loopback alone", []string{"lo=0x9"}, "none is up", "", ""},
		{"others that are down", []string{"lo=0x9", "eth0=0x1002", "ifb0=0x82"}, "none is up", "", ""},
		{"one", []string{"lo=0x9", "eth0=0x1003"}, "up: eth0",
			"network interfaces that are up: eth0", "ip link set eth0 down"},
		{"without a cable", []string{"eth0=0x1003"}, "up: eth0",
			"network interfaces that are up: eth0", "ip link set eth0 down"},
		{"two, by name", []string{"wlan0=0x1043", "eth0=0x1103"}, "up: eth0, wlan0",
			"network interfaces that are up: eth0, wlan0", "ip link set eth0 down && ip link set wlan0 down"},
		{"seven", []string{"a=1", "b=1", "c=1", "d=1", "e=1", "f=1", "g=1"}, "up: a, b, c, d, e, and 2 more",
			"network interfaces that are up: a, b, c, d, e, and 2 more",
			"ip link set a down && ip link set b down && ip link set c down && ip link set d down && " +
				"ip link set e down && ip link set f down && ip link set g down"},
		{"a name for a shell", []string{"a;reboot\x1b=1"}, `up: a;reboot\x1b`,
			`network interfaces that are up: a;reboot\x1b`, "ip link set 'a;reboot\x1b' down"},
	} {
		s := airgap.Look(network(t, c.interfaces...))
		warning, hint := s.Warning()
		if s.Text() != c.text || warning != c.warning || hint != c.hint || s.Unseen != nil {
			t.Errorf("%s: %q\n%q\n%q\n%v", c.name, s.Text(), warning, hint, s.Unseen)
		}
	}
}

// TestLookAside: what is no interface is passed over, and one that goes meanwhile.
func TestLookAside(t *testing.T) {
	dir := network(t, "lo=0x9", "eth0=0x1003", "gone=0x1003", "half=0x1003")
	must(t, os.WriteFile(filepath.Join(dir, "bonding_masters"), nil, 0o600))
	must(t, os.RemoveAll(filepath.Join(dir, "../devices/gone")))
	must(t, os.Remove(filepath.Join(dir, "half/flags")))
	if got := airgap.Look(dir).Text(); got != "up: eth0" {
		t.Error(got)
	}
}

func TestLookUnseen(t *testing.T) {
	const hint = "see that no network cable is plugged in and that radio is off"
	none := filepath.Join(t.TempDir(), "none")
	odd := network(t, "lo=0x9", "eth0=up")
	long := network(t, "eth0="+strings.Repeat("1", 1<<16))
	for _, c := range []struct{ name, dir, why string }{
		{"no folder, as on Windows", none, none + ": no such file or directory"},
		{"flags that are none", odd, odd + "/eth0: its flags are not a number"},
		{"a long file", long, long + "/eth0/flags: larger than the 65536 bytes that such a file may have"},
	} {
		s := airgap.Look(c.dir)
		warning, got := s.Warning()
		if s.Text() != "not seen: "+c.why || got != hint ||
			warning != "whether this workstation is disconnected cannot be seen ("+c.why+")" {
			t.Errorf("%s: %q\n%q\n%q", c.name, s.Text(), warning, got)
		}
	}
}

// TestFolder: on Linux there is the folder, in which the loopback does not count.
func TestFolder(t *testing.T) {
	s := airgap.Look(airgap.Folder)
	if (s.Unseen == nil) != (runtime.GOOS == "linux") {
		t.Error(s.Unseen)
	}
	if strings.Contains(s.Text(), "lo,") {
		t.Error(s.Text())
	}
}
