package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// linkerMap is what GNU ld writes, cut short. Files of it are links in a folder DIR
// to files of this machine's dpkg and libc6.
const linkerMap = `Archive member included to satisfy reference by file (symbol)

DIR/libmingwex.a(lib64_libmingwex_a-gdtoa.o)
                              DIR/crt2.o (__gdtoa)
DIR/libmingwex.a(lib64_libmingwex_a-misc.o)
                              DIR/libmingwex.a(lib64_libmingwex_a-gdtoa.o) (__freedtoa)

Discarded input sections

 .text          0x0000000000000000       0x20 DIR/libsearched.a(a.o)
LOAD DIR/crt2.o
LOAD /tmp/go-link-123/go.o
LOAD /tmp/go-link-123/000000.o
LOAD DIR/libsearched.a
LOAD /lib/x86_64-linux-gnu/libc.so.6
LOAD DIR/crtend.o
LOAD dll stuff
`

// mapped writes the map, and the files that it names.
func mapped(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, file := range map[string]string{"crt2.o": "/usr/bin/dpkg", "crtend.o": "/etc/debian_version", "libmingwex.a": "/usr/bin/dpkg-query"} {
		check(t, os.Symlink(file, filepath.Join(dir, name)))
	}
	file := filepath.Join(dir, "map")
	check(t, os.WriteFile(file, []byte(strings.ReplaceAll(linkerMap, "DIR", dir)), 0o644))
	return file
}

// TestParts reads a map down to packages and their versions.
func TestParts(t *testing.T) {
	file := mapped(t)
	known := map[string]string{"dpkg": "GPL-2.0-or-later", "base-files": "LGPL-2.1-or-later WITH " + exception}
	parts, err := partsOf(file, known)
	check(t, err)
	if len(parts) != 2 || parts[0].Package != "base-files" || parts[1].Package != "dpkg" ||
		!slices.Equal(parts[0].Files, []string{"crtend.o"}) || !slices.Equal(parts[1].Files, []string{"crt2.o", "libmingwex.a"}) {
		t.Fatalf("%+v", parts)
	}
	version := func(name string) string { return output(t, "dpkg-query", "-W", "-f", "${Version}", name) }
	var out bytes.Buffer
	check(t, listParts(&out, parts))
	if want := "base-files " + version("base-files") + ", dpkg " + version("dpkg") + "\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	var text bytes.Buffer
	check(t, licences(&text, info(), mustKnow(t), parts))
	rule := strings.Repeat("=", 78)
	for _, want := range []string{
		rule + "\nbase-files " + version("base-files") + ": crtend.o, linked by the C compiler\nLGPL-2.1-or-later WITH " + exception +
			", copyright\n" + rule + "\n\nThis is the Debian",
		rule + "\nbase-files " + version("base-files") + ": crtend.o, linked by the C compiler\nLGPL-2.1-or-later WITH " + exception +
			", GCC-exception-2.0-note.txt\n" + rule + "\n\nOf the GNU C Library",
		rule + "\ndpkg " + version("dpkg") + ": crt2.o, libmingwex.a, linked by the C compiler\nGPL-2.0-or-later, copyright\n" + rule + "\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the licences lack %q", want)
		}
	}
	c := parts[0].component()
	encoded, err := json.Marshal(c)
	check(t, err)
	purl := "pkg:deb/debian/base-files@" + strings.ReplaceAll(c.Version, "+", "%2B") + "?arch=" + parts[0].Architecture
	want := `{"type":"library","bom-ref":"` + purl + `","name":"base-files","version":"` + c.Version + `","licenses":[{"expression":` +
		`"LGPL-2.1-or-later WITH GCC-exception-2.0-note"}],"purl":"` + purl + `","properties":[{"name":"byok:linked","value":"crtend.o"}]}`
	if string(encoded) != want {
		t.Errorf("%s\nwant %s", encoded, want)
	}
}

func mustKnow(t *testing.T) map[string]string {
	t.Helper()
	known, err := licencesOf("docs/dependencies.md")
	check(t, err)
	return known
}

// TestNoParts: what cannot be told is an error, and no shorter list.
func TestNoParts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "map")
	check(t, os.Symlink("/usr/bin/dpkg", filepath.Join(dir, "a.o")))
	check(t, os.WriteFile(filepath.Join(dir, "own.o"), nil, 0o644))
	for _, c := range []struct{ name, text, want string }{
		{"no map", "ELF", file + ": is not a map of GNU ld, or of a program that no C compiler linked"},
		{"no package of the page", "LOAD " + dir + "/a.o\n", "a.o of dpkg has no licence in docs/dependencies.md"},
		{"no such file", "LOAD " + dir + "/b.o\n", "lstat " + dir + "/b.o: no such file or directory"},
		{"of no package", "LOAD " + dir + "/own.o\n", "dpkg-query -S " + dir + "/own.o: exit status 1"},
	} {
		check(t, os.WriteFile(file, []byte(c.text), 0o644))
		if _, err := partsOf(file, mustKnow(t)); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := partsOf("/nowhere", nil); err == nil {
		t.Error("a map that is not there")
	}
}

// TestLinker reads a map of the real linker.
func TestLinker(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "a.c"), []byte("int main(void) { return 0; }\n"), 0o644))
	file := filepath.Join(dir, "map")
	output(t, "cc", "-o", filepath.Join(dir, "a"), filepath.Join(dir, "a.c"), "-Wl,-Map="+file)
	objects, err := objectsOf(file)
	check(t, err)
	var names []string
	for _, object := range objects {
		names = append(names, filepath.Base(object))
	}
	for _, want := range []string{"crti.o", "crtn.o"} {
		if !slices.Contains(names, want) {
			t.Errorf("%q lacks %s", names, want)
		}
	}
	if p, err := owner(objects[slices.Index(names, "crti.o")]); err != nil || p.Package != "libc6-dev" {
		t.Errorf("crti.o is of %+v, %v", p, err)
	}
}

// TestRunMap makes all three papers of this test's program, as if it held a start file.
func TestRunMap(t *testing.T) {
	self, err := os.Executable()
	check(t, err)
	file := filepath.Join(t.TempDir(), "map")
	check(t, os.WriteFile(file, []byte("LOAD "+output(t, "cc", "-print-file-name=crti.o")), 0o644))
	version := output(t, "dpkg-query", "-W", "-f", "${Version}", "libc6-dev")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"linked", file}, "libc6-dev " + version + "\n"},
		{[]string{"licences", self, file}, "libc6-dev " + version + ": crti.o, linked by the C compiler\n"},
		{[]string{"sbom", "1.0.0", "abc", "2026-11-26T03:00:00Z", self, file}, `"name": "libc6-dev",`},
	} {
		var out bytes.Buffer
		check(t, run(&out, c.args))
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %.300s", c.args[0], out.String())
		}
	}
	for _, name := range []string{"sbom", "licences", "linked"} {
		if err := run(&bytes.Buffer{}, []string{name, "a", "b", "c", "d", "e", "f"}); err == nil || err.Error() != usage {
			t.Errorf("%s with too much: %v", name, err)
		}
	}
}
