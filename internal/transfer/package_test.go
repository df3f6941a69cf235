package transfer_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/statement"
	"byok/internal/transfer"
)

func TestVerify(t *testing.T) {
	for _, dir := range vectors(t, "package/valid/*") {
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			v := valid(t, name)
			path := v.put(t)
			p := must(transfer.ReadPackage(path))(t)
			facts := must(p.Inspect())(t)
			for _, hknso := range v.hknso {
				a := must(p.Verify(hknso))(t)
				if !reflect.DeepEqual(a.Facts(), facts) {
					t.Errorf("Inspect has other facts: %+v", facts)
				}
				if !bytes.Equal(a.Blob(), v.bundle[v.end(".byok")]) {
					t.Error("another .byok than the file")
				}
			}
			if facts.First != v.hknso[0] || facts.Current != v.hknso[len(v.hknso)-1] {
				t.Errorf("hknso %v, %v", facts.First, facts.Current)
			}
			_, err := p.Verify(fingerprint.Of([]byte("others")))
			refused(t, name, err, strings.ReplaceAll(notNamed, "STEM", strings.TrimSuffix(path, ".byok")))
		})
	}
}

func TestFacts(t *testing.T) {
	v := valid(t, "replaced")
	a := must(verified(v.put(t), v.hknso[0]))(t)
	f := a.Facts()
	if f.Label != "Contoso" || f.Rehearsal || f.Guard != statement.GuardTrust || f.Module.CardSet != 3 {
		t.Errorf("%+v", f)
	}
	p := f.Pair
	if p.Ident != "key" || p.Identity.String() != "P-384" || p.Origin != statement.OriginQuorum {
		t.Errorf("%+v", p)
	}
	if p.KEK.KID.String() != kid || p.Wrapped != f.Authorization.Pairs[1].Wrapped {
		t.Errorf("%+v", p)
	}
	if f.Sum != f.Manifest.Authorization.SHA256 || f.Manifest.Authorization.Pair != 1 {
		t.Errorf("%+v", f.Manifest)
	}
	blob := a.Blob()
	blob[0] ^= 1
	if bytes.Equal(blob, a.Blob()) {
		t.Error("the .byok can be changed from outside")
	}
	if none := (transfer.Approved{}); none.Blob() != nil {
		t.Error("an empty Approved has a .byok")
	}
	if f := must(verified(valid(t, "rehearsal").put(t), valid(t, "rehearsal").hknso[0]))(t).Facts(); !f.Rehearsal {
		t.Errorf("%+v", f)
	}
}

func TestVerifyRefuses(t *testing.T) {
	for _, dir := range vectors(t, "package/invalid/*") {
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			v := invalid(t, name)
			path := v.put(t)
			want := strings.ReplaceAll(v.want, "STEM", strings.TrimSuffix(path, ".byok"))
			for _, hknso := range v.hknso {
				a, err := verified(path, hknso)
				refused(t, name, err, want)
				if a.Blob() != nil {
					t.Error("there is a .byok beside the error")
				}
			}
			p, err := transfer.ReadPackage(path)
			if err != nil {
				status(t, name, err, exitcode.Usage)
				return
			}
			_, err = p.Verify(v.hknso[0])
			status(t, name, err, exitcode.Check)
			_, err = p.Inspect()
			if named := strings.HasSuffix(v.want, "replaced since"); named != (err == nil) {
				t.Errorf("Inspect: %v", err)
			}
		})
	}
}

// No file of a package can stand for another package's, of the same world and
// for the same KEK.
func TestPartsDoNotMix(t *testing.T) {
	kinds := []string{"p-256", "p-384", "p-521", "p-256k", "rsa-2048", "aes-256"}
	for i, kind := range kinds {
		mine, other := valid(t, kind), valid(t, kinds[(i+1)%len(kinds)])
		for name, data := range other.bundle {
			if bytes.Equal(mine.bundle[name], data) {
				continue // the statements of world and module
			}
			mixed := vector{bundle: clone(mine.bundle)}
			mixed.bundle[name] = data
			if _, err := verified(mixed.put(t), mine.hknso[0]); err == nil {
				t.Errorf("%s verifies with %s of another", kind, name)
			}
		}
	}
}

// Every file of a package is needed, and none may be a named pipe.
func TestReadPackageMissingFiles(t *testing.T) {
	v := valid(t, "replaced")
	for name := range v.bundle {
		gone := vector{bundle: clone(v.bundle)}
		delete(gone.bundle, name)
		path := gone.put(t)
		p, err := transfer.ReadPackage(path)
		missing := filepath.Join(filepath.Dir(path), name)
		switch {
		case strings.HasSuffix(name, ".pop.sig"):
			check(t, err)
			_, err = p.Verify(v.hknso[0])
			status(t, name, err, exitcode.Check)
		case strings.HasSuffix(name, ".cards-3.json"): // nothing says that there was one
			check(t, err)
			_, err = p.Verify(v.hknso[0])
			status(t, name, err, exitcode.Check)
		case strings.HasSuffix(name, ".cards-2.json"):
			refused(t, name, err, missing+": there is no such file, but there is "+strings.Replace(missing, "-2", "-3", 1))
		default:
			refused(t, name, err, missing+": no such file")
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: the error is not fs.ErrNotExist", name)
			}
		}
		check(t, syscall.Mkfifo(missing, 0o600))
		_, err = transfer.ReadPackage(path)
		refused(t, name, err, missing+": a named pipe, not a file")
		status(t, name, err, exitcode.Usage)
	}
}

func TestReadPackageHint(t *testing.T) {
	v := valid(t, "p-256")
	delete(v.bundle, v.end(".world.json"))
	_, err := transfer.ReadPackage(v.put(t))
	want := "copy every file of the transfer package, all that begin with its name, into one folder"
	if hint := exitcode.HintOf(err); hint != want {
		t.Errorf("hint: %q", hint)
	}
}

func TestReadPackageLegacyAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "KeyTransferPackage-old.byok")
	check(t, os.WriteFile(path, read(t, "testdata/blob/invalid/legacy-ncipher-large.byok"), 0o600))
	_, err := transfer.ReadPackage(path)
	if !errors.Is(err, transfer.ErrLegacy) {
		t.Errorf("%v", err)
	}
}

// The error for every invalid .byok names the file.
func TestReadPackageRefusesEveryInvalidBlob(t *testing.T) {
	for _, invalid := range vectors(t, "blob/invalid/*.byok") {
		v := valid(t, "p-256")
		v.bundle[v.end(".byok")] = read(t, invalid)
		path := v.put(t)
		_, err := transfer.ReadPackage(path)
		refused(t, invalid, err, path+": "+wanted(t, invalid))
	}
}
