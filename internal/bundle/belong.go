package bundle

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/transfer"
)

// hintOne is the next step after records that do not belong together.
const hintOne = "give the folders of one ceremony"

// Belongs refuses what was found and is of another world or ceremony than the
// kmdata folder dir, by name: status Check. A world that does not hold refuses
// nothing here: whoever reads the record finds out why.
func (c *Collected) Belongs(dir string) error {
	chain, err := kmdata.Open(dir)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	if err := c.packagesBelong(chain); err != nil {
		return err
	}
	return c.logBelongs(dir, chain)
}

// packagesBelong holds each package to the statement that approved it.
func (c *Collected) packagesBelong(chain *kmdata.Chain) error {
	for name, data := range c.Files {
		if !strings.HasSuffix(name, manifestEnd) {
			continue
		}
		m, err := transfer.ParseManifest(name, data)
		if err != nil {
			return err
		}
		approved := func(e kmdata.Entry) bool { return e.Sum == m.Authorization.SHA256 }
		if !slices.ContainsFunc(chain.Entries(), approved) {
			return exitcode.Errorf(exitcode.Check, "%s is of another world, or kmdata is older than it: no statement of "+
				"%s approved it", c.Paths[name], named(chain)).Hint(hintOne)
		}
	}
	return nil
}

// logBelongs holds the connected workstation's log to the ceremony: one of its
// commands handled a file of the record, or a KEK that it names.
func (c *Collected) logBelongs(dir string, chain *kmdata.Chain) error {
	name := path.Join(Connected, kmdata.LogName)
	log, err := ceremony.Parse(c.Paths[name], c.Files[name])
	if err != nil || len(log.Events) == 0 {
		return nil //nolint:nilerr // a log that does not hold is for its reader to name
	}
	handled := c.handled(dir)
	for _, e := range log.Events {
		known := func(f ceremony.File) bool { return handled[f.SHA256] }
		named := func(n ceremony.Note) bool { return c.names(n.Value) }
		if slices.ContainsFunc(files(e), known) || slices.ContainsFunc(e.Notes, named) {
			return nil
		}
	}
	return exitcode.Errorf(exitcode.Check, "%s is the log of another ceremony: none of its commands handled a file "+
		"or a KEK of %s", c.Paths[name], named(chain)).Hint(hintOne)
}

// handled are the files of the record, and those that the disconnected
// workstation read and wrote.
func (c *Collected) handled(dir string) map[fingerprint.Sum]bool {
	sums := map[fingerprint.Sum]bool{}
	for _, data := range c.Files {
		sums[fingerprint.Of(data)] = true
	}
	log, _ := ceremony.Read(dir) // as far as it can be read
	for _, e := range log.Events {
		for _, f := range files(e) {
			sums[f.SHA256] = true
		}
	}
	return sums
}

func files(e ceremony.Event) []ceremony.File { return slices.Concat(e.Inputs, e.Outputs) }

// names reports whether a statement or a KEK package names a key in a vault.
func (c *Collected) names(kid string) bool {
	if !strings.HasPrefix(kid, "https://") || !strings.Contains(kid, "/keys/") {
		return false
	}
	for name, data := range c.Files {
		signed := strings.HasPrefix(name, Disconnected+"/statements/") || strings.HasPrefix(name, Toolset+"/")
		if signed && bytes.Contains(data, []byte(`"`+kid+`"`)) {
			return true
		}
	}
	return false
}
