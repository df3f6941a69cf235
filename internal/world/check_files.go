package world

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
)

// setAside is the end of a name that a file has once a newer one took its place.
var setAside = regexp.MustCompile(`\.\d{8}T\d{6}Z(\.sig)?$`)

// files verifies every file of kmdata, and names those that no part of this
// world accounts for. Statements were verified when the chain was opened.
func (c *checker) files() {
	known, strange := 0, []string{}
	local := kmdata.Local(c.Chain.Dir())
	err := filepath.WalkDir(local, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if err := c.file(path, d.Name()); err != nil {
			strange = append(strange, err.Error())
			return nil
		}
		known++
		return nil
	})
	if err == nil && len(strange) > 0 {
		err = exitcode.Errorf(exitcode.Check, "%s", strings.Join(strange, "; "))
	}
	c.note("files of kmdata", fmt.Sprintf("%d files, each verified", known), err)
}

// file accounts for one file of kmdata. Files that the world keeps only for
// its own work begin with a dot.
func (c *checker) file(path, name string) error {
	dir := c.Chain.Dir()
	switch {
	case strings.HasPrefix(name, "."), name == kmdata.LogName, setAside.MatchString(name):
		return nil
	case filepath.Ext(name) == ".sig", filepath.Dir(path) == kmdata.StatementsDir(dir), path == kmdata.WorldPath(dir):
		return nil // verified with the file that it belongs to
	case strings.HasPrefix(name, kmdata.KeyName(kmdata.Transfer, "")):
		return c.transferCopy(path)
	case strings.HasPrefix(name, kmdata.KeyName(kmdata.Simple, "")):
		return nil // has a row of its own
	case strings.HasPrefix(name, kmdata.RetiredName("")):
		_, err := c.Chain.Retired(strings.TrimPrefix(name, kmdata.RetiredName("")))
		return err
	}
	return exitcode.Errorf(exitcode.Check, "%s is not a file of a security world", path)
}

// transferCopy holds a wrapped copy to its authorization.
func (c *checker) transferCopy(path string) error {
	k, err := c.Chain.KeyFile(path)
	if err != nil {
		return err
	}
	entry, a, err := c.Chain.Authorization(k.Copy.Number)
	if err != nil {
		return err
	}
	if entry.Sum != k.Copy.Authorization || k.Copy.Index >= len(a.Pairs) || a.Pairs[k.Copy.Index].Ident != k.Ident {
		return exitcode.Errorf(exitcode.Check, "%s does not belong to %v", path, entry)
	}
	return nil
}
