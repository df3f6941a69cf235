package worldcheck

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// setAside is the end of a name that a file has once a newer one took its place.
var setAside = regexp.MustCompile(`\.\d{8}T\d{6}Z(\.sig)?$`)

// files accounts for every file of kmdata: those that no row of their own
// verified are verified here, and what is not part of this world is named.
// Statements were verified when the chain was opened.
func (c *checker) files() {
	known, strange := 0, []string{}
	err := filepath.WalkDir(kmdata.Local(c.Chain.Dir()), func(path string, d fs.DirEntry, err error) error {
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
	c.note("files of kmdata", fmt.Sprintf("%d, each accounted for", known), err)
}

// file accounts for one file of kmdata. Files that the world keeps only for
// its own work begin with a dot.
func (c *checker) file(path, name string) error {
	ident, isKey := strings.CutPrefix(name, kmdata.KeyName(kmdata.Simple, ""))
	retired, isRetired := strings.CutPrefix(name, kmdata.RetiredName(""))
	switch {
	case strings.HasSuffix(name, ".pending"):
		return exitcode.Errorf(exitcode.Check, "%s: a command was interrupted: run it again", path)
	case strings.HasPrefix(name, "."), name == kmdata.LogName, setAside.MatchString(name):
		return nil
	case filepath.Ext(name) == ".sig":
		if !kmdata.SignsAnything(path) {
			return exitcode.Errorf(exitcode.Check, "%s signs a file that does not exist", path)
		}
		return nil
	case filepath.Dir(path) == kmdata.StatementsDir(c.Chain.Dir()), path == kmdata.WorldPath(c.Chain.Dir()):
		return nil
	case strings.HasPrefix(name, kmdata.KeyName(kmdata.Transfer, "")):
		return c.transferCopy(path)
	case filepath.Dir(path) == filepath.Dir(c.Chain.HSMAttestationPath(fingerprint.Sum{})):
		return c.attestation(path)
	case isKey && statement.CheckIdent(ident) == nil:
		return nil // has a row of its own
	case isRetired && statement.CheckIdent(retired) == nil:
		_, err := c.Chain.Retired(retired)
		return err
	}
	return exitcode.Errorf(exitcode.Check, "%s is not a file of a security world", path)
}

// transferCopy compares a wrapped copy with its authorization.
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
