package library

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/durable"
)

// mostLinks is how many symbolic links Linux follows in one path (path_resolution(7)).
const mostLinks = 40

// absolute puts a relative path behind the working folder. It does not clean
// the path: "link/.." is the parent of where the link leads, except on Windows.
func absolute(path string) (string, error) {
	if onWindows {
		return filepath.Abs(path)
	}
	if filepath.IsAbs(path) {
		return path, nil
	}
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return folder + "/" + path, nil
}

// walk is a path that is followed, and how far that has come.
type walk struct {
	at     string   // the place reached, without links
	places []string // what decides where the path leads: every folder looked into, and the file at its end
	links  []string // the symbolic links met, at most mostLinks
}

// follow walks an absolute path as the kernel does (path_resolution(7)). On an
// error, which does not name the path, it returns how far it came.
func follow(path string) (walk, error) {
	root := rootOf(path)
	w := walk{at: root, places: []string{root}}
	for rest := elements(path); len(rest) > 0; {
		target, err := w.step(rest[0])
		if err != nil {
			return w, durable.Cause(err)
		}
		rest = rest[1:]
		if target != "" {
			rest = append(elements(target), rest...)
		}
	}
	return w, nil
}

// rootOf is the folder at the top of an absolute path: "/", or one of a volume.
func rootOf(path string) string { return filepath.VolumeName(path) + string(filepath.Separator) }

// elements are the names in a path, below its root.
func elements(path string) []string {
	return strings.Split(filepath.ToSlash(path[len(filepath.VolumeName(path)):]), "/")
}

// step goes on to name in the folder reached. At a symbolic link it returns
// the target and stays, or goes to the root where that is absolute.
func (w *walk) step(name string) (target string, err error) {
	switch name {
	case "", ".":
		return "", nil
	case "..":
		w.at = filepath.Dir(w.at)
		return "", nil
	}
	next := filepath.Join(w.at, name)
	info, err := os.Lstat(next)
	if err != nil {
		return "", err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		return w.link(next)
	}
	if onWindows && info.Mode()&os.ModeIrregular != 0 {
		return "", errors.New("a junction, or another file that leads elsewhere, is in it")
	}
	if !slices.Contains(w.places, next) {
		w.places = append(w.places, next)
	}
	w.at = next
	return "", nil
}

func (w *walk) link(path string) (target string, err error) {
	if w.links = append(w.links, path); len(w.links) > mostLinks {
		return "", errors.New("too many symbolic links")
	}
	target, err = os.Readlink(path)
	if filepath.IsAbs(target) {
		w.at = rootOf(target)
	}
	return target, err
}
