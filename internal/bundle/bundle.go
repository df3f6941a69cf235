// Package bundle is the record of one ceremony as one folder: statements, key
// files and log of the disconnected workstation, the log of the connected one,
// toolsets, packages, proofs and the plan, with a list of their hashes that a
// module signed, and a shell script that checks all of it with openssl.
//
// Use Collect and a Maker to make one, and Audit to check one with better words
// than the script has. A bundle holds no secret: what the cards open is not in
// it, and backups and packages open to no one who has it alone.
package bundle

import (
	_ "embed"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/durable"
	"byok/internal/fingerprint"
	"byok/internal/strictjson"
)

// The files that every bundle has besides what was collected.
const (
	Sums      = "SHA256SUMS"
	Signature = "SHA256SUMS.sig"
	Script    = "check.sh"
	Signer    = "module" // the module whose KML signed, 32 hex digits
	Plan      = "plan.yaml"
	Report    = "report.html"
	Programs  = "software.json" // see [Software]
)

//go:embed check.sh
var script []byte

// Files are the contents of a bundle by their paths in it, with slashes.
type Files map[string][]byte

// List is the text of SHA256SUMS: a line a file, as sha256sum writes it, sorted
// by path.
func (f Files) List() []byte {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, "%s  %s\n", fingerprint.Of(f[name]), name)
	}
	return []byte(b.String())
}

// Packages counts the transfer packages.
func (f Files) Packages() int {
	n := 0
	for name := range f {
		if strings.HasSuffix(name, manifestEnd) {
			n++
		}
	}
	return n
}

// Maker makes bundles in the name of a module.
type Maker struct {
	Module string                            // id of the module that signs
	By     Software                          // the program that makes them
	Sign   func(list []byte) ([]byte, error) // with its KML
	Report func(dir string) ([]byte, error)  // of the files in a folder, as [Report]
}

// Make makes the folder dir of the collected files, their report, the script, and
// the list of them all that the module signs. The folder gets its name once
// everything is on the medium: see [durable.NewFolder]; its parents are made.
func (m Maker) Make(dir string, files Files) error {
	if err := durable.Folder(filepath.Dir(filepath.Clean(dir)), 0o755); err != nil {
		return err
	}
	return durable.NewFolder(dir, 0o755, func(partial string) error { return m.fill(partial, files) })
}

// fill makes a bundle in a folder.
func (m Maker) fill(dir string, files Files) error {
	software, err := strictjson.Marshal(m.By)
	if err != nil {
		return err
	}
	all := maps.Clone(files)
	all[Script], all[Signer], all[Programs] = script, []byte(m.Module), software
	if err := all.write(dir); err != nil {
		return err
	}
	made, err := m.Report(dir)
	if err != nil {
		return err
	}
	all[Report] = made
	list := all.List()
	signature, err := m.Sign(list)
	if err != nil {
		return err
	}
	return Files{Report: made, Sums: list, Signature: signature}.write(dir)
}

// write writes the files to a folder.
func (f Files) write(dir string) error {
	for name, data := range f {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := durable.Folder(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := durable.WriteFile(at, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// safe reports whether a name can be a file's in a bundle: what sha256sum and a
// shell pattern take for one name.
func safe(name string) bool {
	return name != "" && name[0] != '.' && name[0] != '-' && path.Base(name) == name &&
		!strings.ContainsAny(name, "\\\n\r*?[")
}
