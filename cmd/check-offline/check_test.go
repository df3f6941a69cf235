package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/strictjson"
	"byok/internal/term"
)

// ran carries out a command line and returns what it printed.
func ran(args ...string) (status exitcode.Code, stdout, stderr string) {
	var out, said bytes.Buffer
	status = run(&term.Console{Program: name, Out: &out, Err: &said}, args)
	return status, out.String(), said.String()
}

// program builds one of package linkage's cheats.
func program(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), dir)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "../../internal/linkage/testdata/cheats/"+dir)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", dir, err, out)
	}
	return path
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	clean, socket := program(t, "clean"), program(t, "rawsocket")
	const compare = "compare its hash with the release's SHA256SUMS\n"
	for _, test := range []struct {
		name, file string
		status     exitcode.Code
		conclusion string
		said       string
	}{
		{"a clean program", clean, exitcode.Done, "no networking code", ""},
		{
			"a socket", socket, exitcode.Check, "networking code",
			"check-offline: error: " + socket + " holds networking code: system calls\n" +
				"check-offline: hint: do not run it where a network must not be reached; " + compare,
		},
		{
			"a script", script, exitcode.Failed, "cannot be judged",
			"check-offline: error: " + script + " cannot be judged: neither an ELF nor a PE file\ncheck-offline: hint: " + compare,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, out, said := ran(test.file)
			result := "SUCCESS"
			if test.status != exitcode.Done {
				result = "FAILURE"
			}
			if status != test.status || said != test.said || !strings.HasSuffix(out, "\nConclusion: "+test.conclusion+"\nResult: "+result+"\n") {
				t.Errorf("status %d\n%s%s", status, out, said)
			}
			for line := range strings.Lines(out) {
				if len(line) > 81 && !strings.Contains(line, test.file) {
					t.Errorf("%d columns: %s", len(line)-1, line)
				}
			}
			var a answer
			_, out, _ = ran("--output", "json", test.file)
			if err := strictjson.Unmarshal("the answer", []byte(out), 1<<20, &a); err != nil {
				t.Fatal(err)
			}
			if a.Command != name || a.Result != result || a.Status != int(status) || string(a.Data.Conclusion) != test.conclusion ||
				a.Data.File != test.file || (a.Error == "") != (result == "SUCCESS") {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestCommandLines(t *testing.T) {
	const help = "check-offline: hint: check-offline --help\n"
	for _, test := range []struct {
		name      string
		args      []string
		status    exitcode.Code
		out, said string
	}{
		{"nothing", nil, exitcode.Usage, "", "check-offline: error: no file was named\n" + help},
		{"two files", []string{"a", "b"}, exitcode.Usage, "", "check-offline: error: one file at a time: b is too many\n" + help},
		{"an unknown option", []string{"--json", "a"}, exitcode.Usage, "", "check-offline: error: unknown option --json\n" + help},
		{
			"another output", []string{"--output=xml", "a"}, exitcode.Usage, "",
			"check-offline: error: --output is xml, and can be text or json\n" + help,
		},
		{
			"no output", []string{"a", "--output"}, exitcode.Usage, "",
			"check-offline: error: --output is '', and can be text or json\n" + help,
		},
		{
			"no such file", []string{"--output", "text", "not=here"}, exitcode.Failed, "",
			"check-offline: error: not=here: no such file\ncheck-offline: hint: name the program's own file\n",
		},
		{"help", []string{"--help"}, exitcode.Done, usage, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, out, said := ran(test.args...)
			if status != test.status || out != test.out || said != test.said {
				t.Errorf("status %d, want %d\n%s%s", status, test.status, out, said)
			}
		})
	}
	if _, out, _ := ran("--version"); !strings.HasPrefix(out, "check-offline 0.") {
		t.Errorf("--version: %s", out)
	}
	for line := range strings.Lines(usage) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}

// unwritable is a reader of stdout that went away.
type unwritable struct{}

func (unwritable) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestUnprinted(t *testing.T) {
	clean := program(t, "clean")
	for _, args := range [][]string{{clean}, {clean, "--output=json"}} {
		var said bytes.Buffer
		status := run(&term.Console{Program: name, Out: unwritable{}, Err: &said}, args)
		if want := "check-offline: error: the report could not be printed: file already closed\n"; status != exitcode.Failed || said.String() != want {
			t.Errorf("%q: status %d, %s", args, status, said.String())
		}
	}
}
