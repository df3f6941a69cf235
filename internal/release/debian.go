package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// part is what the C compiler's linker took from one Debian package.
type part struct {
	Package, Version, Architecture string
	Licence                        string   // by SPDX, of docs/dependencies.md
	Files                          []string // objects and archives, without folders, sorted
}

// partsOf reads a linker's map: what a program holds besides that which Go compiled,
// by the Debian packages it came from, sorted by name. Without a map (for a program
// that no C compiler linked) there is none.
func partsOf(file string, known map[string]string) ([]part, error) {
	if file == "" {
		return nil, nil
	}
	objects, err := objectsOf(file)
	if err != nil {
		return nil, err
	}
	var list []part
	for _, object := range objects {
		p, err := owner(object)
		if err != nil {
			return nil, err
		}
		if p.Licence = known[p.Package]; p.Licence == "" {
			return nil, fmt.Errorf("%s of %s has no licence in docs/dependencies.md", path.Base(object), p.Package)
		}
		same := slices.IndexFunc(list, func(q part) bool { return q.Package == p.Package })
		if same < 0 {
			list = append(list, p)
			same = len(list) - 1
		}
		list[same].Files = append(list[same].Files, path.Base(object))
	}
	slices.SortFunc(list, func(a, b part) int { return strings.Compare(a.Package, b.Package) })
	return list, nil
}

// linked matches the lines of a map (GNU ld) that name what is in the program: an
// object that was given, or an archive of which a member was taken. What was only
// searched, and shared libraries, are not. Go's own objects are in a folder go-link-….
var linked = regexp.MustCompile(`(?m)^(?:LOAD (/.*\.o)|(/.*\.a)\(.*)$`)

// objectsOf lists the C compiler's objects and archives in a map, sorted.
func objectsOf(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, m := range linked.FindAllStringSubmatch(string(text), -1) {
		if name := m[1] + m[2]; !strings.Contains(name, "/go-link-") {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: is not a map of GNU ld, or of a program that no C compiler linked", file)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// owner asks dpkg which package a file is from.
func owner(file string) (part, error) {
	resolved, err := filepath.EvalSymlinks(file) // which also takes out ".."
	if err != nil {
		return part{}, err
	}
	line, err := dpkg("-S", resolved)
	if err != nil {
		return part{}, err
	}
	name, _, _ := strings.Cut(line, ": ")
	line, err = dpkg("-W", "-f", "${Package} ${Version} ${Architecture}", name)
	if err != nil {
		return part{}, err
	}
	var p part
	_, err = fmt.Sscan(line, &p.Package, &p.Version, &p.Architecture)
	return p, err
}

func dpkg(args ...string) (string, error) {
	out, err := exec.Command("dpkg-query", args...).Output() //nolint:gosec // of a map of our own
	if err != nil {
		return "", fmt.Errorf("dpkg-query %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// exception is the one of these licences' texts that Debian's copyright files lack.
const exception, exceptionFile = "GCC-exception-2.0-note", "scripts/release/GCC-exception-2.0-note.txt"

// texts are the files that hold the licences of a part.
func (p *part) texts() []string {
	files := []string{"/usr/share/doc/" + p.Package + "/copyright"}
	if strings.Contains(p.Licence, exception) {
		files = append(files, exceptionFile)
	}
	return files
}

// component is the part in a bill of materials.
func (p *part) component() component {
	c := library("deb/debian", p.Package, p.Version, p.Licence)
	c.PURL += "?arch=" + p.Architecture
	c.Ref = c.PURL
	c.Properties = []property{{"byok:linked", strings.Join(p.Files, " ")}}
	return c
}

// listParts writes one line: the packages, each with its version.
func listParts(out io.Writer, parts []part) error {
	w := bufio.NewWriter(out)
	for i, p := range parts {
		if i > 0 {
			_, _ = w.WriteString(", ")
		}
		_, _ = fmt.Fprintf(w, "%s %s", p.Package, p.Version)
	}
	_, _ = w.WriteString("\n")
	return w.Flush()
}
