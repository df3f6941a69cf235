package softhsm

import (
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	library := filepath.Join(dir, "arch", "softhsm", "libsofthsm2.so")
	if err := os.MkdirAll(filepath.Dir(library), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(library, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, pattern, want, err, hint string }{
		{"its own path", library, library, "", ""},
		{"an architecture's folder", filepath.Join(dir, "*", "softhsm", "libsofthsm2.so"), library, "", ""},
		{"not there", "/nowhere/libsofthsm2.so", "", "SoftHSM is not installed: there is no " +
			"/nowhere/libsofthsm2.so, nor is it elsewhere that is usual", "apt install softhsm2"},
		{"no pattern", "[", "", "syntax error in pattern", ""},
	} {
		got, err := find([]string{c.pattern})
		said := ""
		if err != nil {
			said = err.Error()
		}
		if got != c.want || said != c.err || exitcode.HintOf(err) != c.hint {
			t.Errorf("%s: %q, %q, hint %q", c.name, got, said, exitcode.HintOf(err))
		}
		if c.hint != "" && exitcode.Of(err) != exitcode.HSM {
			t.Errorf("%s: status %d", c.name, exitcode.Of(err))
		}
	}
}

func TestLibrary(t *testing.T) {
	path, err := Library()
	if err != nil || filepath.Base(path) != "libsofthsm2.so" {
		t.Errorf("%q, %v", path, err)
	}
}

func TestConfigure(t *testing.T) {
	dir := t.TempDir()
	conf, err := Configure(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(conf)
	want := "directories.tokendir = " + dir + "/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
	if err != nil || string(text) != want {
		t.Errorf("%q, %v", text, err)
	}
	for path, mode := range map[string]os.FileMode{conf: 0o600, filepath.Join(dir, "tokens"): 0o700 | os.ModeDir} {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if _, err := Configure(conf); err == nil {
		t.Error("a file in place of the folder")
	}
}
