//go:build unix

package command_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/command"
)

// TestHashFile: any size, and nothing but a file.
func TestHashFile(t *testing.T) {
	folder := t.TempDir()
	large := write(t, folder+"/large", strings.Repeat("0123456789abcdef", 1<<17))
	pipe := folder + "/pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	hash := command.WithFile("FILE", func(r *command.Run, path string) (command.Result, error) {
		sum, err := r.HashFile(path)
		return text(sum.String()), err
	})
	dir := kmdata(t)
	sum := sha256sum(t, large)
	wantAnswer(t, "large", run(t, program(hash), "change", large), answer{0, sum.String() + "\nResult: SUCCESS\n", ""})
	if e := last(t, dir); !slices.Equal(e.Inputs, []ceremony.File{{Path: large, SHA256: sum}}) {
		t.Errorf("recorded %+v", e.Inputs)
	}
	for path, why := range map[string]string{
		pipe: "a named pipe, not a file", folder: "a folder, not a file", folder + "/none": "no such file",
	} {
		want := answer{2, strings.Repeat("0", 64) + "\n", lines("byok-test: error: " + path + ": " + why)}
		wantAnswer(t, path, run(t, program(hash), "look", path), want)
	}
	wantAnswer(t, "no file", run(t, program(hash), "look"), answer{2, "",
		lines("byok-test: error: look takes one FILE, not 0", "byok-test: hint: byok-test look --help")})
}

// TestWrote: the hash of what is on the medium.
func TestWrote(t *testing.T) {
	dir, folder := kmdata(t), t.TempDir()
	made := write(t, folder+"/made", "content")
	wrote := func(path string) command.Func {
		return command.WithoutFiles(func(r *command.Run) (command.Result, error) {
			_, err := r.Wrote(path)
			return nil, err
		})
	}
	wantAnswer(t, "made", run(t, program(wrote(made)), "change"), answer{0, "Result: SUCCESS\n", ""})
	if e := last(t, dir); !slices.Equal(e.Outputs, []ceremony.File{{Path: made, SHA256: sha256sum(t, made)}}) {
		t.Errorf("recorded %+v", e.Outputs)
	}
	wantAnswer(t, "a folder", run(t, program(wrote(folder)), "change"), answer{1, "Result: FAILURE\n",
		lines("byok-test: error: " + folder + ": a folder, not a file")})
	wantAnswer(t, "none", run(t, program(wrote(folder+"/none")), "change"), answer{1, "Result: FAILURE\n",
		lines("byok-test: error: " + folder + "/none: no such file")})
	wantAnswer(t, "an argument", run(t, program(wrote(made)), "look", "x"), answer{2, "",
		lines(`byok-test: error: look: unexpected argument "x"`, "byok-test: hint: byok-test look --help")})
}

// TestHashFileInterrupted: a large file does not keep an interrupted command.
func TestHashFileInterrupted(t *testing.T) {
	kmdata(t)
	file := write(t, t.TempDir()+"/F", "content")
	hash := func(r *command.Run) (command.Result, error) {
		_, _ = interrupted(syscall.SIGINT)(r)
		_, err := r.HashFile(file)
		return nil, err
	}
	wantAnswer(t, "interrupted", run(t, program(hash), "look"), answer{130, "", "byok-test: error: interrupted\n"})
}

// TestUI: what a command says through interfaces of other packages, and a
// secret from a file.
func TestUI(t *testing.T) {
	kmdata(t)
	folder := t.TempDir()
	pin := write(t, folder+"/pin", "hunter2\n")
	open := write(t, folder+"/it's open", "hunter2\n")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	ask := func(r *command.Run) (command.Result, error) {
		r.Say("card %d", 1)
		r.Warn("100% sure")
		old, err := r.Secret("kek", "PIN")
		if err != nil {
			return nil, err
		}
		made, err := r.NewSecret("kek", "PIN")
		return text(fmt.Sprint(old.Equal(made), old.Len())), err
	}
	const said = "byok-test: card 1\nbyok-test: warning: 100% sure\n"
	wantAnswer(t, "file", run(t, program(ask), "look", "--kek", pin), answer{0, "true 7\n", said})
	wantAnswer(t, "open file", run(t, program(ask), "look", "--kek", open), answer{6, "", said +
		lines("byok-test: error: "+open+": others have access to it (mode 0644)",
			`byok-test: hint: chmod 600 '`+folder+`/it'\''s open'`)})
}
