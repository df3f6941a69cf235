package toolset

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/strictjson"
)

// Installed is what Install wrote.
type Installed struct {
	Zip           fingerprint.Sum // SHA-256 of the zip, also of one that was refused; zero if it could not be read
	KEK           string          // path of the KEK package
	SecurityWorld string          // path of the SecurityWorld package
	Sums          string          // path of SHA256SUMS
}

// Install unpacks the toolset at zipPath into the folder dir, which is made if
// it is not there. want is the SHA-256 published out of band: it is compared
// before a byte of the zip is interpreted, and a difference is a Check error.
// Nothing is written unless all of Unzip's conditions hold. An existing file
// is never overwritten (Refused), except by the same bytes, which an
// interrupted run has left.
func Install(zipPath, dir string, want fingerprint.Sum) (Installed, error) {
	name := filepath.Base(zipPath)
	data, sum, err := readZip(zipPath)
	if err != nil {
		return Installed{}, err
	}
	installed := Installed{Zip: sum}
	if err := checkHash(name, sum, want); err != nil {
		return installed, err
	}
	pair, err := Unzip(name, data)
	if err != nil {
		return installed, err
	}
	files, err := pair.files()
	if err != nil {
		return installed, err
	}
	err = installed.write(dir, files)
	return installed, err
}

// maxOther is more than a zip of the retired toolset has, in bytes.
const maxOther = 256 << 20

// readZip keeps one byte more than allowed at most, for Unzip to refuse, and
// hashes all of the file: a zip of the retired toolset is longer, and is to be
// recognised.
func readZip(path string) (data []byte, sum fingerprint.Sum, err error) {
	f, err := durable.OpenUpTo(path, maxOther)
	if err != nil {
		return nil, sum, exitcode.Mark(exitcode.Usage, err)
	}
	defer f.Close()
	if data, err = io.ReadAll(io.LimitReader(f, MaxZip+1)); err != nil {
		return nil, sum, exitcode.Mark(exitcode.Usage, err)
	}
	sum, err = fingerprint.Reader(io.MultiReader(bytes.NewReader(data), f))
	return data, sum, err
}

func checkHash(name string, got, want fingerprint.Sum) error {
	if got != want {
		return exitcode.Errorf(exitcode.Check, "%s: its SHA-256 is %s, not the one given", name, got).
			Hint("compare what you typed with the published hash; if it is right, copy the zip again from where " +
				"it was made")
	}
	if region, found := RegionOf(got); found {
		return exitcode.Errorf(exitcode.Check, "%s: the zip for %s %w", name, region.Name, ErrRetired).
			Hint("its own KeyTransferRemote.exe reads it, with an nShield HSM; for today's service: byok-online " +
				"toolset build")
	}
	return nil
}

// readFiles reads the three files of a zip and checks them against each other.
func readFiles(name string, files []File) (Pair, error) {
	byKind := func(kind string) File {
		i := slices.IndexFunc(files, func(f File) bool { return entryKind(f.Name) == kind })
		if i < 0 {
			return File{}
		}
		return files[i]
	}
	kek, world, sums := byKind("KEK"), byKind("SecurityWorld"), byKind(SumsName)
	if len(files) != 3 || kek.Name == "" || world.Name == "" || sums.Name == "" {
		return Pair{}, refused(name, "expected exactly one KEK package, one SecurityWorld package and %s", SumsName)
	}
	pair, err := ParsePair(kek, world)
	if err != nil {
		return Pair{}, err
	}
	made, err := pair.files()
	if err != nil {
		return Pair{}, err
	}
	if err := checkSame(name, made, []File{kek, world, sums}); err != nil {
		return Pair{}, err
	}
	return pair, nil
}

// checkSame finds a file whose name is not that of its content, and a
// SHA256SUMS that is not of the files beside it.
func checkSame(name string, made, found []File) error {
	for i, f := range made {
		switch {
		case f.Name != found[i].Name:
			return refused(name, "entry %q: its content is %s", found[i].Name, f.Name)
		case strictjson.CheckLines(found[i].Data) != nil:
			return refused(name, "%s: %w", f.Name, strictjson.CheckLines(found[i].Data))
		case !bytes.Equal(f.Data, found[i].Data):
			return refused(name, "%s does not list the two packages with their SHA-256", f.Name)
		}
	}
	return nil
}

// entryKind is the part of the name that says which of the three a file is.
func entryKind(name string) string {
	if m := entryShape.FindStringSubmatch(name); m != nil && m[2] != "" {
		return m[2]
	}
	return name
}

// write places the three files as one. SHA256SUMS comes first: it is the file
// whose presence says that the folder holds a toolset.
func (i *Installed) write(dir string, files []File) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	set := durable.NewSet()
	defer set.Discard()
	var paths []string
	for _, f := range []File{files[2], files[0], files[1]} {
		path := filepath.Join(dir, f.Name)
		if err := checkFree(path, f); err != nil {
			return err
		}
		out, err := set.Create(path, 0o644)
		if err != nil {
			return err
		}
		if _, err := out.Write(f.Data); err != nil {
			return err
		}
		paths = append(paths, path)
	}
	i.KEK, i.SecurityWorld, i.Sums = paths[1], paths[2], paths[0]
	return set.Commit()
}

// checkFree accepts an existing file with the very content to be written: a run
// that was interrupted before SHA256SUMS leaves such files.
func checkFree(path string, f File) error {
	data, err := durable.ReadFile(path, MaxPackage)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && f.Name != SumsName && bytes.Equal(data, f.Data):
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s already exists and is never overwritten", path)
}
