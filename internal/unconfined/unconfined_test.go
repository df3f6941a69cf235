package unconfined_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/secondproc"
	"byok/internal/term"
	"byok/internal/unconfined"
)

// A filter cannot be lifted, so the programs of these tests run in processes of
// their own: this one, started again with a variable.
const variable = "BYOK_UNCONFINED_TEST"

func TestMain(m *testing.M) {
	switch os.Getenv(variable) {
	case "":
		m.Run()
	case "child":
		if err := unconfined.Child(); err != nil {
			os.Exit(1)
		}
		show(confine.Check())
	default:
		os.Exit(program().Main(context.Background(), os.Args[1:]))
	}
}

// found is what a process finds: whether it has a socket, and what it hands on.
type found struct {
	Refused bool
	Network string
}

func show(s confine.Status) {
	i := slices.IndexFunc(s.Rows(), func(r confine.Row) bool { return r.Name == "socket AF_INET" })
	_ = json.NewEncoder(os.Stdout).Encode(found{s.Rows()[i].OK, os.Getenv(secondproc.NetworkVariable)})
}

// program has one command that loads a library, and shows what it finds.
func program() *command.Program {
	p := &command.Program{
		Name: "byok-test", Version: "1.2.3", Prepare: unconfined.Prepare,
		Console:  &term.Console{Program: "byok-test", Out: os.Stderr, Err: os.Stderr},
		HSMFlags: append(unconfined.Flags(), unconfined.NetworkFlag()),
	}
	p.Commands = []*cli.Command{{
		Name:  "load",
		Flags: []cli.Flag{&cli.StringFlag{Name: "module-path", Usage: "`LIBRARY` of the HSM"}},
		Action: p.Step(func(*command.Run) (command.Result, error) {
			show(confine.Check())
			return nil, nil
		}),
	}}
	return p
}

// start runs this program again.
func start(t *testing.T, role, dir string, args ...string) (found, string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), variable+"="+role, "BYOK_KMDATA="+dir)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, _ := cmd.Output()
	var f found
	if len(out) > 0 {
		if err := json.Unmarshal(out, &f); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
	}
	return f, errs.String()
}

func TestPrepare(t *testing.T) {
	const warned = "byok-test: warning: the HSM's library may use the network (--hsm-network); the ceremony log says so\n"
	for _, c := range []struct {
		name  string
		args  []string
		found found
		said  string
		notes []ceremony.Note
	}{
		{"confined", []string{"load"}, found{true, ""}, "Result: SUCCESS\n", nil},
		{
			"with a network", []string{"load", "--hsm-network"}, found{false, "1"}, warned + "Result: SUCCESS\n",
			[]ceremony.Note{{Name: "network", Value: "allowed for the HSM's library by --hsm-network"}},
		},
		{
			"no way past the filter", []string{"load", "--unconfined"}, found{},
			"byok-test: error: load: unknown option --unconfined\nbyok-test: hint: byok-test load --help\n", nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "kmdata")
			f, said := start(t, "program", dir, c.args...)
			if f != c.found || said != c.said {
				t.Errorf("%+v\n%s", f, said)
			}
			if notes := notesIn(t, dir); !slices.Equal(notes, c.notes) {
				t.Errorf("recorded %+v", notes)
			}
		})
	}
}

// notesIn are the notes in the log's last line.
func notesIn(t *testing.T, dir string) []ceremony.Note {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "local", "ceremony.jsonl"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	var e ceremony.Event
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &e); err != nil {
		t.Fatal(err)
	}
	return e.Notes
}

// TestChild: the second process has the network where the first has it.
func TestChild(t *testing.T) {
	for value, refused := range map[string]bool{"": true, "1": false} {
		t.Setenv(secondproc.NetworkVariable, value)
		if f, said := start(t, "child", t.TempDir()); f != (found{refused, value}) || said != "" {
			t.Errorf("%q: %+v\n%s", value, f, said)
		}
	}
}
