package toolset

import (
	"archive/zip"
	"bytes"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kek"
)

// contosoZip is the toolset of contoso.
func contosoZip(t testing.TB) []byte {
	t.Helper()
	data, err := contosoPair(t).Zip()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// contosoFiles are its files, in the order of the zip.
func contosoFiles(t testing.TB) []File {
	t.Helper()
	files, err := contosoPair(t).files()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// pack makes a zip of any entries, each of which may change its header.
func pack(t testing.TB, files []File, change func(i int, h *zip.FileHeader)) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, f := range files {
		h := &zip.FileHeader{Name: f.Name, CRC32: crc32.ChecksumIEEE(f.Data), CompressedSize64: uint64(len(f.Data)), UncompressedSize64: uint64(len(f.Data))}
		h.SetMode(0o644)
		if change != nil {
			change(i, h)
		}
		entry, err := w.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, "/") {
			continue // the writer takes no data for a folder
		}
		if _, err := entry.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestZipIsReproducible(t *testing.T) {
	if a, b := contosoZip(t), contosoZip(t); !bytes.Equal(a, b) {
		t.Error("the same packages gave two zips")
	}
	want := contosoPair(t)
	if got, err := Unzip("Z.zip", contosoZip(t)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestZipElsewhere unpacks with Python and checks with coreutils, which know
// nothing of this package.
func TestZipElsewhere(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "toolset.zip"), contosoZip(t), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "python3", "-m", "zipfile", "-e", "toolset.zip", ".")
	got := run(t, dir, "sha256sum", "-c", SumsName)
	if want := kekFile + ": OK\n" + swFile + ": OK\n"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	sums := run(t, dir, "sha256sum", kekFile, swFile)
	lines, err := ParseSums([]byte(sums))
	if err != nil || string(FormatSums(lines)) != sums {
		t.Errorf("%v, %v", lines, err)
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed to judge this package: apt-get install python3 coreutils", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// TestUnzipOthers accepts a zip that another program has packed.
func TestUnzipOthers(t *testing.T) {
	dir := t.TempDir()
	for _, f := range contosoFiles(t) {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "python3", "-c", `import zipfile
with zipfile.ZipFile("t.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for n in ("`+SumsName+`", "`+swFile+`", "`+kekFile+`"): z.write(n)`)
	data, err := os.ReadFile(filepath.Join(dir, "t.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Unzip("t.zip", data); err != nil {
		t.Error(err)
	}
}

func TestZipRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(p *Pair)
		status exitcode.Code
		want   string
	}{
		{"suffix", func(p *Pair) { p.kek.Suffix = "FABRIKAM" }, exitcode.Check,
			"BYOK-KEK-pkg-FABRIKAM-1 does not belong with BYOK-SecurityWorld-pkg-CONTOSO-1"},
		{"generation", func(p *Pair) { p.kek.Generation = 2 }, exitcode.Check,
			"BYOK-KEK-pkg-CONTOSO-2 does not belong with BYOK-SecurityWorld-pkg-CONTOSO-1"},
		{"mark", func(p *Pair) { p.kek.Mark = kek.Test }, exitcode.Refused,
			"BYOK-KEK-pkg-CONTOSO-1: one package is marked test, the other production"},
		{"binding", func(p *Pair) { p.kek.SecurityWorld[0]++ }, exitcode.Check,
			"BYOK-KEK-pkg-CONTOSO-1 is bound to a SecurityWorld package other than BYOK-SecurityWorld-pkg-CONTOSO-1"},
		{"field", func(p *Pair) { p.world.Cloud = "\n" }, exitcode.Usage,
			"BYOK-SecurityWorld-pkg-CONTOSO-1: field cloud: it is not one line of printable characters"},
		{"field of the KEK", func(p *Pair) { p.kek.KTY = "" }, exitcode.Usage,
			"BYOK-KEK-pkg-CONTOSO-1: field kty: empty or missing"},
	} {
		pair := contosoPair(t)
		c.change(&pair)
		_, err := pair.Zip()
		expect(t, c.name, err, c.status, c.want)
	}
}
