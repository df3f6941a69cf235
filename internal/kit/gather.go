package kit

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/toolset"
)

// Gather names the files of a path: itself, or all that are in a folder and below
// it. Their names in the kit begin with folder, which can be empty, and the path's
// last element. A link, and what is neither a file nor a folder, is refused: status
// Refused. What begins with a dot is left out.
func Gather(folder, from string) (list []Source, err error) {
	if from == "" {
		return nil, exitcode.Errorf(exitcode.Usage, "an empty name names no file or folder")
	}
	base := filepath.Dir(filepath.Clean(from))
	err = filepath.WalkDir(from, func(at string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return exitcode.Errorf(exitcode.Usage, "%s: no such file or folder", at)
		case err != nil:
			return exitcode.Errorf(exitcode.Failed, "%s: %w", at, durable.Cause(err))
		case at != from && strings.HasPrefix(d.Name(), "."):
			return skip(d)
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return notAFile(at, d.Type())
		case len(list) == Outward().Files:
			return exitcode.Errorf(exitcode.Refused, "%s: more than %d files", from, len(list))
		}
		rel, err := filepath.Rel(base, at)
		list = append(list, Source{Name: path.Join(folder, filepath.ToSlash(rel)), Path: at})
		return err
	})
	return list, err
}

func notAFile(at string, mode fs.FileMode) error {
	err := exitcode.Errorf(exitcode.Refused, "%s is %s, and a kit holds only files", at, kindOf(mode))
	if mode&fs.ModeSymlink != 0 {
		return err.Hint("leave it out, or name what it leads to")
	}
	return err.Hint("leave it out")
}

func skip(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// kindOf says what is in place of a file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no file"
}

// ReleaseFolder is the folder of a kit that a release is in.
const ReleaseFolder = "release"

// Platforms are what a release has programs for.
func Platforms() []string { return []string{"linux-amd64", "linux-arm64", "windows-amd64"} }

// Release names the files of a release that a disconnected workstation of a platform
// needs: of those that its SHA256SUMS lists, what is not for byok-online and not for
// another platform, by their names, nor in a package for this one; the list itself, and
// its signatures. Each must have the hash that is listed.
func Release(dir, platform string) ([]Source, error) {
	at := filepath.Join(dir, List)
	data, err := durable.ReadFile(at, maxList)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	lines, err := toolset.ParseSums(data)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %w", at, err)
	}
	packed := slices.ContainsFunc(lines, func(l toolset.SumLine) bool {
		return needed(l.Name, platform) && isPackage(l.Name)
	})
	var sources []Source
	for _, l := range lines {
		if err := checkName(l.Name); err != nil {
			return nil, exitcode.Errorf(exitcode.Check, "%s: %.*q: %w", at, maxName, l.Name, err)
		}
		if needed(l.Name, platform) && (isPackage(l.Name) || !packed || !strings.Contains(l.Name, platform)) {
			file := filepath.Join(dir, filepath.FromSlash(l.Name))
			sources = append(sources, Source{path.Join(ReleaseFolder, l.Name), file, l.Sum})
		}
	}
	if len(sources) == 0 {
		return nil, exitcode.Errorf(exitcode.Check, "%s lists nothing for byok-offline on %s", at, platform)
	}
	return append(sources, lists(dir)...), nil
}

// isPackage reports whether a file of a release holds programs and their papers.
func isPackage(name string) bool {
	return strings.HasSuffix(name, ".deb") || strings.HasSuffix(name, ".zip")
}

// lists are the list of a release and its signatures.
func lists(dir string) (sources []Source) {
	entries, _ := os.ReadDir(dir) // its list has been read
	for _, e := range entries {
		if name := e.Name(); name == List || strings.HasPrefix(name, List+".") {
			sources = append(sources, Source{Name: path.Join(ReleaseFolder, name), Path: filepath.Join(dir, name)})
		}
	}
	return sources
}

// needed reports whether a file of a release is for byok-offline on a platform.
func needed(name, platform string) bool {
	if strings.Contains(name, "byok-online") {
		return false
	}
	system, machine, _ := strings.Cut(platform, "-")
	isWindows := strings.Contains(name, "windows") || strings.HasSuffix(name, ".exe")
	isLinux := strings.Contains(name, "linux") || strings.HasSuffix(name, ".deb")
	for _, other := range []string{"amd64", "arm64"} {
		if other != machine && strings.Contains(name, other) {
			return false
		}
	}
	return !(system == "linux" && isWindows) && !(system == "windows" && isLinux)
}
