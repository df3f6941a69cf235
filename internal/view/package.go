package view

import (
	"io"
	"path/filepath"
	"strings"

	"byok/internal/command"
	"byok/internal/fingerprint"
	"byok/internal/packing"
	"byok/internal/statement"
	"byok/internal/term"
	"byok/internal/toolset"
)

// Package is what is shown of a new transfer package.
type Package struct {
	Ident string         `json:"ident"`
	Pair  statement.Pair `json:"approved"`
	Files []File         `json:"files"`
}

// File is a file of a package with its SHA-256.
type File struct {
	Path   string          `json:"path"`
	SHA256 fingerprint.Sum `json:"sha256"`
}

// PackageOf hashes the files of a package, and records them.
func PackageOf(r *command.Run, p packing.Packed) (command.Result, error) { return packageOf(r, p) }

func packageOf(r *command.Run, p packing.Packed) (Package, error) {
	v := Package{Ident: p.Pair.Ident, Pair: p.Pair}
	for _, path := range p.Paths {
		sum, err := r.Wrote(path)
		if err != nil {
			return v, err
		}
		v.Files = append(v.Files, File{path, sum})
	}
	return v, nil
}

// Print writes what was approved, and the files with their hashes: at the left
// margin, so that no line of what is compared aloud breaks on a screen.
func (v Package) Print(w io.Writer) error {
	rows := [][]string{
		{
			"key",
			v.Ident,
		}, {"origin", statement.OriginText(v.Pair.Origin, v.Pair.Restored)}, {"for KEK", v.Pair.KEK.KID.String()},
		{"in the vault", v.Pair.Target.Name},
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	var text strings.Builder
	for i, f := range v.Files {
		text.WriteString("\n" + term.Printable(filepath.Base(f.Path)) + "\n")
		if i == 0 { // the words of the .byok are compared on the other side
			text.WriteString(strings.Join(f.SHA256.Rows(), "\n") + "\n")
		}
		groups := strings.Fields(f.SHA256.Groups())
		half := len(groups) / 2
		text.WriteString(strings.Join(groups[:half], " ") + "\n" + strings.Join(groups[half:], " ") + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// Installed lists the packages that are now in place.
type Installed struct {
	Files []File `json:"files"`
}

// InstalledOf hashes the packages of a toolset, and records them.
func InstalledOf(r *command.Run, i toolset.Installed) (command.Result, error) {
	var v Installed
	for _, path := range []string{i.KEK, i.SecurityWorld, i.Sums} {
		sum, err := r.Wrote(path)
		if err != nil {
			return nil, err
		}
		v.Files = append(v.Files, File{path, sum})
	}
	return v, nil
}

// Print writes a package a line.
func (v Installed) Print(w io.Writer) error {
	var rows [][]string
	for _, f := range v.Files {
		rows = append(rows, []string{f.Path, f.SHA256.Groups()})
	}
	return term.Table(w, rows)
}
