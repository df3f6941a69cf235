package transfer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"byok/internal/keykind"
)

const blobName = "KeyTransferPackage-ContosoFirstHSMkey.byok"

func TestPackageVerify(t *testing.T) {
	for _, folder := range vectors(t, "package/valid/*") {
		p, err := ReadPackage(filepath.Join(folder, blobName))
		if err != nil {
			t.Error(err)
			continue
		}
		if err := p.Verify(); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
		if aes := p.Manifest.Key.KTY == keykind.OctHSM; aes != (p.Possession == nil) {
			t.Errorf("%s: proof of possession of %d bytes", folder, len(p.Possession))
		}
	}
}

func TestPackageVerifyRefuses(t *testing.T) {
	for _, folder := range vectors(t, "package/invalid/*") {
		p, err := ReadPackage(filepath.Join(folder, blobName))
		if err == nil {
			err = p.Verify()
		}
		refused(t, folder, err, string(read(t, filepath.Join(folder, "want"))))
	}
}

// Any two packages share no file that could stand for the other's.
func TestPackagePartsDoNotMix(t *testing.T) {
	folders := vectors(t, "package/valid/*")
	for i, folder := range folders {
		mine := must[Package](t)(ReadPackage(filepath.Join(folder, blobName)))
		other := must[Package](t)(ReadPackage(filepath.Join(folders[(i+1)%len(folders)], blobName)))
		for name, mix := range map[string]func(*Package){
			"blob":       func(p *Package) { p.Blob, p.BlobBytes = other.Blob, other.BlobBytes },
			"manifest":   func(p *Package) { p.Manifest, p.ManifestBytes = other.Manifest, other.ManifestBytes },
			"signature":  func(p *Package) { p.Signature = other.Signature },
			"possession": func(p *Package) { p.Possession = append([]byte{1}, other.Possession...) },
		} {
			p := mine
			mix(&p)
			if p.Verify() == nil {
				t.Errorf("%s verifies with the %s of another", folder, name)
			}
		}
	}
}

// A package whose parsed and raw halves differ would upload one and check the other.
func TestPackageVerifyRefusesHalves(t *testing.T) {
	rsa := must[Package](t)(ReadPackage("testdata/package/valid/rsa2048/" + blobName))
	aes := must[Package](t)(ReadPackage("testdata/package/valid/aes256/" + blobName))
	for name, c := range map[string]struct {
		change func(*Package)
		want   string
	}{
		"blob": {func(p *Package) { p.Blob = aes.Blob },
			"KeyTransferPackage-ContosoFirstHSMkey.byok: the file is not the blob that was read from it"},
		"blob for another KEK": {func(p *Package) { p.Blob.KEK.Name = "other" },
			"KeyTransferPackage-ContosoFirstHSMkey.byok: the file is not the blob that was read from it"},
		"manifest": {func(p *Package) { p.Manifest.Rehearsal = true },
			"KeyTransferPackage-ContosoFirstHSMkey.manifest.json: the file is not the manifest that was read from it"},
		"manifest bytes": {func(p *Package) {
			p.ManifestBytes = append(p.ManifestBytes[:len(p.ManifestBytes):len(p.ManifestBytes)], '\n')
		},
			"KeyTransferPackage-ContosoFirstHSMkey.manifest.json: the file is not the manifest that was read from it"},
		"manifest content": {func(p *Package) { p.Manifest.Key.Bits = 0 },
			"KeyTransferPackage-ContosoFirstHSMkey.manifest.json: transfer manifest: field key.bits: the public key has 2048"},
		"nothing": {func(p *Package) { *p = Package{} },
			`key name "": 1 to 127 digits, letters and dashes are allowed`},
	} {
		p := rsa
		c.change(&p)
		refused(t, name, p.Verify(), c.want)
	}
}

// copyPackage puts a valid package into a new folder, where files can be exchanged.
func copyPackage(t *testing.T) FileNames {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "usb")
	if err := os.CopyFS(folder, os.DirFS("testdata/package/valid/p256")); err != nil {
		t.Fatal(err)
	}
	return must[FileNames](t)(NamesFor(filepath.Join(folder, blobName)))
}

func TestReadPackageRefusesEveryInvalidFile(t *testing.T) {
	for _, pattern := range []string{"blob/invalid/*.byok", "manifest/invalid/*.json"} {
		for _, path := range vectors(t, pattern) {
			names := copyPackage(t)
			target := names.Blob
			if filepath.Ext(path) == ".json" {
				target = names.Manifest
			}
			data, want := read(t, path), target+": "+wanted(t, path)
			if err := os.WriteFile(target, data, 0o600); err != nil {
				t.Fatal(err)
			}
			// Files of unknown size are not read to their end.
			if strings.HasSuffix(path, "/too-large.byok") || strings.HasSuffix(path, "/form-too-large.json") {
				want = target + ": more than the 65536 bytes such a file may have"
			}
			_, err := ReadPackage(names.Blob)
			refused(t, path, err, want)
		}
	}
}

func TestReadPackageMissingFiles(t *testing.T) {
	all := copyPackage(t)
	for _, gone := range []string{all.Blob, all.Manifest, all.Signature} { // without Possession: package/invalid/pop-missing
		names := copyPackage(t)
		gone = filepath.Join(filepath.Dir(names.Blob), filepath.Base(gone))
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
		_, err := ReadPackage(names.Blob)
		refused(t, gone, err, gone+": no such file")
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the error is not fs.ErrNotExist", gone)
		}
	}
	legacy := filepath.Join(t.TempDir(), "KeyTransferPackage-old.byok")
	if err := os.WriteFile(legacy, read(t, "testdata/blob/invalid/legacy-ncipher-large.byok"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPackage(legacy); !errors.Is(err, ErrLegacy) {
		t.Errorf("a legacy package alone: %v", err)
	}
	_, err := ReadPackage("key.json")
	refused(t, "name", err, "key.json: the name of a transfer package ends in .byok")
	folder := t.TempDir() + "/key.byok"
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = ReadPackage(folder)
	refused(t, "folder", err, folder+": a folder, not a file")
	pipe := t.TempDir() + "/key.byok"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = ReadPackage(pipe)
	refused(t, "pipe", err, pipe+": a named pipe, not a file")
}
