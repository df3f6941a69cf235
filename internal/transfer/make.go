package transfer

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/printable"
	"byok/internal/stamp"
	"byok/internal/statement"
)

// Request asks for the package of a transfer copy.
type Request struct {
	Copy           *kmdata.Key // a key file of app xferacld
	SubscriptionID string      // UUID
	Generator      string      // tool and version; HSM name and firmware: one line of at most 255 bytes
	// Certifier verifies, for packages that have statements in common, each once;
	// nil for one of its own.
	Certifier *kmdata.Certifier
}

// Make makes the package of a transfer copy whose authorization is in the
// chain. The module's KML signs the manifest, and nothing else is signed. The
// package verifies under the hknso in force: what would not is an error.
func Make(chain *kmdata.Chain, r Request, kml kmdata.Signer) (*Package, error) {
	if r.Copy.Copy == nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: it is not a transfer copy", r.Copy.Name()).
			Hint("byok-offline acl modify --ident %s", r.Copy.Ident)
	}
	cert, err := chain.Certificate(r.Copy.Copy.Number)
	if err != nil {
		return nil, err
	}
	p, err := assemble(cert, r)
	if err != nil {
		return nil, err
	}
	if _, a := cert.Authorization(); a.Pairs[r.Copy.Copy.Index].HSM != nil {
		if p.attestation, err = chain.HSMAttestation(a.Pairs[r.Copy.Copy.Index].HSM.SHA256); err != nil {
			return nil, err
		}
	}
	if p.manifestFile.Signature, err = kml.Sign(p.manifestFile.Data); err != nil {
		return nil, err
	}
	_, err = p.Verify(chain.HKNSO())
	return p, err
}

// assemble puts together all but the manifest's signature.
func assemble(cert *kmdata.Certificate, r Request) (p *Package, err error) {
	entry, a := cert.Authorization()
	if r.Copy.Copy.Index >= len(a.Pairs) {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %v has only %s", r.Copy.Name(), entry,
			printable.Count(len(a.Pairs), "pair"))
	}
	pair := a.Pairs[r.Copy.Copy.Index]
	p = &Package{possession: r.Copy.Copy.Possession, certifier: cmp.Or(r.Certifier, new(kmdata.Certifier))}
	if p.names, err = Names(pair.Target.Name); err != nil {
		return nil, err
	}
	p.addStatements(cert)
	p.blob = Blob{KEK: pair.KEK.KID, Generator: r.Generator, Ciphertext: r.Copy.Copy.Ciphertext}
	if p.blobBytes, err = p.blob.Marshal(); err != nil {
		return nil, err
	}
	p.manifest = Manifest{
		Rehearsal:      a.Rehearsal,
		Name:           pair.Target.Name,
		Blob:           BlobFile{p.names.Blob, fingerprint.Of(p.blobBytes)},
		Authorization:  Authorization{r.Copy.Copy.Authorization, a.Number, r.Copy.Copy.Index},
		SubscriptionID: r.SubscriptionID,
		Module:         a.Module,
		Permissions:    r.Copy.Permissions,
		Created:        stamp.Now(),
		Generator:      r.Generator,
	}
	p.manifestFile.Path = p.names.Manifest
	p.manifestFile.Data, err = p.manifest.Marshal()
	return p, err
}

// addStatements takes the statements of a certificate, under the names that
// they have in a package.
func (p *Package) addStatements(cert *kmdata.Certificate) {
	for _, e := range cert.Entries() {
		f := e.File
		switch s := e.Statement.(type) {
		case *statement.World:
			f.Path = p.names.World
			p.world = f
		case *statement.Cards:
			f.Path = p.names.Cards(s.Cards.Number)
			p.cards = append(p.cards, f)
		case *statement.Module:
			f.Path = p.names.Module
			p.module = f
		case *statement.Authorization:
			f.Path = p.names.Authorization
			p.authorization = f
		}
	}
}

// Write writes the package into the folder dir as one durable set and returns
// the paths of its files, the .byok first: it is the set's head. Existing files
// are never overwritten, and no file of another package may lie under the same
// name.
func (p *Package) Write(dir string) ([]string, error) { return p.Paths(dir), WriteAll(dir, p) }

// WriteAll writes packages as [Package.Write] does, and the medium is waited for
// once. After an error none of them is there.
func WriteAll(dir string, packages ...*Package) error {
	names, err := listed(dir)
	if err != nil {
		return err
	}
	var sets []*durable.Set
	defer func() {
		for _, set := range sets {
			set.Discard()
		}
	}()
	for _, p := range packages {
		if err := p.names.In(dir).refuseOthers(names, p.Paths(dir)); err != nil {
			return err
		}
		set := durable.NewSet()
		sets = append(sets, set)
		if err := p.stage(set, dir); err != nil {
			return err
		}
	}
	return durable.Commit(sets...)
}

func (p *Package) stage(set *durable.Set, dir string) error {
	for _, f := range p.files(p.names.In(dir)) {
		out, err := set.Create(f.path, 0o644)
		if err != nil {
			return err
		}
		if _, err := out.Write(f.data); err != nil {
			return err
		}
	}
	return nil
}

// listed lists the names in a folder, sorted.
func listed(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: there is no such folder", filepath.Clean(dir))
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

// file is a file of a package.
type file struct {
	path string
	data []byte
}

// files lists every file of the package, the .byok first.
func (p *Package) files(n FileNames) []file {
	list := []file{{n.Blob, p.blobBytes}}
	if p.possession != nil {
		list = append(list, file{n.Possession, p.possession})
	}
	if p.attestation != nil {
		list = append(list, file{n.HSM, p.attestation})
	}
	for _, signed := range []struct {
		path string
		kmdata.File
	}{
		{n.Manifest, p.manifestFile}, {n.Authorization, p.authorization}, {n.World, p.world}, {n.Module, p.module},
	} {
		list = append(list, file{signed.path, signed.Data}, file{kmdata.SignaturePath(signed.path), signed.Signature})
	}
	for i, f := range p.cards {
		path := n.Cards(i + 2)
		list = append(list, file{path, f.Data}, file{kmdata.SignaturePath(path), f.Signature},
			file{kmdata.SecondPath(path), f.Second})
	}
	return list
}

// refuseOthers refuses a folder where a file, of the names in it, is named like
// this package's and would not be replaced: a reader would take it for a part of it.
func (n FileNames) refuseOthers(names, paths []string) error {
	stem := filepath.Base(n.stem) + "."
	first, _ := slices.BinarySearch(names, stem)
	for _, name := range names[first:] {
		if !strings.HasPrefix(name, stem) {
			break
		}
		path := filepath.Join(filepath.Dir(n.stem), name)
		if !slices.Contains(paths, path) {
			return exitcode.Errorf(exitcode.Refused, "%s: it is named like a file of this package but is not one", path).
				Hint("give an empty folder with --out")
		}
	}
	return nil
}

// Paths returns the paths of the package's files in the folder dir, the .byok
// first.
func (p *Package) Paths(dir string) []string {
	var paths []string
	for _, f := range p.files(p.names.In(dir)) {
		paths = append(paths, f.path)
	}
	return paths
}
