package command_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
		{noArgs, []string{"my key"}, answer{2, "", lines(`byok-test: error: look: "my key" belongs to no option`, hint)}},
		{noArgs, []string{"--yes", "a", "b"}, answer{2, "", lines(`byok-test: error: look: "a" belongs to no option`, hint)}},
		{required, []string{"-k", "K"}, answer{0, "K\n", ""}},
		{required, nil, answer{2, "\n", lines("byok-test: error: look needs --kek", hint)}},
		{required, []string{"--kek="}, answer{2, "\n", lines("byok-test: error: look needs --kek", hint)}},
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

// TestReadFile: the limit, what is no file, and the hash in the log.
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
	for path, want := range map[string]answer{
		exact:                         {0, "8 bytes\n", ""},
		write(t, folder+"/empty", ""): {0, "0 bytes\n", ""},
		over:                          {2, "0 bytes\n", lines("byok-test: error: " + over + ": more than the 8 bytes such a file may have")},
		"/dev/zero":                   {2, "0 bytes\n", lines("byok-test: error: /dev/zero: more than the 8 bytes such a file may have")},
		folder:                        {2, "0 bytes\n", lines("byok-test: error: " + folder + ": is a folder, a file is expected")},
		folder + "/none":              {2, "0 bytes\n", lines("byok-test: error: " + folder + "/none: no such file")},
		exact + "/below":              {2, "0 bytes\n", lines("byok-test: error: open " + exact + "/below: not a directory")},
	} {
		dir := kmdata(t)
		wantAnswer(t, path, run(t, program(read), "look", path), want)
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

// TestFingerprint: what is shown is what sha256sum prints, grouped and in words.
func TestFingerprint(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{
		"empty": "", "KeyVault-BYOK-Tools-CONTOSO.zip": "PK\x03\x04", "large": strings.Repeat("0123456789abcdef", 1<<17),
	} {
		dir, path := kmdata(t), write(t, folder+"/"+name, content)
		sum := sha256sum(t, path)
		got := run(t, program(given), "fingerprint", path)
		wantAnswer(t, name, got, answer{0, lines(slices.Concat([]string{name, sum.Groups()}, sum.Rows())...), ""})
		if hex := strings.ReplaceAll(strings.Split(got.out, "\n")[1], " ", ""); hex != sum.String() {
			t.Errorf("%s: %s, sha256sum says %s", name, hex, sum)
		}
		if e := last(t, dir); !slices.Equal(e.Inputs, []ceremony.File{{Path: path, SHA256: sum}}) || e.Command != "fingerprint" {
			t.Errorf("%s: recorded %+v", name, e)
		}
	}
	kmdata(t)
	wantAnswer(t, "folder", run(t, program(given), "fingerprint", folder), answer{2, "", lines("byok-test: error: " + folder + ": is a folder, a file is expected")})
	wantAnswer(t, "none", run(t, program(given), "fingerprint", "none"), answer{2, "", lines("byok-test: error: none: no such file")})
}

// TestFingerprintJSON has the hash as scripts compare it, and the words.
func TestFingerprintJSON(t *testing.T) {
	kmdata(t)
	path := write(t, t.TempDir()+"/F", "abc")
	got := run(t, program(given), "fingerprint", path, "--output", "json")
	got.out = strings.ReplaceAll(got.out, filepath.Dir(path), "DIR")
	golden(t, "fingerprint.json", got.out)
	wantAnswer(t, "JSON", got, answer{0, got.out, ""})
}

// TestForeignName: a file name may hold what is no text. It is shown, printed
// as JSON and recorded, and cannot steer the terminal.
func TestForeignName(t *testing.T) {
	dir := kmdata(t)
	path := write(t, t.TempDir()+"/a\x1b[2J\ncaf\xe9", "abc")
	got := run(t, program(given), "fingerprint", path)
	if name, _, _ := strings.Cut(got.out, "\n"); got.status != 0 || name != `a\x1b[2J\ncaf\xe9` {
		t.Errorf("%+v", got)
	}
	got = run(t, program(given), "fingerprint", path, "--output=json")
	if got.status != 0 || !strings.Contains(got.out, `/a\u001b[2J\ncaf`+"\ufffd\"") {
		t.Errorf("%+v", got)
	}
	if e := last(t, dir); filepath.Base(e.Inputs[0].Path) != "a\x1b[2J\ncaf\ufffd" {
		t.Errorf("recorded %q", e.Inputs)
	}
	none := run(t, program(given), "fingerprint", "none\ncaf\xe9")
	wantAnswer(t, "none", none, answer{2, "", lines("byok-test: error: none", `byok-test: error: caf\xe9: no such file`)})
}
