package bundle

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/transfer"
)

// The folders of a bundle. Those of the two workstations are laid out as
// kmdata is, so that the commands which read kmdata read them.
const (
	Disconnected = "disconnected/local"
	Connected    = "connected/local"
	Toolset      = "toolset"
	Packages     = "packages"
)

// MaxFile is the most bytes of one file: a long log.
const MaxFile = 256 << 20

// maxEntries is the most entries of a folder that is searched.
const maxEntries = 100_000

// Collected is what was found of a ceremony's record.
type Collected struct {
	Files Files
	Paths map[string]string // where each file was found, by its name in the bundle
}

// Collect collects the kmdata folder, and the folders from in which the rest of
// the ceremony's files lie, such as the USB stick's: packages, proofs, KEK and
// SecurityWorld packages, and the connected workstation's log. Other files there
// are left alone. The plan is a file's path, or "". A package of another world,
// or the log of another ceremony, is refused by name: status Check.
func Collect(dir string, from []string, plan string) (*Collected, error) {
	c := &Collected{Files{}, map[string]string{}}
	if err := c.kmdata(dir); err != nil {
		return nil, err
	}
	for _, folder := range from {
		if err := c.search(folder); err != nil {
			return nil, err
		}
	}
	if plan != "" {
		if err := c.read(plan, Plan); err != nil {
			return nil, err
		}
	}
	return c, c.Belongs(dir)
}

// kmdata adds the records of the disconnected workstation, without the notes of
// commands under way.
func (c *Collected) kmdata(dir string) error {
	local := kmdata.Local(dir)
	return walk(local, func(at string, _ fs.DirEntry) error {
		rel, err := filepath.Rel(local, at)
		if err != nil {
			return err
		}
		name := filepath.Base(at)
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".pending") {
			return nil
		}
		return c.read(at, path.Join(Disconnected, filepath.ToSlash(rel)))
	})
}

// search adds what belongs to a ceremony in a folder and those below it.
func (c *Collected) search(folder string) error {
	return walk(folder, func(at string, d fs.DirEntry) error {
		name := d.Name()
		switch {
		case name == kmdata.LogName:
			return c.log(at)
		case strings.HasPrefix(name, "BYOK-KEK-pkg-"), strings.HasPrefix(name, "BYOK-SecurityWorld-pkg-"):
			return c.read(at, path.Join(Toolset, name))
		case strings.HasSuffix(name, manifestEnd):
			return c.transfer(at)
		}
		return nil
	})
}

// manifestEnd ends the name of a package's manifest.
const manifestEnd = ".manifest.json"

// transfer adds the package whose manifest is at a path, with its proofs. Its
// folder is named after the authorization and the pair, so that two copies of one
// package are one.
func (c *Collected) transfer(at string) error {
	data, err := durable.ReadFile(at, MaxFile)
	if err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	m, err := transfer.ParseManifest(at, data)
	if err != nil {
		return err
	}
	folder := fmt.Sprintf("%s/%06d-%d", Packages, m.Authorization.Number, m.Authorization.Pair)
	base := strings.TrimSuffix(filepath.Base(at), manifestEnd)
	beside, err := os.ReadDir(filepath.Dir(at))
	if err != nil {
		return err
	}
	for _, d := range beside {
		if !strings.HasPrefix(d.Name(), base+".") || !d.Type().IsRegular() {
			continue
		}
		if err := c.read(filepath.Join(filepath.Dir(at), d.Name()), path.Join(folder, d.Name())); err != nil {
			return err
		}
	}
	return nil
}

// log adds the connected workstation's log. The disconnected workstation's is here
// already; in a rehearsal, both programs may keep that one.
func (c *Collected) log(at string) error {
	data, err := durable.ReadFile(at, MaxFile)
	if err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	ours := bytes.Equal(data, c.Files[path.Join(Disconnected, kmdata.LogName)])
	if ours || !bytes.Contains(first, []byte(`"program":"byok-online"`)) {
		return nil
	}
	return c.add(at, path.Join(Connected, kmdata.LogName), data)
}

// read adds a file of the file system.
func (c *Collected) read(at, name string) error {
	if !safe(path.Base(name)) {
		return exitcode.Errorf(exitcode.Usage, "%s: a name that a list of hashes cannot hold", at).Hint("rename the file")
	}
	data, err := durable.ReadFile(at, MaxFile)
	if err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	return c.add(at, name, data)
}

// add adds the file at a path. One that is there already must be the same.
func (c *Collected) add(at, name string, data []byte) error {
	if before, found := c.Files[name]; found && string(before) != string(data) {
		return exitcode.Errorf(exitcode.Check, "%s and %s differ, and both would be %s of the bundle",
			c.Paths[name], at, name).Hint("give the folders of one ceremony")
	}
	c.Files[name], c.Paths[name] = data, at
	return nil
}

// walk calls f for each regular file in a folder and those below it.
func walk(folder string, f func(at string, d fs.DirEntry) error) error {
	entries := 0
	err := filepath.WalkDir(folder, func(at string, d fs.DirEntry, err error) error {
		switch entries++; {
		case err != nil:
			return err
		case entries > maxEntries:
			return fmt.Errorf("%s: more than %d entries; name the folder of the ceremony", folder, maxEntries)
		case !d.Type().IsRegular():
			return nil
		}
		return f(at, d)
	})
	if os.IsNotExist(err) {
		return exitcode.Errorf(exitcode.Usage, "%s: no such folder", folder)
	}
	return err
}

// Read reads everything in a bundle, by its paths in it.
func Read(dir string) (Files, error) {
	files := Files{}
	err := walk(dir, func(at string, _ fs.DirEntry) error {
		rel, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		data, err := durable.ReadFile(at, MaxFile)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)] = data
		return nil
	})
	return files, err
}
