// Package specimen makes transfer packages in software, for tests and
// benchmarks: NewWorld, then World.Package, then Package.Write. What it makes
// verifies like a ceremony's, and its keys were never in an HSM.
//
// Do not import it into a program: it holds keys in clear, and its world is
// nobody's.
package specimen

import (
	"crypto"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"time"

	"byok/internal/transfer"
)

// World is a security world in software: the key that signs manifests.
type World struct {
	knso   *ecdsa.PrivateKey
	record transfer.WorldRecord
}

// NewWorld makes a world of its own.
func NewWorld() (*World, error) {
	knso, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	record, err := transfer.WorldOf(&knso.PublicKey, "specimen")
	return &World{knso, record}, err
}

// KEK is what a package is made for.
type KEK struct {
	ID        transfer.KeyID
	Public    *rsa.PublicKey
	Rehearsal bool
}

// Package makes the transfer package of key, an *ecdsa.PrivateKey on a curve
// of NIST's, an *rsa.PrivateKey, or the bytes of an AES key. ops are its key
// operations; none means all that its type takes.
func (w *World) Package(kek KEK, name string, key any, ops ...string) (transfer.Package, error) {
	described, plain, err := describe(key)
	if err != nil {
		return transfer.Package{}, err
	}
	described.App, described.Ident, described.PlainName, described.KeyOps = "simple", "specimen", name, ops
	if len(ops) == 0 {
		described.KeyOps = transfer.AllowedOps(described.KTY)
	}
	names, err := transfer.Names(name)
	if err != nil {
		return transfer.Package{}, err
	}
	p := transfer.Package{Blob: transfer.Blob{KEK: kek.ID, Generator: "specimen"}}
	if p.Blob.Ciphertext, err = wrap(kek.Public, plain); err != nil {
		return p, err
	}
	if p.BlobBytes, err = p.Blob.Marshal(); err != nil {
		return p, err
	}
	spki, err := transfer.SPKIHash(kek.Public)
	if err != nil {
		return p, err
	}
	p.Manifest = transfer.Manifest{
		Rehearsal: kek.Rehearsal, Name: name, Blob: transfer.BlobRecord{File: names.Blob, SHA256: sha256.Sum256(p.BlobBytes)}, Key: described,
		KEK:            transfer.KEKRecord{KID: kek.ID, Bits: kek.Public.N.BitLen(), SPKISHA256: spki},
		SubscriptionID: "00000000-0000-0000-0000-000000000000", World: w.record, Permissions: []string{"EXTRACTABLE", "WRAP_WITH_TRUSTED"},
		Created: time.Now().UTC().Truncate(time.Second), Generator: "specimen",
	}
	return p, w.sign(&p, key)
}

// sign makes both signatures over the manifest; an AES key makes none.
func (w *World) sign(p *transfer.Package, key any) (err error) {
	if p.ManifestBytes, err = p.Manifest.Marshal(); err != nil {
		return err
	}
	digest := sha256.Sum256(p.ManifestBytes)
	if p.Signature, err = w.knso.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
		return err
	}
	if signer, ok := key.(crypto.Signer); ok {
		p.Possession, err = signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	return err
}

// describe gives a key's part of the manifest, and its plaintext.
func describe(key any) (transfer.Key, []byte, error) {
	if plain, ok := key.([]byte); ok {
		block, err := aes.NewCipher(plain)
		if err != nil {
			return transfer.Key{}, nil, err
		}
		check := make([]byte, aes.BlockSize)
		block.Encrypt(check, check)
		return transfer.Key{KTY: transfer.OctHSM, Bits: 8 * len(plain), CheckValue: hex.EncodeToString(check)}, plain, nil
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return transfer.Key{}, nil, err
	}
	described, err := transfer.KeyOf(key.(crypto.Signer).Public())
	return described, plain, err
}

// wrap is CKM_RSA_AES_KEY_WRAP: RSA-OAEP with SHA-1 of an AES key, and the
// plaintext under that.
func wrap(kek *rsa.PublicKey, plain []byte) ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, kek, key, nil)
	if err != nil {
		return nil, err
	}
	wrapped, err := wrapPadded(key, plain)
	return slices.Concat(sealed, wrapped), err
}

// Write puts the package's files into dir and returns the path of the .byok.
func Write(dir string, p transfer.Package) (string, error) {
	names, err := transfer.Names(p.Manifest.Name)
	if err != nil {
		return "", err
	}
	for name, data := range map[string][]byte{names.Blob: p.BlobBytes, names.Manifest: p.ManifestBytes, names.Signature: p.Signature, names.Possession: p.Possession} {
		if data == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, names.Blob), nil
}
