package upload

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"byok/internal/approval"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/transfer"
	"byok/internal/vault"
)

// maxForeign is more than a package may have, in bytes, so that
// [transfer.ParseBlob] can name a large binary of the legacy toolset as such.
const maxForeign = 1 << 20

// Item is one .byok file on its way into the vault. Its fields are to be read.
type Item struct {
	File     string
	SHA256   fingerprint.Sum   // of the file; zero where it could not be read
	Package  *approval.Package // nil for another vendor's, and where it could not be read
	Imported *vault.Imported   // what is in the vault now; also with Err, of a key that must not be used
	Err      error             // why the file did not go up; nil with Imported nil: it was not sent

	blob       transfer.Blob
	request    vault.Import
	mayRecover bool // a deleted key of the name may be brought back
	recover    bool // and there is one
}

// Sent reports whether the vault holds the file's key.
func (i *Item) Sent() bool { return i.Err == nil && i.Imported != nil }

// Name is the key's name in the vault; "" where the file could not be read.
func (i *Item) Name() string { return i.request.Name }

// newItem reads a file and all that belongs to it, and checks what can be
// checked without the vault.
func newItem(path string, o Options) *Item {
	i := &Item{File: path, mayRecover: o.Recover}
	if i.Err = i.read(o); i.Err == nil {
		i.Err = i.request.Check(time.Now())
	}
	return i
}

func (i *Item) read(o Options) error {
	if o.Foreign != nil {
		return i.readForeign(o)
	}
	p, err := approval.Read(i.File)
	if err != nil {
		return err
	}
	i.SHA256, i.Package = p.SHA256, &p
	i.request, err = o.request(p)
	return err
}

// readForeign reads a .byok of another vendor's tool.
func (i *Item) readForeign(o Options) error {
	names, err := transfer.NamesFor(i.File)
	if err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	if _, err := os.Lstat(names.Manifest); !errors.Is(err, fs.ErrNotExist) {
		return exitcode.Errorf(exitcode.Usage,
			"%s has a manifest: --kty, --curve, --public-key and --unchecked are only for packages without one", i.File)
	}
	data, err := durable.ReadFile(i.File, maxForeign)
	if err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	i.SHA256 = fingerprint.Of(data)
	if i.blob, err = transfer.ParseBlob(i.File, data); err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	stem := strings.TrimSuffix(filepath.Base(i.File), ".byok")
	i.request = o.foreign(strings.TrimPrefix(stem, "KeyTransferPackage-"), data)
	return nil
}

// kek is the key exchange key the item was wrapped for. Another vendor's
// package does not say its hash: zero.
func (i *Item) kek() (kek.ID, fingerprint.Sum) {
	if i.Package == nil {
		return i.blob.KEK, fingerprint.Sum{}
	}
	return i.Package.KEK, i.Package.KEKHash
}

// fits checks the length of the ciphertext against the KEK. For a package of
// ours its verification has done that already.
func (i *Item) fits(k vault.Key) error {
	if i.Package != nil {
		return nil
	}
	if err := i.blob.CheckSize(k.Bits); err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", i.File, err)
	}
	return nil
}

// size is the length of the .byok file in bytes.
func (i *Item) size() int64 { return int64(len(i.request.Blob)) }

func size(items []*Item) (n int64) {
	for _, i := range items {
		n += i.size()
	}
	return n
}
