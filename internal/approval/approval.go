// Package approval is the one place on the connected side where a transfer
// package is verified, and where a key, as it is asked for or as it stands in
// the vault, is compared with what a quorum approved.
//
// Take a [Package] from [Read], have a person's word for its World
// (package worlds), and compare with [Target.Differences]. A Package that Read
// returned is whole and signed, but by whom is what World says: do not act on
// it before the world is one that a person vouched for.
package approval

import (
	"errors"
	"io/fs"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/transfer"
	"byok/internal/vault"
	"byok/internal/worlds"
)

// hintWhole is for a package of which a file is missing.
const hintWhole = "copy every file of the transfer package into one folder; " +
	"a .byok of another vendor's tool needs --public-key, or --kty and --unchecked"

// Package is a transfer package that verifies under its own world's hknso.
type Package struct {
	File      string          // path of the .byok
	Blob      []byte          // its content: what is uploaded, byte for byte
	SHA256    fingerprint.Sum // of Blob
	Rehearsal bool
	World     worlds.Claim

	KEK     kek.ID          // the key exchange key, with its version
	KEKHash fingerprint.Sum // SHA-256 of its SubjectPublicKeyInfo
	Key     vault.Expected  // the wrapped key
	Target  Target          // what the quorum approved
}

// Read reads the package of the .byok file at path and verifies it under the
// hknso that it names. Status Usage: a file is missing or cannot be parsed;
// Check: the parts do not belong together, or a signature is bad.
func Read(path string) (Package, error) {
	files, err := transfer.ReadPackage(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Package{}, exitcode.Hint(exitcode.Mark(exitcode.Usage, err), hintWhole)
	}
	if err != nil {
		return Package{}, exitcode.Mark(exitcode.Usage, err)
	}
	if err := files.Verify(); err != nil {
		return Package{}, exitcode.Mark(exitcode.Check, err)
	}
	return describe(path, files)
}

// describe takes from a verified package what the connected side needs.
func describe(path string, files transfer.Package) (Package, error) {
	m := files.Manifest
	key, err := vault.ExpectedOf(m)
	return Package{
		File:      path,
		Blob:      files.BlobBytes,
		SHA256:    m.Blob.SHA256,
		Rehearsal: m.Rehearsal,
		World:     worlds.Claim{First: m.World.HKNSO, Current: m.World.HKNSO},
		KEK:       m.KEK.KID,
		KEKHash:   m.KEK.SPKISHA256,
		Key:       key,
		Target:    Target{Vault: m.KEK.KID.Vault, Name: m.Name, KeyOps: m.Key.KeyOps},
	}, err
}
