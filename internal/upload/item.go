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
	"byok/internal/statement"
	"byok/internal/transfer"
	"byok/internal/vault"
)

// maxForeign is more than a package may have, in bytes, so that
// [transfer.ParseBlob] can name a large binary of the legacy toolset as such.
const maxForeign = 1 << 20

// hintForeign goes on where a file of a transfer package is missing.
const hintForeign = "a .byok of another vendor's tool needs --public-key, or --kty and --unchecked"

// Item is one .byok file on its way into the vault. Its fields are to be read.
type Item struct {
	File     string
	SHA256   fingerprint.Sum // of the file; zero where it could not be read
	Approved bool            // by a quorum; false for another vendor's package, and where it could not be read
	Imported *vault.Imported // what is in the vault now; also with Err, of a key that must not be used
	Err      error           // why the file did not go up; nil with Imported nil: it was not sent

	// Departures are what another vendor's tool wrote otherwise than the
	// specification has it. What is sent is as specified then.
	Departures []string

	rehearsal    bool
	subscription string              // of the vault, as the manifest has it; another vendor's package has none: ""
	wrapped      fingerprint.Sum     // SHA-256 of the wrapped copy, which no two approved pairs share
	kek          kek.ID              // that the key was wrapped for
	kekHash      fingerprint.Sum     // SHA-256 of its SubjectPublicKeyInfo; another vendor's package has none: zero
	blob         transfer.Blob       // of another vendor's package
	replaces     *statement.Replaced // the key that it follows, as its quorum approved
	request      vault.Import
	mayRecover   bool // a deleted key of the name may be brought back
	recover      bool // and there is one
}

// Sent reports whether the vault holds the file's key.
func (i *Item) Sent() bool { return i.Err == nil && i.Imported != nil }

// Name is the key's name in the vault; "" where the file could not be read.
func (i *Item) Name() string { return i.request.Name }

// Vault is the address of the vault that the key was wrapped for; "" where the
// file could not be read.
func (i *Item) Vault() string { return i.kek.Vault }

// newItem reads a file and all that belongs to it, and checks what can be
// checked without the vault.
func newItem(path string, o Options, r *transfer.Reader, w approval.Worlds) *Item {
	i := &Item{File: path, mayRecover: o.Recover}
	if o.Foreign != nil {
		i.Err = i.readForeign(o)
	} else {
		i.Err = i.readOurs(o, r, w)
	}
	if i.Err == nil {
		i.Err = i.request.Check(time.Now())
	}
	return i
}

func (i *Item) readOurs(o Options, r *transfer.Reader, w approval.Worlds) error {
	p, err := approval.ReadBy(r, i.File, w)
	if errors.Is(err, fs.ErrNotExist) {
		return exitcode.Hint(err, "%s", strings.TrimPrefix(exitcode.HintOf(err)+"; "+hintForeign, "; "))
	}
	if err != nil {
		return err
	}
	i.Approved, i.SHA256, i.rehearsal = true, p.SHA256(), p.Facts().Rehearsal
	i.kek, i.kekHash = p.Facts().Pair.KEK.KID, p.Facts().Pair.KEK.Fingerprint
	i.replaces = p.Facts().Pair.Replaces
	i.subscription, i.wrapped = p.Facts().Manifest.SubscriptionID, p.Facts().Pair.Wrapped
	if o, err = o.planned(i.File, i.kek.Vault); err != nil {
		return err
	}
	if i.request, err = o.approved(p.Approved().ReleasePolicy).request(i.File, p.Approved()); err != nil {
		return err
	}
	i.request.Blob = p.Blob()
	i.request.Expected, err = vault.ExpectedOf(p.Facts())
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
	if i.blob, i.Departures, err = transfer.ParseForeign(i.File, data); err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	if len(i.Departures) > 0 {
		if data, err = i.blob.Marshal(); err != nil {
			return exitcode.Mark(exitcode.Usage, err)
		}
	}
	i.kek = i.blob.KEK
	stem, _ := transfer.Stem(filepath.Base(i.File))
	i.request = o.foreign(strings.TrimPrefix(stem, "KeyTransferPackage-"), data)
	return nil
}

// fits checks the length of the ciphertext against the KEK. For a package of
// this project, verification has already done that.
func (i *Item) fits(k vault.Key) error {
	if i.Approved {
		return nil
	}
	if err := i.blob.CheckSize(k.Bits); err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", i.File, err)
	}
	return nil
}
