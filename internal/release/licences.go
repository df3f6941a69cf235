package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// std is what the table of modules calls Go's own library.
const std = "std"

// row is that of a module or a Debian package in docs/dependencies.md: its name, and
// its licence, an expression of SPDX.
var row = regexp.MustCompile("(?m)^\\| `([a-z][^`]+)` \\| ([A-Za-z0-9. -]+) \\|")

// licencesOf reads the licence of each module and package.
func licencesOf(page string) (map[string]string, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return nil, err
	}
	known := map[string]string{std: "BSD-3-Clause", "byok": "Apache-2.0"}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		known[m[1]] = m[2]
	}
	return known, nil
}

// licences writes the texts: of this project, of Go, of each module, and of what the
// C compiler added.
func licences(out io.Writer, info *debug.BuildInfo, known map[string]string, parts []part) error {
	root, err := goCommand("env", "GOROOT")
	if err != nil {
		return err
	}
	if err := section(out, "byok", known["byok"], "."); err != nil {
		return err
	}
	if err := section(out, "Go "+info.GoVersion+": the compiler and its library", known[std], root); err != nil {
		return err
	}
	for _, m := range info.Deps {
		used := replaced(m)
		dir, err := goCommand("list", "-m", "-f", "{{.Dir}}", m.Path)
		if err != nil {
			return err
		}
		if err := section(out, used.Path+" "+used.Version, known[m.Path], dir); err != nil {
			return err
		}
	}
	for _, p := range parts {
		name := fmt.Sprintf("%s %s: %s, linked by the C compiler", p.Package, p.Version, strings.Join(p.Files, ", "))
		if err := copies(out, name, p.Licence, p.texts()); err != nil {
			return err
		}
	}
	return nil
}

// replaced is the module that is linked in place of m, or m.
func replaced(m *debug.Module) *debug.Module {
	if m.Replace != nil {
		return m.Replace
	}
	return m
}

// section writes the texts that lie in a module's folder.
func section(out io.Writer, name, licence, dir string) error {
	files, err := texts(dir)
	switch {
	case err != nil:
		return err
	case licence == "":
		return fmt.Errorf("%s has no licence in docs/dependencies.md", name)
	case len(files) == 0:
		return fmt.Errorf("%s: no text of a licence in %s", name, dir)
	}
	return copies(out, name, licence, files)
}

// copies writes texts, each under a title.
func copies(out io.Writer, name, licence string, files []string) error {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		rule := strings.Repeat("=", 78)
		title := fmt.Sprintf("%s\n%s, %s", name, licence, filepath.Base(file))
		if _, err := fmt.Fprintf(out, "%s\n%s\n%s\n\n%s\n", rule, title, rule, text); err != nil {
			return err
		}
	}
	return nil
}

// isText matches the names of files that hold a licence or what it asks to pass on.
var isText = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

func texts(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if isText.MatchString(e.Name()) && e.Type().IsRegular() {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

func goCommand(args ...string) (string, error) {
	out, err := exec.Command("go", args...).Output() //nolint:gosec // Go's, of fixed words
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
