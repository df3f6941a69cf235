// Package transfer reads, writes and verifies transfer packages: the .byok blob
// that the vault takes, the manifest beside it that says what is inside, and
// the two signatures over the manifest.
//
// Producers fill in a Blob and a Manifest and Marshal them. Consumers call
// ReadPackage, then Package.Verify, then compare the world, the KEK and the
// rehearsal flag with the ones they mean: a package that verifies is whole,
// not trusted. Use Names for the files' names.
//
// Everything here is public data; no key in clear ever passes through. Do not
// compare key identifiers except with kek.ID.Equal, and public keys except as
// package keykind does.
package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"

	"byok/internal/durable"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
)

// Package is a transfer package as it was read: the bytes of its files and
// what they say.
type Package struct {
	Blob      Blob
	Manifest  Manifest
	BlobBytes []byte // what is uploaded, byte for byte
	// ManifestBytes are what Signature and Possession sign.
	ManifestBytes []byte
	Signature     []byte // by KNSO
	Possession    []byte // by the transferred key; nil for an AES key
}

// ReadPackage reads the .byok file at blobPath and its companions (see
// NamesFor). An error that is fs.ErrNotExist means that a file is not there;
// a possession file may be absent, which Verify judges. Nothing is verified.
func ReadPackage(blobPath string) (Package, error) {
	names, err := NamesFor(blobPath)
	if err != nil {
		return Package{}, err
	}
	var p Package
	// The blob is parsed before the others are missed: a legacy package has no
	// companions, and shall be named as such.
	if p.BlobBytes, err = readFile(names.Blob); err != nil {
		return Package{}, err
	}
	if p.Blob, err = ParseBlob(names.Blob, p.BlobBytes); err != nil {
		return Package{}, err
	}
	if p.ManifestBytes, err = readFile(names.Manifest); err != nil {
		return Package{}, err
	}
	if p.Manifest, err = ParseManifest(names.Manifest, p.ManifestBytes); err != nil {
		return Package{}, err
	}
	if p.Signature, err = readFile(names.Signature); err != nil {
		return Package{}, err
	}
	if p.Possession, err = readFile(names.Possession); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Package{}, err
	}
	return p, nil
}

func readFile(path string) ([]byte, error) {
	file, err := durable.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	// A legacy package may be larger: ParseBlob shall name it.
	if err == nil && len(data) > MaxFile && refuseEncoding(data) == nil {
		err = fmt.Errorf("%s: more than the %d bytes such a file may have", path, MaxFile)
	}
	return data, err
}

// Verify checks that the parts belong together: the hash, KEK and size of the
// blob are the manifest's, and both signatures over the manifest are good. KNSO
// comes from the manifest itself: compare Manifest.World.HKNSO with the world
// you know. An error is a failed check, named by the file it is about.
func (p Package) Verify() error {
	names, err := Names(p.Manifest.Name)
	if err != nil {
		return err
	}
	for _, check := range []struct {
		file string
		run  func() error
	}{
		{names.Manifest, p.checkManifest},
		{names.Blob, p.checkBlob},
		{names.Signature, p.checkSignature},
		{names.Possession, p.checkPossession},
	} {
		if err := check.run(); err != nil {
			return fmt.Errorf("%s: %w", check.file, err)
		}
	}
	return nil
}

// checkManifest keeps a caller from signing off one manifest and using another.
func (p Package) checkManifest() error {
	again, err := p.Manifest.Marshal()
	if err != nil {
		return err
	}
	if !bytes.Equal(again, p.ManifestBytes) {
		return errors.New("the file is not the manifest that was read from it")
	}
	return nil
}

func (p Package) checkBlob() error {
	said, is := p.Manifest.Blob.SHA256, fingerprint.Of(p.BlobBytes)
	if is != said {
		return fmt.Errorf("its SHA-256 is %s, the manifest says %s", is, said)
	}
	again, err := ParseBlob(p.Manifest.Blob.File, p.BlobBytes)
	if err != nil || !reflect.DeepEqual(again, p.Blob) {
		return errors.New("the file is not the blob that was read from it")
	}
	if !p.Blob.KEK.Equal(p.Manifest.KEK.KID) {
		return fmt.Errorf("it is for the KEK %s, the manifest says %s", p.Blob.KEK, p.Manifest.KEK.KID)
	}
	if err := p.Blob.CheckSize(p.Manifest.KEK.Bits); err != nil {
		return err
	}
	return p.checkWrapped()
}

// checkWrapped compares the length of the wrapped key with the key's size: raw
// bytes give an exact length, PKCS#8 varies but holds more than the key's bits.
func (p Package) checkWrapped() error {
	key := p.Manifest.Key
	wrapped := len(p.Blob.Ciphertext) - p.Manifest.KEK.Bits/8
	raw := 8 + (key.Bits+7)/8
	switch {
	case key.KTY == keykind.OctHSM && wrapped != raw:
		return fmt.Errorf("%d bytes of wrapped key: an AES key of %d bits has %d", wrapped, key.Bits, raw)
	case key.KTY != keykind.OctHSM && wrapped <= raw:
		return fmt.Errorf("%d bytes of wrapped key: %s of %d bits has more than %d", wrapped, key.KTY, key.Bits, raw)
	}
	return nil
}

func (p Package) checkSignature() error {
	return p.verifyManifest(p.Manifest.World.KNSOPublicKey, p.Signature)
}

func (p Package) checkPossession() error {
	switch isAES := p.Manifest.Key.KTY == keykind.OctHSM; {
	case isAES && len(p.Possession) > 0:
		return errors.New("an AES key signs nothing, there must be no such file")
	case isAES:
		return nil
	case len(p.Possession) == 0:
		return errors.New("missing: the transferred key has to sign the manifest")
	}
	return p.verifyManifest(p.Manifest.Key.PublicKey, p.Possession)
}

func (p Package) verifyManifest(pemText string, sig []byte) error {
	pub, err := keykind.ParsePublicKey(pemText)
	if err != nil {
		return err
	}
	return keykind.VerifySignature(pub, p.ManifestBytes, sig)
}
