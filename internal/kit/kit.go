// Package kit is a folder of files that crosses the air gap on a stick, with the
// list of their hashes: what the disconnected workstation needs on the way in, and
// what it made on the way back.
//
// Use [Gather] and [Release] to name files and [Write] to make a kit of them, and
// [Check] before anything is read or run from one. A kit is known by the SHA-256 of
// its list, which people write down where it is made and compare where it is
// checked: without that comparison Check finds damage, and no forgery.
//
// The list is what sha256sum writes. The first check on a workstation that has
// nothing of this project yet is by sha256sum alone, of a copy on that workstation's
// own disk: a stick can give other bytes at the second reading. sha256sum -c finds
// what was changed or is missing, and not what was added; Check finds that too.
package kit

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/ordered"
	"byok/internal/printable"
	"byok/internal/toolset"
)

// List is the file of a kit that names all its others, as sha256sum writes it:
// sorted by name, the hash, two spaces and the path, with slashes.
const List = toolset.SumsName

// Kit is what a list says. Encoded as JSON it is what a command shows.
type Kit struct {
	Folder string          `json:"folder"`
	SHA256 fingerprint.Sum `json:"sha256"` // of the list
	Files  []File          `json:"files"`  // sorted by name
}

// File is a file of a kit.
type File struct {
	Name   string          `json:"name"` // path in the kit, with slashes
	Size   int64           `json:"size"` // in bytes
	SHA256 fingerprint.Sum `json:"sha256"`
}

// Size is how many bytes the files of the kit have together, without its list.
func (k Kit) Size() (sum int64) {
	for _, f := range k.Files {
		sum += f.Size
	}
	return sum
}

// Holds says how much there is in the kit: "9 files, 15.1 MB".
func (k Kit) Holds() string {
	if size := k.Size(); size >= large {
		return printable.Count(len(k.Files), "file") + ", " + megabytes(size)
	}
	return fmt.Sprintf("%s, %d bytes", printable.Count(len(k.Files), "file"), k.Size())
}

// Limit is the most that a kit may have.
type Limit struct {
	Bytes int64 // of all files together
	Files int
}

// Inward is the limit of a kit for the disconnected workstation: the stick of the
// nCipher procedure has 16 MB.
func Inward() Limit { return Limit{Bytes: 16_000_000, Files: 1000} }

// Outward is the limit of a kit for the connected workstation: the packages of ten
// thousand keys, and the record of a ceremony.
func Outward() Limit { return Limit{Bytes: 2_000_000_000, Files: 200_000} }

// check refuses files that are too many or too large.
func (l Limit) check(files []File) error {
	size := Kit{Files: files}.Size()
	switch {
	case len(files) > l.Files:
		return fmt.Errorf("%d files, more than the %d that a kit may have", len(files), l.Files)
	case size > l.Bytes:
		return fmt.Errorf("%s, more than the %s that a kit may have; the largest: %s",
			megabytes(size), megabytes(l.Bytes), largest(files))
	}
	return nil
}

// named is how many of the largest files an error names; those after the first have
// so many bytes that they are large.
const (
	named = 3
	large = 100_000
)

func largest(files []File) string {
	sorted := slices.Clone(files)
	ordered.Sort(sorted, func(a, b File) int { return cmp.Compare(b.Size, a.Size) })
	var list []string
	for i, f := range sorted[:min(named, len(sorted))] {
		if i > 0 && f.Size < large {
			break
		}
		list = append(list, fmt.Sprintf("%s with %s", f.Name, megabytes(f.Size)))
	}
	return strings.Join(list, ", ")
}

// megabytes is a size in units of a million bytes.
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// Free refuses a folder that cannot become a kit: one that is there, and one in a
// folder that is not, such as where no stick is mounted. The status is Refused.
func Free(dir string) error {
	if err := durable.FreeFolder(dir, "a kit"); err != nil {
		return err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		return exitcode.Errorf(exitcode.Refused, "%s: no such folder", parent).
			Hint("plug the stick in and mount it, then name a folder on it")
	}
	return nil
}
