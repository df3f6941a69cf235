// Command release writes what a release has beside its programs, from what the
// compiler recorded in each: which modules it links, under which licences.
//
//	release sbom VERSION COMMIT TIME FILE   a bill of materials (CycloneDX 1.6, JSON)
//	release licences FILE                   the texts of all licences
//
// The licence of each module is the one that docs/dependencies.md gives, and the
// text is the module's own. It is for scripts/release.sh; no program links it.
package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
)

const usage = `usage: release sbom VERSION COMMIT TIME FILE
       release licences FILE`

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	file := args[len(args)-1]
	known, err := licencesOf("docs/dependencies.md")
	if err != nil {
		return err
	}
	switch {
	case args[0] == "sbom" && len(args) == 5:
		return sbom(out, file, source{args[1], args[2], args[3]}, known)
	case args[0] == "licences" && len(args) == 2:
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return err
		}
		return licences(out, info, known)
	}
	return errors.New(usage)
}
