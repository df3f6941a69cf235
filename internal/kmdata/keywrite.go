package kmdata

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"byok/internal/durable"
	"byok/internal/stamp"
	"byok/internal/strictjson"
)

// NewSigned fills in what every file of a module carries.
func (c *Chain) NewSigned(kind, module string) Signed {
	return Signed{
		Type: kind, Version: signedVersion, World: c.FirstHKNSO(), Rehearsal: c.Rehearsal(),
		Module: module, Created: stamp.Now(),
	}
}

// WriteKey signs a key file with the module's KML and writes it; existing
// files are never overwritten.
func (c *Chain) WriteKey(k *Key, kml Signer) error {
	if err := k.check(); err != nil {
		return err
	}
	return c.writeSigned(c.path(k.Name()), k.Module, k, kml)
}

// ReplaceKey is [Chain.WriteKey] for a key file that may exist: its backup
// was made again, or its key frozen. The earlier file is kept beside it, under
// a name that ends with the time it was written.
func (c *Chain) ReplaceKey(k *Key, kml Signer) error {
	path := c.path(k.Name())
	old, err := c.readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c.WriteKey(k, kml) // an interrupted run put it aside
	}
	if err != nil {
		return err
	}
	if err := putAside(path, old.Created); err != nil {
		return err
	}
	return c.WriteKey(k, kml)
}

// WriteRetired signs and writes the record that a key was destroyed.
func (c *Chain) WriteRetired(r *Retired, kml Signer) error {
	if err := r.check(); err != nil {
		return err
	}
	return c.writeSigned(c.RetiredPath(r.Ident), r.Module, r, kml)
}

// Unretire puts the record of a destroyed key aside: the key was restored.
func (c *Chain) Unretire(ident string) error {
	r, err := c.Retired(ident)
	if err != nil || r == nil {
		return err
	}
	return putAside(c.RetiredPath(ident), r.Created)
}

// writeSigned signs v for a module that is in force.
func (c *Chain) writeSigned(path, module string, v any, kml Signer) error {
	m, err := c.Module(module)
	if err != nil {
		return err
	}
	public, err := m.Signer()
	if err != nil {
		return err
	}
	data, err := strictjson.Marshal(v)
	if err != nil {
		return err
	}
	return write(path, data, signature{SignaturePath(path), kml, public})
}

// putAside gives a file and its signature a new name, path.when, to make room
// for a newer one. The signature's copy comes first, so that at every point a
// file under either name has its signature beside it.
func putAside(path string, when time.Time) error {
	aside := path + "." + when.Format(timeSuffix)
	for ; exists(aside); aside = path + "." + when.Format(timeSuffix) {
		when = when.Add(time.Second)
	}
	sig, err := durable.ReadFile(SignaturePath(path), MaxSignature)
	if err != nil {
		return err
	}
	if !exists(aside + ".sig") {
		if err := durable.WriteFile(aside+".sig", sig, 0o600); err != nil {
			return err
		}
	}
	if err := durable.Rename(path, aside); err != nil {
		return err
	}
	return durable.Remove(SignaturePath(path))
}

// PutBack gives each key file that an interrupted [Chain.ReplaceKey] put aside
// its name again, with its signature. It changes the folder: do not call it to
// look.
func (c *Chain) PutBack() error {
	aside, err := c.names(KeyName(Simple, ""), "Z")
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(aside) { // the newest of a key first
		stem, _, _ := strings.Cut(name, ".")
		if path := c.path(stem); !exists(path) {
			if err := putBack(c.path(name), path); err != nil {
				return err
			}
		}
	}
	return nil
}

// putBack undoes putAside. The signature beside path may be that of the file
// that was to take its place.
func putBack(aside, path string) error {
	sig, err := durable.ReadFile(SignaturePath(aside), MaxSignature)
	if err != nil {
		return err
	}
	if err := durable.Replace(SignaturePath(path), sig, 0o600); err != nil {
		return err
	}
	if err := durable.Rename(aside, path); err != nil {
		return err
	}
	return durable.Remove(SignaturePath(aside))
}

// SweepSignatures removes each signature whose file an interrupted run did not
// come to write. It changes the folder: do not call it to look.
func (c *Chain) SweepSignatures() error {
	for _, dir := range []string{Local(c.dir), StatementsDir(c.dir)} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if filepath.Ext(path) != ".sig" || !e.Type().IsRegular() || SignsAnything(path) {
				continue
			}
			if err := durable.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// SignsAnything reports whether the file that the signature at path belongs to
// is there.
func SignsAnything(path string) bool {
	stem := strings.TrimSuffix(strings.TrimSuffix(path, ".sig"), ".new")
	return exists(stem) || exists(stem+".json")
}

// timeSuffix is how the name of a file that was put aside ends.
const timeSuffix = "20060102T150405Z"

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
