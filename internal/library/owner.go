package library

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"byok/internal/exitcode"
)

// CheckOwners refuses, with status Refused, a library that somebody besides
// root could exchange or redirect: it, its configuration files and every folder
// above them belong to root and are writable by root alone. Symbolic links are
// followed, and the folders that hold them are checked as well; so are the
// folders in which a configuration file could appear. A library that goes by
// the name of a known wrapper is refused too, which catches carelessness only:
// a name proves nothing.
//
// On Windows, which has no root, it is the system and its administrators who may
// change these files, and no one else.
//
// In a rehearsal what belongs to the user who runs the program, what a group
// can write, and a wrapper are accepted, each with a warning.
//
// Give it what [Identify] has just returned. Of an identity that was read from
// a file, links and missing files are not known.
func CheckOwners(id Identity, rehearsal bool) (warnings []string, err error) {
	c := checker{rehearsal: rehearsal, user: os.Geteuid()}
	return c.check(id)
}

func (c *checker) check(id Identity) (warnings []string, err error) {
	if err := c.checkWrapper(id); err != nil {
		return nil, err
	}
	if err := c.checkLibrary(id); err != nil {
		return nil, err
	}
	for _, path := range id.configuration() {
		w, err := follow(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, exitcode.Errorf(exitcode.Refused, "configuration file %s: %w", path, err)
		}
		if err := c.checkPlaces("configuration file "+path, w.places); err != nil {
			return nil, err
		}
	}
	return c.warnings, nil
}

// asked is the path that was asked for, or, of an identity read from a file,
// the one without links.
func (id Identity) asked() string {
	if id.given != "" {
		return id.given
	}
	return id.Path
}

// configuration lists the paths that the library looks for, or, of an identity
// read from a file, those that it found.
func (id Identity) configuration() []string {
	paths := slices.Clone(id.reads)
	for _, f := range id.Configuration {
		if !slices.Contains(paths, f.Path) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// checker gathers warnings while it checks.
type checker struct {
	rehearsal bool
	user      int
	seen      []string
	warnings  []string
}

func (c *checker) checkLibrary(id Identity) error {
	asked := id.asked()
	w, err := follow(asked)
	if err != nil {
		return exitcode.Errorf(exitcode.Refused, "PKCS#11 library %s: %w", asked, err)
	}
	if w.at != id.Path {
		const text = "PKCS#11 library %s: led to %s, and now leads to %s"
		return exitcode.Errorf(exitcode.Refused, text, asked, id.Path, w.at).
			Hint("run the command again; if it happens again, find out who changes the library")
	}
	return c.checkPlaces("PKCS#11 library "+asked, w.places)
}

// checkPlaces checks folders and files that decide what subject is, each once.
func (c *checker) checkPlaces(subject string, places []string) error {
	for _, place := range places {
		if slices.Contains(c.seen, place) {
			continue
		}
		c.seen = append(c.seen, place)
		info, err := os.Lstat(place)
		if err != nil {
			return exitcode.Mark(exitcode.Refused, err)
		}
		if err := c.checkPlace(subject, place, info); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkPlace(subject, place string, info fs.FileInfo) error {
	for _, rule := range ownerRules {
		found := rule.broken(place, info)
		if found == "" {
			continue
		}
		text := fmt.Sprintf("%s: %s %s", subject, place, found)
		if !c.rehearsal || !rule.accepted(c.user, place, info) {
			return exitcode.Errorf(exitcode.Refused, "%s; it must be in "+hands+" alone", text).
				Hint("%s", rule.cure(place, info))
		}
		c.warnings = append(c.warnings, text+"; only a rehearsal accepts that")
	}
	return nil
}

// ownerRule is one thing that puts a file or folder into other hands.
type ownerRule struct {
	broken   func(place string, _ fs.FileInfo) string         // what was found, or ""
	accepted func(user int, place string, _ fs.FileInfo) bool // whether a rehearsal goes on with a warning
	cure     func(place string, _ fs.FileInfo) string
}
