package preflight

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/term"
)

// network is a folder as /sys/class/net is, with the flags of each interface.
func network(t *testing.T, flags map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range flags {
		err := os.Mkdir(filepath.Join(dir, name), 0o700)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name, "flags"), []byte(text+"\n"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestApart: what a command says of the network interfaces, what it refuses, and what
// the log says was seen.
func TestApart(t *testing.T) {
	alone := network(t, map[string]string{"lo": "0x9", "eth0": "0x1002"})
	wired := network(t, map[string]string{"lo": "0x9", "eth0": "0x1003", "wlan0": "0x1003"})
	none := filepath.Join(alone, "none")
	const up = "network interfaces that are up: eth0, wlan0"
	for _, c := range []struct {
		name, dir, options string
		status             int
		said, noted        string
	}{
		{"disconnected", alone, "", 0, "", "none is up"},
		{"disconnected, as required", alone, " --require-airgap", 0, "", "none is up"},
		{"connected", wired, "", 0, "test: warning: " + up + "; the disconnected workstation has none\n", "up: eth0, wlan0"},
		{"connected for the HSM", wired, " --hsm-network", 0,
			"test: warning: " + up + "; only the HSM's own network belongs there\n", "up: eth0, wlan0"},
		{"connected, and must not be", wired, " --require-airgap", 6, "test: error: --require-airgap: " + up +
			"\ntest: hint: ip link set eth0 down && ip link set wlan0 down\n", "up: eth0, wlan0"},
		{"unseen", none, "", 0, "test: warning: whether this workstation is disconnected cannot be seen (" + none +
			": no such file or directory); see that no network cable is plugged in and that radio is off\n",
			"not seen: " + none + ": no such file or directory"},
		{"unseen, and must be", none, " --require-airgap", 6, "test: error: --require-airgap: whether this workstation is " +
			"disconnected cannot be seen (" + none + ": no such file or directory)\n" +
			"test: hint: see that no network cable is plugged in and that radio is off\n",
			"not seen: " + none + ": no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			kmdata := t.TempDir()
			var said strings.Builder
			p := &command.Program{Name: "test", Version: "1", Usage: "test"}
			p.Console = &term.Console{Program: "test", In: strings.NewReader(""), Out: io.Discard, Err: &said}
			look := func(r *command.Run) (command.Result, error) { return nil, apart(c.dir).refuse(&Facts{Run: r}) }
			p.Commands = []*cli.Command{{Name: "package", Action: p.Step(look),
				Flags: []cli.Flag{AirgapFlag(), &cli.BoolFlag{Name: "hsm-network"}}}}
			status := p.Main(context.Background(), strings.Fields("package --kmdata "+kmdata+c.options))
			if status != c.status || said.String() != c.said {
				t.Errorf("status %d, %q\nwant %d, %q", status, said.String(), c.status, c.said)
			}
			record, err := ceremony.Read(kmdata)
			if err != nil || len(record.Events) != 2 {
				t.Fatalf("%v, %+v", err, record.Events)
			}
			want := ceremony.Note{Name: ceremony.NoteInterfaces, Value: c.noted}
			if notes := record.Events[1].Notes; len(notes) != 1 || notes[0] != want {
				t.Errorf("notes: %+v", notes)
			}
		})
	}
}

// TestApartOf are the commands that look: they make what a network must not reach.
func TestApartOf(t *testing.T) {
	for name, checks := range Commands() {
		looks := checks[len(checks)-1].Name == unplugged.Name
		if want := name == "world create" || name == "acl modify" || name == "package"; looks != want {
			t.Errorf("%s looks at the network interfaces: %t", name, looks)
		}
	}
}
