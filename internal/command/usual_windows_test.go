package command

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestUsualKMData(t *testing.T) {
	for _, c := range []struct{ name, nfast, program, want string }{
		{"of the retired procedure", `C:\nCipher\Key Management Data`, `C:\ProgramData`, `C:\nCipher\Key Management Data`},
		{"of the computer", "", `C:\ProgramData`, `C:\ProgramData\byok\kmdata`},
		{"none", "", "", ""},
	} {
		t.Setenv("NFAST_KMDATA", c.nfast)
		t.Setenv("ProgramData", c.program)
		dir, err := usualKMData()
		if dir != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", c.name, dir, err)
		}
	}
}

func TestExpanded(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.byok", "b.byok", "c.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(names ...string) (all []string) {
		for _, name := range names {
			all = append(all, filepath.Join(dir, name))
		}
		return all
	}
	for _, c := range []struct {
		name      string
		arg, want []string
	}{
		{"two files", in("*.byok"), in("a.byok", "b.byok")},
		{"one letter", in("?.json"), in("c.json")},
		{"no file", in("*.zip"), in("*.zip")},
		{"no pattern", in("a.byok"), in("a.byok")},
		{"an address", []string{"https://h/?x=*"}, []string{"https://h/?x=*"}},
		{"no pattern of files", []string{"["}, []string{"["}},
	} {
		if got := expanded(c.arg); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
