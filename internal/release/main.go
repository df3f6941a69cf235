// Command release writes what a release has beside its programs, from what the
// compilers recorded: which modules a program links, and what the C compiler added,
// under which licences.
//
//	release sbom VERSION COMMIT TIME FILE [MAP]   a bill of materials (CycloneDX 1.6, JSON)
//	release licences FILE [MAP]                   the texts of all licences
//	release linked [MAP]                          the Debian packages it has parts of
//
// MAP is what the linker of a C compiler wrote (ld -Map); a program that Go linked by
// itself has none. The licence of each module and of each package is the one that
// docs/dependencies.md gives, and the text is its own. It is for scripts/release.sh,
// on Debian, whose compilers it knows; no program links it.
package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const usage = `usage: release sbom VERSION COMMIT TIME FILE [MAP]
       release licences FILE [MAP]
       release linked [MAP]`

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// papers are the commands, each with the number of arguments before MAP.
var papers = map[string]struct {
	arguments int
	write     func(out io.Writer, args []string, known map[string]string, parts []part) error
}{
	"sbom": {4, func(out io.Writer, args []string, known map[string]string, parts []part) error {
		return sbom(out, args[3], source{args[0], args[1], args[2]}, known, parts)
	}},
	"licences": {1, func(out io.Writer, args []string, known map[string]string, parts []part) error {
		info, err := buildinfo.ReadFile(args[0])
		if err != nil {
			return err
		}
		return licences(out, info, known, parts)
	}},
	"linked": {0, func(out io.Writer, _ []string, _ map[string]string, parts []part) error {
		return listParts(out, parts)
	}},
}

func run(out io.Writer, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	paper, found := papers[args[0]]
	args = append(slices.Clone(args[1:]), "") // no map
	if !found || len(args) != paper.arguments+1 && len(args) != paper.arguments+2 {
		return errors.New(usage)
	}
	known, err := licencesOf("docs/dependencies.md")
	if err != nil {
		return err
	}
	parts, err := partsOf(args[paper.arguments], known)
	if err != nil {
		return err
	}
	return paper.write(out, args, known, parts)
}
