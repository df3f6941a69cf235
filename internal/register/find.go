package register

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/transfer"
)

// maxEntries is the most entries of the folders that are searched.
const maxEntries = 100_000

// Files are the paths of what a register is made of. Nothing in them is verified.
type Files struct {
	Packages []string // .byok files that have a manifest beside them
	Proofs   []string
	Worlds   []string // kmdata folders with a world
	Logs     []string // kmdata folders with a ceremony log and no world: connected workstations'
}

// Find looks for them in folders and all that is below, such as a USB stick or
// the bundle of a ceremony. Status Usage for a folder that is missing, or that has
// more than 100,000 entries.
func Find(folders []string) (Files, error) {
	f := &finding{}
	for _, folder := range folders {
		if err := filepath.WalkDir(folder, f.entry); err != nil {
			return Files{}, exitcode.Errorf(exitcode.Usage, "%s: %w", folder, durable.Cause(err))
		}
	}
	return f.Files, nil
}

// finding is a search under way.
type finding struct {
	Files
	entries int
}

// entry takes one entry of a folder.
func (f *finding) entry(path string, d fs.DirEntry, err error) error {
	switch f.entries++; {
	case err != nil:
		return err
	case f.entries > maxEntries:
		return fmt.Errorf("more than %d entries; name the folder of the ceremony", maxEntries)
	case d.IsDir() && d.Name() == filepath.Base(kmdata.Local("")):
		f.record(filepath.Dir(path))
	case !d.Type().IsRegular():
	case strings.HasSuffix(d.Name(), ".json") && strings.Contains(d.Name(), proofMark):
		f.Proofs = append(f.Proofs, path)
	default:
		f.pack(path)
	}
	return nil
}

// proofMark stands in the name of a proof between the package's name and the
// time.
const proofMark = ".proof-"

// ProofsBeside lists the proofs that lie beside a package, of which stem is the
// path without its ending.
func ProofsBeside(stem string) (files []string) {
	entries, err := os.ReadDir(filepath.Dir(stem))
	if err != nil {
		return nil // the package is missing too, which is said of it
	}
	for _, e := range entries {
		if path := filepath.Join(filepath.Dir(stem), e.Name()); IsProofOf(stem, path) {
			files = append(files, path)
		}
	}
	return files
}

// IsProofOf reports whether a file is named like a proof of the package of which
// stem is the path without its ending.
func IsProofOf(stem, path string) bool {
	return strings.HasPrefix(path, filepath.Clean(stem)+proofMark) && strings.HasSuffix(path, ".json")
}

// pack takes a .byok whose manifest is there: another vendor's has none.
func (f *finding) pack(path string) {
	names, err := transfer.NamesFor(path)
	if err != nil {
		return
	}
	if _, err := os.Stat(names.Manifest); err == nil {
		f.Packages = append(f.Packages, path)
	}
}

// record takes a kmdata folder.
func (f *finding) record(dir string) {
	if kmdata.Exists(dir) {
		f.Worlds = append(f.Worlds, dir)
		return
	}
	if _, err := os.Stat(filepath.Join(kmdata.Local(dir), kmdata.LogName)); err == nil {
		f.Logs = append(f.Logs, dir)
	}
}
