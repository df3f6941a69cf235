package toolset

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

func TestParseSumsRefuses(t *testing.T) {
	sum := fingerprint.Of(nil).String()
	for data, want := range map[string]string{
		"":                                "the last line has no end",
		sum + "  a":                       "the last line has no end",
		sum + " a\n":                      "line 1 is not a SHA-256, two spaces and a name",
		sum + "  a\n\n":                   "line 2 is not a SHA-256, two spaces and a name",
		sum + "  \n":                      "line 1 is not a SHA-256, two spaces and a name",
		strings.ToUpper(sum) + "  a\n":    "line 1 is not a SHA-256, two spaces and a name",
		sum[1:] + "  a\n":                 "line 1 is not a SHA-256, two spaces and a name",
		sum + "  a\n" + sum + " *b.zip\n": "line 2 is not a SHA-256, two spaces and a name",
	} {
		if _, err := ParseSums([]byte(data)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", data, err, want)
		}
	}
}

func TestInstall(t *testing.T) {
	dir := t.TempDir()
	zipPath := filepath.Join(dir, ZipName("CONTOSO"))
	data := contosoZip(t)
	if err := os.WriteFile(zipPath, data, 0o644); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "a", "b")
	got, err := Install(zipPath, to, fingerprint.Of(data))
	if err != nil {
		t.Fatal(err)
	}
	want := Installed{
		Zip:           fingerprint.Of(data),
		KEK:           filepath.Join(to, kekFile),
		SecurityWorld: filepath.Join(to, swFile),
		Sums:          filepath.Join(to, SumsName),
	}
	if got != want {
		t.Errorf("%+v", got)
	}
	run(t, to, "sha256sum", "-c", "--strict", SumsName)
	if entries, err := os.ReadDir(to); err != nil || len(entries) != 3 {
		t.Errorf("%v, %v", entries, err)
	}
	_, err = Install(zipPath, to, fingerprint.Of(data))
	expect(t, "again", err, exitcode.Refused, filepath.Join(to, SumsName)+" already exists and is never overwritten")
}

// TestInstallAfterInterruption finds the companions an interrupted run left.
func TestInstallAfterInterruption(t *testing.T) {
	dir, zipPath, sum := zipFile(t, contosoZip(t))
	path := filepath.Join(dir, kekFile)
	if err := os.WriteFile(path, contosoFiles(t)[0].Data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Install(zipPath, dir, sum); err != nil {
		t.Error(err)
	}
}

func zipFile(t *testing.T, data []byte) (dir, path string, sum fingerprint.Sum) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(t.TempDir(), "Z.zip")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, path, fingerprint.Of(data)
}

func TestInstallRefuses(t *testing.T) {
	good := contosoZip(t)
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string) (path string, sum fingerprint.Sum)
		code    exitcode.Code
		want    string // DIR stands for the folder
	}{
		"other hash": {func(t *testing.T, dir string) (string, fingerprint.Sum) {
			_, path, _ := zipFile(t, good)
			return path, fingerprint.Sum{}
		}, exitcode.Check, "Z.zip: its SHA-256 is " + fingerprint.Of(good).String() + ", not the one given"},
		"hash before content": {func(t *testing.T, dir string) (string, fingerprint.Sum) {
			_, path, _ := zipFile(t, []byte("no zip"))
			return path, fingerprint.Sum{}
		}, exitcode.Check, "Z.zip: its SHA-256 is " + fingerprint.Of([]byte("no zip")).String() + ", not the one given"},
		"cut short": {func(t *testing.T, dir string) (string, fingerprint.Sum) {
			_, path, sum := zipFile(t, good[:len(good)-1])
			return path, sum
		}, exitcode.Usage, "Z.zip: not a zip file, or cut short"},
		"longer than a toolset": {func(t *testing.T, dir string) (string, fingerprint.Sum) {
			_, path, sum := zipFile(t, make([]byte, MaxZip+5))
			return path, sum
		}, exitcode.Usage, "Z.zip: more than the 1048576 bytes a toolset may have"},
		"a terabyte of holes": {func(t *testing.T, dir string) (string, fingerprint.Sum) {
			if err := errors.Join(os.WriteFile(dir+"/Z.zip", nil, 0o600), os.Truncate(dir+"/Z.zip", 1<<40)); err != nil {
				t.Fatal(err)
			}
			return dir + "/Z.zip", fingerprint.Sum{}
		}, exitcode.Usage, "DIR/Z.zip: larger than the 268435456 bytes that such a file may have"},
		"a folder": {func(t *testing.T, dir string) (string, fingerprint.Sum) {
			return dir, fingerprint.Sum{}
		}, exitcode.Usage, "DIR: a folder, not a file"},
		"not there": {func(t *testing.T, dir string) (string, fingerprint.Sum) {
			return filepath.Join(dir, "none.zip"), fingerprint.Sum{}
		}, exitcode.Usage, "DIR/none.zip: no such file"},
		"a file in the way": {func(t *testing.T, dir string) (string, fingerprint.Sum) {
			_, path, sum := zipFile(t, good)
			if err := os.WriteFile(filepath.Join(dir, swFile), []byte("mine"), 0o644); err != nil {
				t.Fatal(err)
			}
			return path, sum
		}, exitcode.Refused, "DIR/" + swFile + " already exists and is never overwritten"},
		"a link in the way": {func(t *testing.T, dir string) (string, fingerprint.Sum) {
			_, path, sum := zipFile(t, good)
			if err := os.Symlink("elsewhere", filepath.Join(dir, kekFile)); err != nil {
				t.Fatal(err)
			}
			return path, sum
		}, exitcode.Refused, "DIR/" + kekFile + " already exists and is never overwritten"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, sum := c.prepare(t, dir)
			before, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Install(path, dir, sum)
			expect(t, name, err, c.code, strings.ReplaceAll(c.want, "DIR", dir))
			if data, err := durable.ReadFile(path, 2*MaxZip); err == nil && got.Zip != fingerprint.Of(data) {
				t.Errorf("the zip's hash is %s", got.Zip)
			}
			if after, err := os.ReadDir(dir); err != nil || len(after) != len(before) {
				t.Errorf("%v is left, %v", after, err)
			}
		})
	}
}

func TestInstallRetired(t *testing.T) {
	region, err := FindRegion("Europe")
	if err != nil {
		t.Fatal(err)
	}
	err = checkHash(region.Package, region.SHA256, region.SHA256)
	expect(t, "retired", err, exitcode.Check, "KeyVault-BYOK-Tools-Europe.zip: the zip for Europe of the nCipher toolset retired in June 2021")
	if got, want := exitcode.HintOf(err), "its own KeyTransferRemote.exe reads it, with an nShield HSM; for today's service: byok-online toolset build"; got != want {
		t.Errorf("hint: %s", got)
	}
	err = checkHash("Z.zip", fingerprint.Sum{}, region.SHA256)
	if got, want := exitcode.HintOf(err), "compare what you typed with the published hash; if it is right, copy the zip again from where it was made"; got != want {
		t.Errorf("hint: %s", got)
	}
}

// FuzzUnzip: what is accepted gives packages that make the same content again.
func FuzzUnzip(f *testing.F) {
	f.Add(contosoZip(f))
	f.Add(pack(f, contosoFiles(f), func(i int, h *zip.FileHeader) { h.Modified = time.Unix(1e9, 0) }))
	f.Add(pack(f, []File{{"../x", nil}}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		pair, err := Unzip("Z.zip", data)
		if err != nil {
			return
		}
		zip, err := pair.Zip()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Unzip("Z.zip", zip); err != nil || !reflect.DeepEqual(again, pair) {
			t.Fatalf("%v", err)
		}
	})
}
