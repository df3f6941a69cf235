package kit_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kit"
)

// TestCheckFinds: each thing that is not as it was made is found, and named.
func TestCheckFinds(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(dir string) error
		want []kit.Finding
	}{
		{"a changed file", func(dir string) error { return os.WriteFile(dir+"/byok-offline", []byte("pr0gram"), 0o600) },
			[]kit.Finding{{"byok-offline", "its SHA-256 is not the one on the list"}}},
		{"a longer file", func(dir string) error { return os.Truncate(dir+"/plan/policy.json", 100) },
			[]kit.Finding{{"plan/policy.json", "its SHA-256 is not the one on the list"}}},
		{"a missing file", func(dir string) error { return os.Remove(dir + "/plan/plan.yaml") },
			[]kit.Finding{{"plan/plan.yaml", "it is missing"}}},
		{"a missing folder", func(dir string) error { return os.RemoveAll(dir + "/plan") },
			[]kit.Finding{{"plan", "the folder is missing"}}},
		{"a file more", func(dir string) error { return os.WriteFile(dir+"/autorun.inf", nil, 0o600) },
			[]kit.Finding{{"autorun.inf", "it is not on the list"}}},
		{"a hidden file more", func(dir string) error { return os.WriteFile(dir+"/plan/.profile", nil, 0o600) },
			[]kit.Finding{{"plan/.profile", "it is not on the list"}}},
		{"a name that steers a terminal", func(dir string) error { return os.WriteFile(dir+"/a\x1b[2J", nil, 0o600) },
			[]kit.Finding{{"a\x1b[2J", "it is not on the list"}}},
		{"a file of another case", func(dir string) error { return os.WriteFile(dir+"/BYOK-offline", nil, 0o600) },
			[]kit.Finding{{"BYOK-offline", "it is not on the list"}}},
		{"a folder more", func(dir string) error { return os.MkdirAll(dir+"/more/below", 0o700) },
			[]kit.Finding{{"more", "a folder that is not on the list"}}},
		{"a link to the same content", func(dir string) error {
			return errors.Join(os.Rename(dir+"/byok-offline", dir+"/../moved"), os.Symlink("../moved", dir+"/byok-offline"))
		}, []kit.Finding{{"byok-offline", "a link, and a kit holds only files"}}},
		{"a link to a folder", func(dir string) error {
			return errors.Join(os.Rename(dir+"/plan", dir+"/../moved"), os.Symlink("../moved", dir+"/plan"))
		}, []kit.Finding{{"plan", "a link, and a kit holds only files"}}},
		{"a link to itself", func(dir string) error { return os.Symlink("loop", dir+"/loop") },
			[]kit.Finding{{"loop", "a link, and a kit holds only files"}}},
		{"a named pipe", func(dir string) error {
			return errors.Join(os.Remove(dir+"/byok-offline"), syscall.Mkfifo(dir+"/byok-offline", 0o600))
		}, []kit.Finding{{"byok-offline", "a named pipe, and a kit holds only files"}}},
		{"a folder in place of a file", func(dir string) error {
			return errors.Join(os.Remove(dir+"/byok-offline"), os.Mkdir(dir+"/byok-offline", 0o700))
		}, []kit.Finding{{"byok-offline", "a folder in place of the file"}}},
		{"a file in place of a folder", func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/plan"), os.WriteFile(dir+"/plan", nil, 0o600))
		}, []kit.Finding{{"plan", "it is not on the list"}}},
		{"a second name of a file", func(dir string) error { return os.Link(dir+"/byok-offline", dir+"/byok") },
			[]kit.Finding{{"byok", "it is not on the list"}}},
		{"a socket", func(dir string) error { return socketAt(t, dir+"/byok-offline") },
			[]kit.Finding{{"byok-offline", "a socket, and a kit holds only files"}}},
		{"a name of two lines", func(dir string) error { return os.WriteFile(dir+"/plan/a\nb", nil, 0o600) },
			[]kit.Finding{{"plan/a\nb", "it is not on the list"}}},
		{"a name that is no UTF-8", func(dir string) error { return os.WriteFile(dir+"/\xff", nil, 0o600) },
			[]kit.Finding{{"\xff", "it is not on the list"}}},
		{"several", func(dir string) error {
			return errors.Join(os.Remove(dir+"/plan/plan.yaml"), os.WriteFile(dir+"/z", nil, 0o600), os.WriteFile(dir+"/a", nil, 0o600))
		}, []kit.Finding{
			{"a", "it is not on the list"}, {"plan/plan.yaml", "it is missing"}, {"z", "it is not on the list"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := made(t)
			must(t, c.do(k.Folder))
			_, found, err := kit.Check(context.Background(), k.Folder, kit.Inward())
			must(t, err)
			if !slices.Equal(found, c.want) {
				t.Errorf("%+v\nwant %+v", found, c.want)
			}
		})
	}
}

// TestCheckRefuses: what has the list of no kit is looked at no further.
func TestCheckRefuses(t *testing.T) {
	line := func(name string) string { return fingerprint.Of(nil).String() + "  " + name + "\n" }
	const spelling = ": a name has letters, digits and . _ + ~ = @ - alone, begins with a letter, a digit or _, " +
		"and does not end in a dot"
	for _, c := range []struct{ name, list, says string }{
		{"empty", "", ": the last line has no end"},
		{"cut short", strings.TrimSuffix(line("a"), "\n"), ": the last line has no end"},
		{"no hash", "a\n", ": line 1 is not a SHA-256, two spaces and a name"},
		{"out of order", line("b") + line("a"), ": the lines are not in the order of their names"},
		{"of binary mode", fingerprint.Of(nil).String() + " *a\n", ": line 1 is not a SHA-256, two spaces and a name"},
		{"a file twice", line("a") + line("a"), `: line 2: "a": named twice`},
		{"in two cases", line("A") + line("a"), `: line 2: "a": a stick takes it for A`},
		{"a path out of the kit", line("../../etc/passwd"), `: line 1: "../../etc/passwd"` + spelling},
		{"an absolute path", line("/etc/passwd"), `: line 1: "/etc/passwd"` + spelling},
		{"a control character", line("a\tb"), `: line 1: "a\tb"` + spelling},
		{"started by itself", line("autorun.inf"), `: line 1: "autorun.inf": a file that a computer may start by itself`},
		{"itself", line("SHA256SUMS"), ": line 1: a list does not name itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, kit.List), c.list)
			_, _, err := kit.Check(context.Background(), dir, kit.Inward())
			refusal(t, err, exitcode.Check, filepath.Join(dir, kit.List)+c.says, "")
		})
	}
}

func TestCheckRefusesPlaces(t *testing.T) {
	at := func(do func(list string) error) (string, error) {
		dir := t.TempDir()
		list := filepath.Join(dir, kit.List)
		must(t, do(list))
		_, _, err := kit.Check(context.Background(), dir, kit.Inward())
		return dir, err
	}
	dir, err := at(func(list string) error { return os.Remove(filepath.Dir(list)) })
	refusal(t, err, exitcode.Check, dir+": no such folder", "name the folder that kit write made")
	dir, err = at(func(string) error { return nil })
	refusal(t, err, exitcode.Check, dir+" is not a kit: it has no SHA256SUMS", "name the folder that kit write made")
	dir, err = at(func(list string) error { return os.Symlink("/dev/zero", list) })
	refusal(t, err, exitcode.Check, dir+"/SHA256SUMS is a link, not the list of a kit", "")
	dir, err = at(func(list string) error { return syscall.Mkfifo(list, 0o600) })
	refusal(t, err, exitcode.Check, dir+"/SHA256SUMS: a named pipe, not a file", "")
	dir, err = at(func(list string) error { return errors.Join(os.WriteFile(list, nil, 0o600), os.Truncate(list, 10<<30)) })
	refusal(t, err, exitcode.Check, dir+"/SHA256SUMS: larger than the 67108864 bytes that such a file may have", "")
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "")
	_, _, err = kit.Check(context.Background(), file, kit.Inward())
	refusal(t, err, exitcode.Check, file+" is not a folder, and a kit is one", "name the folder that kit write made")
	link := filepath.Join(t.TempDir(), "kit")
	must(t, os.Symlink(made(t).Folder, link))
	for _, path := range []string{link, link + "/"} {
		_, _, err = kit.Check(context.Background(), path, kit.Inward())
		refusal(t, err, exitcode.Check, path+" is a link, and a kit is a folder",
			"copy the kit itself from the stick, and check the copy")
	}
}

// socketAt puts a socket in place of a file. A socket's path has few bytes.
func socketAt(t *testing.T, path string) error {
	t.Helper()
	must(t, os.Remove(path))
	t.Chdir(filepath.Dir(path))
	s, err := net.Listen("unix", filepath.Base(path))
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return err
}

// TestCheckIsBounded: a stick with holes or without an end costs no more than a kit
// of the largest size.
func TestCheckIsBounded(t *testing.T) {
	k := made(t)
	must(t, os.Truncate(k.Folder+"/byok-offline", 10<<30))
	_, _, err := kit.Check(context.Background(), k.Folder, kit.Inward())
	refusal(t, err, exitcode.Check, k.Folder+": 10737.4 MB, more than the 16.0 MB that a kit may have; the largest: "+
		"byok-offline with 10737.4 MB", "")

	k = made(t)
	few := kit.Limit{Bytes: 100, Files: 3}
	for i := range 50 {
		put(t, filepath.Join(k.Folder, fmt.Sprint(i)), "")
	}
	_, _, err = kit.Check(context.Background(), k.Folder, few)
	refusal(t, err, exitcode.Check, k.Folder+" has far more files than a kit may have", "")
	few.Files = 2
	_, _, err = kit.Check(context.Background(), k.Folder, few)
	refusal(t, err, exitcode.Check, k.Folder+"/SHA256SUMS: 3 files, more than the 2 that a kit may have", "")

	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := kit.Check(ended, made(t).Folder, kit.Inward()); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
