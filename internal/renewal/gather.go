package renewal

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"byok/internal/approval"
	"byok/internal/ceremony"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/register"
	"byok/internal/transfer"
	"byok/internal/worlds"
)

// maxProof is more bytes than a proof has.
const maxProof = 64 << 10

// Collection is a register with the packages that it is made of.
type Collection struct {
	Register *register.Register
	Unread   []Entry // packages that could not be read or verified
	packages map[*register.Destination]approval.Package
}

// Inputs calls f for each package that was read.
func (c *Collection) Inputs(f func(path string, sum fingerprint.Sum)) {
	for _, k := range c.Register.Keys {
		for _, d := range k.Went {
			if p, read := c.packages[d]; read {
				f(p.File(), p.SHA256())
			}
		}
	}
}

// packageFor returns a package that was made for a KEK.
func (c *Collection) packageFor(k *register.KEK) (approval.Package, bool) {
	for _, p := range c.packages {
		if p.Facts().Pair.KEK.KID.Equal(k.KID) {
			return p, true
		}
	}
	return approval.Package{}, false
}

// gathering is a collection under way.
type gathering struct {
	files   register.Files
	worlds  approval.Worlds
	records []*kmdata.Chain
	unread  []Entry
	read    []approval.Package
}

// Gather reads the files of a register. Each package must be of a world that w
// trusts; w is asked about each world once. An error means that the person ended
// it.
func Gather(files register.Files, log []ceremony.Event, w approval.Worlds) (*Collection, error) {
	g := &gathering{files: files, worlds: approval.Once(w), records: records(files.Worlds)}
	if err := g.readPackages(); err != nil {
		return nil, err
	}
	sources := register.Sources{Worlds: g.chains(), Proofs: map[string][]byte{}, Log: log}
	for _, p := range g.read {
		sources.Packages = append(sources.Packages, register.Package{File: p.File(), SHA256: p.SHA256(), Facts: p.Facts()})
	}
	for _, file := range files.Proofs {
		if g.besideUnread(file) {
			continue // what is said of the package is enough
		}
		data, err := durable.ReadFile(file, maxProof)
		if err != nil {
			return nil, exitcode.Mark(exitcode.Usage, err)
		}
		sources.Proofs[file] = data
	}
	for _, dir := range files.Logs {
		sources.Log = append(sources.Log, events(dir)...)
	}
	return g.collect(register.Of(sources)), nil
}

// collect ties the packages to the register's approvals.
func (g *gathering) collect(r *register.Register) *Collection {
	c := &Collection{Register: r, Unread: g.unread, packages: map[*register.Destination]approval.Package{}}
	for _, k := range r.Keys {
		for _, d := range k.Went {
			at := slices.IndexFunc(g.read, func(p approval.Package) bool { return p.File() == d.File })
			if at >= 0 {
				c.packages[d] = g.read[at]
			}
		}
	}
	return c
}

func (g *gathering) readPackages() error {
	reader := new(transfer.Reader)
	for _, file := range g.files.Packages {
		p, err := approval.ReadAmong(reader, file, g.worlds, g.records)
		if exitcode.Of(err) == exitcode.Interrupted {
			return err
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = exitcode.Hint(err, "--from DIR, where the package is now")
		case exitcode.Of(err) == exitcode.Refused && !errors.Is(err, worlds.ErrUnknown): // cards were replaced
			err = exitcode.Hint(err, "--from a bundle that was made since: its record shows what the old cards approved")
		}
		if err != nil {
			e := Entry{File: file}
			e.fail(err)
			g.unread = append(g.unread, e)
			continue
		}
		g.read = append(g.read, p)
	}
	return nil
}

// besideUnread reports whether a proof is one of a package that could not be read.
func (g *gathering) besideUnread(file string) bool {
	return slices.ContainsFunc(g.unread, func(e Entry) bool {
		stem, _ := transfer.Stem(e.File)
		return register.IsProofOf(stem, file)
	})
}

// records are those of worlds, as they lie in a bundle. One that does not hold is
// for byok-online audit to judge, and shows nothing here.
func records(dirs []string) (all []*kmdata.Chain) {
	for _, dir := range dirs {
		if chain, err := kmdata.Open(dir); err == nil {
			all = append(all, chain)
		}
	}
	return all
}

// chains are the records of the worlds of the packages. Only one that ends with
// the card set which a person vouched for counts.
func (g *gathering) chains() (all []*kmdata.Chain) {
	for _, chain := range g.records {
		known := func(p approval.Package) bool { return p.World().Current().SHA256 == chain.HKNSO() }
		if slices.ContainsFunc(g.read, known) {
			all = append(all, chain)
		}
	}
	return all
}

// events are what a workstation's log says, as far as it can be read.
func events(dir string) []ceremony.Event {
	log, _ := ceremony.Read(dir)
	return log.Events
}

// Uploaded lists the packages and proofs that a connected workstation's log
// names: what it uploaded, and what lies beside that or was written when it was
// verified. Of a proof only those that are still there are listed.
func Uploaded(log []ceremony.Event) (files register.Files) {
	for _, e := range log {
		if e.Phase != ceremony.End {
			continue
		}
		for _, f := range e.Inputs {
			stem, ours := transfer.Stem(f.Path)
			if !ours || e.Command != "upload" || slices.Contains(files.Packages, f.Path) {
				continue
			}
			files.Packages = append(files.Packages, f.Path)
			files.Proofs = append(files.Proofs, register.ProofsBeside(stem)...)
		}
	}
	for _, e := range log {
		for _, f := range e.Outputs {
			if _, err := os.Stat(f.Path); err == nil && e.Command == "verify" && !slices.Contains(files.Proofs, f.Path) {
				files.Proofs = append(files.Proofs, f.Path)
			}
		}
	}
	return files
}
