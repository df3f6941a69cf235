//go:build unix

package command_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/fingerprint"
)

// TestArguments: what a command asks of its words, in whole texts.
func TestArguments(t *testing.T) {
	arg := func(r *command.Run) (command.Result, error) {
		file, err := r.Arg("FILE")
		return text(file), err
	}
	noArgs := func(r *command.Run) (command.Result, error) { return nil, r.NoArgs() }
	required := func(r *command.Run) (command.Result, error) {
		kek, err := r.Required("kek")
		return text(kek), err
	}
	const hint = "byok-test: hint: byok-test look --help"
	for _, c := range []struct {
		f    command.Func
		args []string
		want answer
	}{
		{arg, []string{"F"}, answer{0, "F\n", ""}},
		{arg, []string{"--", "--yes"}, answer{0, "--yes\n", ""}},
		{arg, nil, answer{2, "\n", lines("byok-test: error: look takes one FILE, not 0", hint)}},
		{arg, []string{"F", "G"}, answer{2, "\n", lines("byok-test: error: look takes one FILE, not 2", hint)}},
		{arg, []string{""}, answer{2, "\n", lines("byok-test: error: look takes one FILE, and got an empty name", hint)}},
		{noArgs, nil, answer{0, "", ""}},
		{noArgs, []string{"my key"}, answer{2, "", lines(`byok-test: error: look: unexpected argument "my key"`, hint)}},
		{noArgs, []string{"--yes", "a", "b"}, answer{2, "", lines(`byok-test: error: look: unexpected argument "a"`, hint)}},
		{required, []string{"-k", "K"}, answer{0, "K\n", ""}},
		{required, nil, answer{2, "\n", lines("byok-test: error: look needs --kek", hint)}},
		{required, []string{"--kek="}, answer{2, "", lines("byok-test: error: look: --kek is empty", hint)}},
		{noArgs, []string{"--kek", ""}, answer{2, "", lines("byok-test: error: look: --kek is empty", hint)}},
	} {
		kmdata(t)
		args := append([]string{"look"}, c.args...)
		wantAnswer(t, fmt.Sprintf("%q", args), run(t, program(c.f), args...), c.want)
	}
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestReadFile: the limit, what is not a file, and the hash in the log.
func TestReadFile(t *testing.T) {
	folder := t.TempDir()
	exact, over := write(t, folder+"/exact", "12345678"), write(t, folder+"/over", "123456789")
	read := func(r *command.Run) (command.Result, error) {
		path, err := r.Arg("FILE")
		if err != nil {
			return nil, err
		}
		data, err := r.ReadFile(path, 8)
		return text(fmt.Sprintf("%d bytes", len(data))), err
	}
	pipe := folder + "/pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	const done, failed = "Result: SUCCESS\n", "0 bytes\nResult: FAILURE\n"
	for path, want := range map[string]answer{
		exact:                         {0, "8 bytes\n" + done, ""},
		write(t, folder+"/empty", ""): {0, "0 bytes\n" + done, ""},
		over:                          {2, failed, over + ": larger than the 8 bytes that such a file may have"},
		"/dev/zero":                   {2, failed, "/dev/zero: a device, not a file"},
		pipe:                          {2, failed, pipe + ": a named pipe, not a file"},
		folder:                        {2, failed, folder + ": a folder, not a file"},
		folder + "/none":              {2, failed, folder + "/none: no such file"},
		exact + "/below":              {2, failed, exact + "/below: not a directory"},
	} {
		dir := kmdata(t)
		if want.err != "" {
			want.err = lines("byok-test: error: " + want.err)
		}
		wantAnswer(t, path, run(t, program(read), "change", path), want)
		var recorded []ceremony.File
		if want.status == 0 {
			recorded = []ceremony.File{{Path: path, SHA256: sha256sum(t, path)}}
		}
		if e := last(t, dir); !slices.Equal(e.Inputs, recorded) {
			t.Errorf("%s: recorded %+v", path, e.Inputs)
		}
	}
}

// sha256sum asks the program of that name.
func sha256sum(t *testing.T, path string) fingerprint.Sum {
	t.Helper()
	out, err := exec.Command("sha256sum", "--", path).Output()
	if err != nil {
		t.Fatalf("sha256sum (install coreutils): %v", err)
	}
	sum, err := fingerprint.Parse(strings.Fields(strings.TrimPrefix(string(out), `\`))[0])
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
