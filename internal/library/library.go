// Package library says what a PKCS#11 library is before it is loaded: once it
// is, it can read every PIN and key of the process.
//
// Call [Identify] for the library that a person named, [CheckOwners] to refuse
// one that somebody besides root can exchange or redirect, and [Compare] with
// what a signed statement recorded; then load [Identity.Path] and nothing
// else. Do not load the path that was typed: a link in it may have changed.
//
// The environment decides which configuration a library reads. Its names are a
// table here ([Names]); start every process that loads a library with these
// alone ([Environ]).
package library

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/ordered"
)

// Identity is what a PKCS#11 library is on this machine and what redirects it.
type Identity struct {
	Path          string          `json:"path"`          // absolute, without symbolic links
	SHA256        fingerprint.Sum `json:"sha256"`        // of the library's file
	Family        string          `json:"family"`        // row of the table, such as "SoftHSM", or "unknown"
	Environment   []Variable      `json:"environment"`   // the family's variables that are set, by name
	Configuration []File          `json:"configuration"` // files that steer the library, by path

	given string   // the path that was asked for, absolute: its links decide what is loaded
	names []string // file names of the library, of links to it, and its own in the ELF header
	reads []string // configuration files that the library looks for, there or not
}

// Variable is an environment variable that is set, perhaps to nothing.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// File is a configuration file.
type File struct {
	Path   string          `json:"path"` // absolute, as the library finds it
	SHA256 fingerprint.Sum `json:"sha256"`
}

// Identify looks at the PKCS#11 library at path, its environment and its
// configuration, and loads nothing. A path that is missing, unreadable or no
// PKCS#11 library is an error with status Usage; a configuration file that
// exists and cannot be read, or a name that is not UTF-8, one with Refused.
//
// The family's default files count only where no variable names a file, which
// is how every library of the table reads them.
func Identify(path string) (Identity, error) {
	given, err := absolute(path)
	if err != nil {
		return Identity{}, err
	}
	w, err := follow(given)
	if err != nil {
		return Identity{}, noLibrary(given, err)
	}
	object, err := examine(w.at)
	if err != nil {
		return Identity{}, noLibrary(given, err)
	}
	id := Identity{
		Path:   w.at,
		SHA256: object.sum,
		given:  given,
		names:  baseNames(append(w.links, w.at, given, object.soname)),
	}
	err = id.addSurroundings(familyOf(id.names))
	return id, exitcode.Mark(exitcode.Refused, err)
}

// addSurroundings adds what a library of the family reads from the machine.
func (id *Identity) addSurroundings(f family) error {
	id.Family = f.name
	id.Environment = set(f.variables)
	reads, err := configuration(f, id.Environment)
	if err != nil {
		return err
	}
	id.reads = reads
	if id.Configuration, err = sums(reads); err != nil {
		return err
	}
	return id.checkText()
}

// noLibrary names the library in an error and says what to give instead.
func noLibrary(path string, err error) error {
	return exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: %w", path, err).
		Hint("give the vendor's PKCS#11 library with --module-path, such as " + Example)
}

// baseNames lists the last elements of paths, each once.
func baseNames(paths []string) []string {
	var names []string
	for _, path := range paths {
		if name := filepath.Base(path); path != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// set returns the variables that are set in this process, sorted by name.
func set(variables []variable) []Variable {
	found := []Variable{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		covers := func(v variable) bool { return matches(v.name, name) }
		if Listed(name) && slices.ContainsFunc(variables, covers) {
			found = append(found, Variable{name, value})
		}
	}
	ordered.Sort(found, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// checkText refuses what JSON cannot hold: a statement would show another
// name than the one that is used.
func (id *Identity) checkText() error {
	texts := []string{id.Path}
	for _, v := range id.Environment {
		texts = append(texts, v.Name, v.Value)
	}
	texts = append(texts, id.reads...)
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return exitcode.Errorf(exitcode.Refused, "%q is not valid UTF-8, so no statement can record it", text).
				Hint("give the file or the folder another name")
		}
	}
	return nil
}
