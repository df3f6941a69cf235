package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/transfer"
	"byok/internal/vault"
)

const hintWhole = "copy the whole transfer package: .byok, .manifest.json, .manifest.sig, .pop.sig; a .byok of another vendor's tool needs --public-key, or --kty and --unchecked"

// maxForeign is more than a package may have, so that ParseBlob can name a
// large binary of the legacy toolset as such.
const maxForeign = 1 << 20

// parcel is one .byok file on its way into the vault.
type parcel struct {
	file     string
	blob     transfer.Blob
	manifest *transfer.Manifest // nil for another vendor's
	request  vault.Import
	recover  bool // a deleted key holds the name

	done *vault.Imported // what is in the vault now
	err  error           // why it is not; nil and done nil: not sent
}

// readParcel reads a file and all that belongs to it, and checks what can be
// checked without the vault.
func readParcel(r *command.Run, path string, w wishes) *parcel {
	p := &parcel{file: path}
	if w.foreign {
		p.err = p.readForeign(r, w)
	} else {
		p.err = p.readOurs(r)
	}
	if p.err == nil {
		p.request = w.apply(p.request)
		p.err = p.request.Check(time.Now())
	}
	return p
}

func (p *parcel) readOurs(r *command.Run) error {
	pack, err := readPackage(r, p.file)
	if err != nil {
		return err
	}
	manifest := pack.Manifest // not the whole package: there may be a thousand
	p.blob, p.manifest = pack.Blob, &manifest
	p.request, err = vault.NewImport(pack)
	return err
}

// readPackage reads and verifies a transfer package of ours.
func readPackage(r *command.Run, path string) (transfer.Package, error) {
	pack, err := transfer.ReadPackage(path)
	if errors.Is(err, fs.ErrNotExist) {
		return pack, exitcode.Hint(exitcode.Mark(exitcode.Usage, err), hintWhole)
	}
	if err != nil {
		return pack, exitcode.Mark(exitcode.Usage, err)
	}
	r.Event.AddInput(path, fingerprint.Of(pack.BlobBytes))
	return pack, exitcode.Mark(exitcode.Check, pack.Verify())
}

// readForeign reads a .byok of another vendor's tool, which has no manifest:
// the command line says what it holds.
func (p *parcel) readForeign(r *command.Run, w wishes) error {
	names, err := transfer.NamesFor(p.file)
	if err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	if _, err := os.Lstat(names.Manifest); err == nil {
		return exitcode.Errorf(exitcode.Usage, "%s has a manifest, so what it holds is not to be said on the command line", p.file)
	}
	data, err := r.ReadFile(p.file, maxForeign)
	if err != nil {
		return err
	}
	if p.blob, err = transfer.ParseBlob(p.file, data); err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	stem := strings.TrimSuffix(filepath.Base(p.file), ".byok")
	p.request = vault.Import{Name: strings.TrimPrefix(stem, "KeyTransferPackage-"), Blob: data, Expected: w.expected, Ops: transfer.AllowedOps(w.expected.Kty)}
	return nil
}

// size is the length of the .byok file in bytes.
func (p *parcel) size() int64 { return int64(len(p.request.Blob)) }

func size(parcels []*parcel) (n int64) {
	for _, p := range parcels {
		n += p.size()
	}
	return n
}

// spki is the KEK's SPKI hash in the manifest; zero where there is none.
func (p *parcel) spki() [32]byte {
	if p.manifest == nil {
		return [32]byte{}
	}
	return p.manifest.KEK.SPKISHA256
}
