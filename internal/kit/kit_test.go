package kit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kit"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

// refusal holds an error to its text, status and hint.
func refusal(t *testing.T, err error, status exitcode.Code, text, hint string) {
	t.Helper()
	if err == nil || err.Error() != text || exitcode.Of(err) != status || exitcode.HintOf(err) != hint {
		t.Errorf("status %d, %v\nhint %s\nwant %d, %s\nhint %s", exitcode.Of(err), err, exitcode.HintOf(err), status, text, hint)
	}
}

// sources are files of a kit, by name and content.
func sources(t *testing.T, content ...string) (list []kit.Source) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i+1 < len(content); i += 2 {
		path := filepath.Join(dir, fmt.Sprint(i))
		put(t, path, content[i+1])
		list = append(list, kit.Source{Name: content[i], Path: path})
	}
	return list
}

// made is a kit of three files.
func made(t *testing.T) *kit.Kit {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kit")
	k, err := kit.Write(context.Background(), dir,
		sources(t, "plan/plan.yaml", "version: 1\n", "byok-offline", "program", "plan/policy.json", "{}"), kit.Inward())
	must(t, err)
	return k
}

func TestWriteAndCheck(t *testing.T) {
	k := made(t)
	list, err := os.ReadFile(filepath.Join(k.Folder, kit.List))
	must(t, err)
	want := fmt.Sprintf("%s  byok-offline\n%s  plan/plan.yaml\n%s  plan/policy.json\n", fingerprint.Of([]byte("program")),
		fingerprint.Of([]byte("version: 1\n")), fingerprint.Of([]byte("{}")))
	if string(list) != want || k.SHA256 != fingerprint.Of(list) || k.Size() != 20 {
		t.Errorf("%d bytes, %s\n%s\nwant\n%s", k.Size(), k.SHA256, list, want)
	}
	checked, found, err := kit.Check(context.Background(), k.Folder, kit.Inward())
	must(t, err)
	if len(found) > 0 || checked.SHA256 != k.SHA256 || !slices.Equal(checked.Files, k.Files) {
		t.Errorf("%+v, findings %+v", checked, found)
	}
	if left, _ := filepath.Glob(k.Folder + ".*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	// What a workstation has that has nothing of this project.
	cmd := exec.Command("sha256sum", "--check", "--strict", "--quiet", kit.List)
	cmd.Dir = k.Folder
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("sha256sum: %v: %s", err, out)
	}
}

// TestWriteKeepsPrograms: a program of a release can be started from the kit.
func TestWriteKeepsPrograms(t *testing.T) {
	list := sources(t, "program", "#!/bin/sh\n", "text", "text")
	must(t, os.Chmod(list[0].Path, 0o700))
	dir := filepath.Join(t.TempDir(), "kit")
	_, err := kit.Write(context.Background(), dir, list, kit.Inward())
	must(t, err)
	for name, want := range map[string]os.FileMode{"program": 0o100, "text": 0} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode()&0o100 != want {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	const spelling = "a name has letters, digits and . _ + ~ = @ - alone, begins with a letter, a digit or _, " +
		"and does not end in a dot"
	const rename = "give it another name, or leave it out"
	for _, c := range []struct{ name, in, says string }{
		{"a control character", "a\x1b[2J", spelling},
		{"a blank", "a b", spelling},
		{"a path out of the kit", "../a", spelling},
		{"an absolute path", "/a", spelling},
		{"hidden", ".profile", spelling},
		{"like an option", "-rf", spelling},
		{"a dot at the end", "a.", spelling},
		{"a device", "plan/NUL.txt", "the name of a device on Windows"},
		{"started by Windows", "Autorun.INF", "a file that a computer may start by itself"},
		{"started by a desktop", "a/autorun.sh", "a file that a computer may start by itself"},
		{"long", strings.Repeat("a", 201), "a name of more than 200 bytes"},
		{"deep", "1/2/3/4/5/6/7/8/9", "a name of more than 8 parts"},
		{"twice", "plan/plan.yaml", "named twice"},
		{"in another case", "plan/Plan.yaml", "a stick takes it for plan/plan.yaml"},
		{"in a folder of another case", "Plan/other", "a stick takes it for plan"},
		{"a folder", "plan", "a stick takes it for plan"},
		{"in a file", "plan/plan.yaml/other", "a stick takes it for plan/plan.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "kit")
			list := sources(t, "plan/plan.yaml", "", c.in, "")
			_, err := kit.Write(context.Background(), dir, list, kit.Inward())
			shown := strings.ReplaceAll(c.in, "\x1b", `\x1b`)
			refusal(t, err, exitcode.Refused, list[1].Path+" cannot go into the kit as "+shown+": "+c.says, rename)
			if left, _ := filepath.Glob(dir + "*"); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestWriteRefusesSizes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kit")
	list := sources(t, "manual", "", "byok-offline", "", "notes", "", "small", "")
	for i, size := range []int64{3_000_000, 12_000_000, 2_000_000, 1} {
		must(t, os.Truncate(list[i].Path, size))
	}
	_, err := kit.Write(context.Background(), dir, list, kit.Inward())
	refusal(t, err, exitcode.Refused, dir+": 17.0 MB, more than the 16.0 MB that a kit may have; the largest: "+
		"byok-offline with 12.0 MB, manual with 3.0 MB, notes with 2.0 MB", "leave out what is not needed there")
	_, err = kit.Write(context.Background(), dir, list[:1], kit.Inward())
	must(t, err)

	few := kit.Limit{Bytes: 1, Files: 1}
	_, err = kit.Write(context.Background(), dir+"2", sources(t, "a", "", "b", ""), few)
	refusal(t, err, exitcode.Refused, dir+"2: 2 files, more than the 1 that a kit may have", "leave out what is not needed there")
	_, err = kit.Write(context.Background(), dir+"2", nil, few)
	refusal(t, err, exitcode.Usage, "there is nothing to put into the kit", "")
}

func TestWriteRefusesPlaces(t *testing.T) {
	dir := t.TempDir()
	list := sources(t, "a", "")
	_, err := kit.Write(context.Background(), dir, list, kit.Inward())
	refusal(t, err, exitcode.Refused, dir+" already exists, and a kit never overwrites anything",
		"name a folder that does not exist")
	must(t, os.Symlink("nowhere", dir+"/link"))
	_, err = kit.Write(context.Background(), dir+"/link", list, kit.Inward())
	refusal(t, err, exitcode.Refused, dir+"/link already exists, and a kit never overwrites anything",
		"name a folder that does not exist")
	_, err = kit.Write(context.Background(), dir+"/stick/kit", list, kit.Inward())
	refusal(t, err, exitcode.Refused, dir+"/stick: no such folder",
		"plug the stick in and mount it, then name a folder on it")
}

// TestWriteFails: a run that ends early leaves nothing that could pass for a kit, and
// what a killed one left goes.
func TestWriteFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kit")
	put(t, filepath.Join(filepath.Dir(dir), ".kit.partial/left"), "by a killed run")
	list := sources(t, "a", "content", "b", "content")
	list[1].SHA256 = fingerprint.Of(nil)
	_, err := kit.Write(context.Background(), dir, list, kit.Inward())
	refusal(t, err, exitcode.Check, list[1].Path+": its SHA-256 is not the one of the SHA256SUMS beside it",
		"get the release again")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := kit.Write(ended, dir, list, kit.Inward()); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	must(t, os.Remove(list[0].Path))
	_, err = kit.Write(context.Background(), dir, list, kit.Inward())
	refusal(t, err, exitcode.Usage, list[0].Path+": no such file", "")
	if left, _ := filepath.Glob(dir + "*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestGather(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"usb/vault/a.byok", "usb/vault/sub/b", "usb/.Trash/c", "usb/vault/.hidden"} {
		put(t, filepath.Join(dir, name), "")
	}
	for _, c := range []struct {
		name, folder, from string
		want               []string
	}{
		{"a folder", "", "usb/vault", []string{"vault/a.byok", "vault/sub/b"}},
		{"a folder with a slash, into another", "back", "usb/vault/", []string{"back/vault/a.byok", "back/vault/sub/b"}},
		{"without what is hidden", "", "usb", []string{"usb/vault/a.byok", "usb/vault/sub/b"}},
		{"a file", "toolset", "usb/vault/a.byok", []string{"toolset/a.byok"}},
	} {
		got, err := kit.Gather(c.folder, filepath.Join(dir, c.from))
		must(t, err)
		var names []string
		for _, s := range got {
			names = append(names, s.Name)
			if _, err := os.Stat(s.Path); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s: %q, want %q", c.name, names, c.want)
		}
	}
	_, err := kit.Gather("", dir+"/none")
	refusal(t, err, exitcode.Usage, dir+"/none: no such file or folder", "")
	_, err = kit.Gather("", "")
	refusal(t, err, exitcode.Usage, "an empty name names no file or folder", "")
	must(t, os.MkdirAll(dir+"/pipes", 0o700))
	must(t, syscall.Mkfifo(dir+"/pipes/pipe", 0o600))
	_, err = kit.Gather("", dir+"/pipes")
	refusal(t, err, exitcode.Refused, dir+"/pipes/pipe is a named pipe, and a kit holds only files", "leave it out")
	must(t, os.Symlink("/etc", dir+"/usb/link"))
	_, err = kit.Gather("", dir+"/usb")
	refusal(t, err, exitcode.Refused, dir+"/usb/link is a link, and a kit holds only files",
		"leave it out, or name what it leads to")
}

// release makes a folder as make release does.
func release(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	var list strings.Builder
	for _, name := range names {
		put(t, filepath.Join(dir, name), name)
		fmt.Fprintf(&list, "%s  %s\n", fingerprint.Of([]byte(name)), name)
	}
	put(t, filepath.Join(dir, "SHA256SUMS"), list.String())
	put(t, filepath.Join(dir, "SHA256SUMS.sig"), "signature")
	put(t, filepath.Join(dir, "unlisted"), "")
	return dir
}

func TestRelease(t *testing.T) {
	all := []string{
		"RELEASE-NOTES.md", "byok-0.2.0-windows-amd64.zip", "byok-offline-0.2.0-linux-amd64", "byok-offline-0.2.0-linux-amd64.cdx.json",
		"byok-offline-0.2.0-linux-arm64", "byok-offline-0.2.0-windows-amd64.exe", "byok-offline_0.2.0_amd64.deb",
		"byok-offline_0.2.0_arm64.deb", "byok-online-0.2.0-linux-amd64", "byok-online_0.2.0_amd64.deb",
		"check-offline-0.2.0-linux-amd64", "check-offline_0.2.0~dev+1_amd64.deb", "man/man1/byok-offline.1", "man/man1/byok-online.1",
	}
	dir, raw := release(t, all...), release(t, all[2], all[3], all[4], all[8])
	for _, c := range []struct {
		name, dir, platform string
		want                []string
	}{
		{"Debian packages", dir, "linux-amd64", []string{"RELEASE-NOTES.md", "byok-offline_0.2.0_amd64.deb",
			"check-offline_0.2.0~dev+1_amd64.deb", "man/man1/byok-offline.1", "SHA256SUMS", "SHA256SUMS.sig"}},
		{"of another processor", dir, "linux-arm64", []string{"RELEASE-NOTES.md", "byok-offline_0.2.0_arm64.deb",
			"man/man1/byok-offline.1", "SHA256SUMS", "SHA256SUMS.sig"}},
		{"a zip", dir, "windows-amd64", []string{"RELEASE-NOTES.md", "byok-0.2.0-windows-amd64.zip",
			"man/man1/byok-offline.1", "SHA256SUMS", "SHA256SUMS.sig"}},
		{"programs alone", raw, "linux-amd64", []string{"byok-offline-0.2.0-linux-amd64",
			"byok-offline-0.2.0-linux-amd64.cdx.json", "SHA256SUMS", "SHA256SUMS.sig"}},
	} {
		got, err := kit.Release(c.dir, c.platform)
		must(t, err)
		var names []string
		for _, s := range got {
			names = append(names, strings.TrimPrefix(s.Name, "release/"))
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s: %q\nwant %q", c.name, names, c.want)
		}
	}
	got, err := kit.Release(dir, "linux-amd64")
	must(t, err)
	put(t, filepath.Join(dir, all[0]), "changed")
	_, err = kit.Write(context.Background(), filepath.Join(t.TempDir(), "kit"), got, kit.Inward())
	refusal(t, err, exitcode.Check, filepath.Join(dir, all[0])+": its SHA-256 is not the one of the SHA256SUMS beside it",
		"get the release again")
}

func TestReleaseRefuses(t *testing.T) {
	for _, c := range []struct {
		name, list string
		status     exitcode.Code
		says       string
	}{
		{"out of the folder", strings.Repeat("0", 64) + "  ../byok-offline\n", exitcode.Check,
			`: "../byok-offline": a name has letters, digits and . _ + ~ = @ - alone, begins with a letter, a digit or _, ` +
				"and does not end in a dot"},
		{"no list", "byok-offline\n", exitcode.Check, ": line 1 is not a SHA-256, two spaces and a name"},
		{"nothing", strings.Repeat("0", 64) + "  byok-online-linux-amd64\n", exitcode.Check,
			" lists nothing for byok-offline on linux-amd64"},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, kit.List), c.list)
		_, err := kit.Release(dir, "linux-amd64")
		refusal(t, err, c.status, filepath.Join(dir, kit.List)+c.says, "")
	}
	dir := t.TempDir()
	_, err := kit.Release(dir, "linux-amd64")
	refusal(t, err, exitcode.Usage, filepath.Join(dir, kit.List)+": no such file", "")
	if !slices.Contains(kit.Platforms(), "linux-amd64") {
		t.Error(kit.Platforms())
	}
}
