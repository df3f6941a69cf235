package library

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"byok/internal/durable"
	"byok/internal/fingerprint"
)

// configuration returns the absolute paths of the files that a library of the
// family looks for, there or not, sorted.
func configuration(f family, environment []Variable) ([]string, error) {
	paths, err := named(f.variables, environment)
	if err == nil && len(paths) == 0 {
		paths, err = expand(f.usual())
	}
	slices.Sort(paths)
	return slices.Compact(paths), err
}

// named returns the files that variables name.
func named(variables []variable, environment []Variable) ([]string, error) {
	var paths []string
	for _, e := range environment {
		i := slices.IndexFunc(variables, func(v variable) bool { return v.name == e.Name && v.file != "" })
		if i < 0 || e.Value == "" {
			continue
		}
		path, err := absolute(e.Value)
		if err != nil {
			return nil, err
		}
		if file := variables[i].file; file != itself {
			path += "/" + file
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// expand returns the files that the patterns stand for: those that match, and
// for a pattern without * its path, even if there is no such file.
func expand(patterns []string) ([]string, error) {
	var paths []string
	for _, pattern := range patterns {
		if rest, below := strings.CutPrefix(pattern, "~/"); below {
			home := homeFolder()
			if home == "" {
				continue
			}
			pattern = home + "/" + rest
		}
		path, err := absolute(pattern)
		if err != nil {
			return nil, err
		}
		if !strings.Contains(filepath.Base(path), "*") {
			paths = append(paths, path)
			continue
		}
		found, err := withName(filepath.Dir(path), filepath.Base(path))
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

// withName lists the files in a folder whose name matches the pattern. A
// folder that is not there holds none.
func withName(folder, pattern string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("configuration folder %s: %w", folder, durable.Cause(err))
	}
	var paths []string
	for _, e := range entries {
		if anyMatch([]string{pattern}, []string{e.Name()}) {
			paths = append(paths, folder+"/"+e.Name())
		}
	}
	return paths, nil
}

// homeFolder returns the folder that HOME names (on Windows, USERPROFILE) or, where
// that is unset or empty, the one that the user's entry in the password file names, as SoftHSM
// does; "" if neither is to be had.
func homeFolder() string {
	if home, err := os.UserHomeDir(); err == nil {
		return home
	}
	u, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		return ""
	}
	return u.HomeDir
}

// sums returns the files that are there, with their SHA-256.
func sums(paths []string) ([]File, error) {
	files := []File{}
	for _, path := range paths {
		sum, err := sumOf(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, File{path, sum})
	}
	return files, nil
}

// maxConfiguration is the size of a configuration file in bytes that is read.
const maxConfiguration = 16 << 20

// sumOf returns the SHA-256 of a configuration file.
func sumOf(path string) (fingerprint.Sum, error) {
	f, err := durable.OpenUpTo(path, maxConfiguration)
	if err != nil {
		return fingerprint.Sum{}, fmt.Errorf("configuration file %w", err)
	}
	defer f.Close()
	sum, err := fingerprint.Reader(f)
	if err != nil {
		return fingerprint.Sum{}, fmt.Errorf("configuration file %s: %w", path, durable.Cause(err))
	}
	return sum, nil
}
