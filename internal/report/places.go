package report

import (
	"path/filepath"
	"strings"

	"byok/internal/printable"
)

// places is where the files of a record are.
type places struct {
	bundle string            // the bundle's folder, or "" for
	found  map[string]string // each file's path, by its name in a bundle
}

// real is the path of a file in the file system.
func (p places) real(name string) string {
	if p.bundle != "" {
		return filepath.Join(p.bundle, filepath.FromSlash(name))
	}
	return p.found[name]
}

// shown is the path of a file as the report gives it: in a bundle, from its
// folder.
func (p places) shown(name string) string {
	if p.bundle != "" {
		return name
	}
	return p.found[name]
}

// check is how anyone checks a statement of the report again: the file that it
// comes from, and a command. The page shows both as they are typed.
type check struct {
	File    string
	Command string
}

// signature checks a file's signature with openssl alone, under the first public
// key that another file holds: KNSO's of the world or of a cards statement, KML's
// of a module's.
func (p places) signature(name, sig, holder string) check {
	quote := func(name string) string { return printable.Quote(p.shown(name)) }
	return check{p.shown(name), `printf %b "$(grep -m1 -o -e '-----BEGIN[^"]*' ` + quote(holder) +
		`)" | openssl dgst -sha256 -verify /dev/stdin -signature ` + quote(sig) + " " + quote(name)}
}

// hash shows a file's SHA-256.
func (p places) hash(name string) check {
	return check{p.shown(name), "sha256sum " + printable.Quote(p.shown(name))}
}

// log checks a workstation's log.
func (p places) log(program, name string) check {
	shown := p.shown(name)
	dir, found := strings.CutSuffix(filepath.ToSlash(shown), "/local/ceremony.jsonl")
	if !found {
		return p.hash(name)
	}
	return check{shown, program + " ceremony verify --kmdata " + printable.Quote(filepath.FromSlash(dir))}
}
