package toolset

import (
	"archive/zip"
	"bytes"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// contosoZip is the toolset of contoso.
func contosoZip(t testing.TB) []byte {
	t.Helper()
	data, err := Zip(contoso(t))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// contosoFiles are its files, in the order of the zip.
func contosoFiles(t testing.TB) []file {
	t.Helper()
	files, err := filesOf(contoso(t))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// pack makes a zip of any entries, each of which may change its header.
func pack(t testing.TB, files []file, change func(i int, h *zip.FileHeader)) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, f := range files {
		h := &zip.FileHeader{Name: f.name, CRC32: crc32.ChecksumIEEE(f.data), CompressedSize64: uint64(len(f.data)), UncompressedSize64: uint64(len(f.data))}
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
		if _, err := entry.Write(f.data); err != nil {
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
	kek, sw := contoso(t)
	gotKEK, gotSW, err := Unzip("Z.zip", contosoZip(t))
	if err != nil || gotSW != sw || gotKEK.KID != kek.KID {
		t.Errorf("%+v, %+v, %v", gotKEK, gotSW, err)
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
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
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
	if _, _, err := Unzip("t.zip", data); err != nil {
		t.Error(err)
	}
}

func TestZipRefuses(t *testing.T) {
	kek, sw := contoso(t)
	other := kek
	other.Suffix = "FABRIKAM"
	_, err := Zip(other, sw)
	expect(t, "suffix", err, exitcode.Check, "BYOK-KEK-pkg-FABRIKAM-1 does not go with BYOK-SecurityWorld-pkg-CONTOSO-1")
	other = kek
	other.Generation = 2
	_, err = Zip(other, sw)
	expect(t, "generation", err, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-2 does not go with BYOK-SecurityWorld-pkg-CONTOSO-1")
	other = kek
	other.Rehearsal = true
	_, err = Zip(other, sw)
	expect(t, "rehearsal", err, exitcode.Refused, "BYOK-KEK-pkg-CONTOSO-1: one package is of a rehearsal and the other is not")
	other = kek
	other.SecurityWorld[0]++
	_, err = Zip(other, sw)
	expect(t, "binding", err, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1 is bound to another SecurityWorld package than BYOK-SecurityWorld-pkg-CONTOSO-1")
	sw.Cloud = "\n"
	_, err = Zip(kek, sw)
	expect(t, "field", err, exitcode.Usage, "BYOK-SecurityWorld-pkg-CONTOSO-1: field cloud: a character that cannot be printed")
}
