package world

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/attest"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/transfer"
)

// PackRequest asks for the transfer package of a key.
type PackRequest struct {
	Ident          string
	KEK            *attest.KEK
	SubscriptionID string
	FriendlyName   string
	Dir            string            // where the package goes
	Generator      string            // tool and version
	Warn           func(text string) // what a careful person would want to know first; may be nil
}

// Packed is a transfer package as it was written.
type Packed struct {
	Package transfer.Package
	Paths   []string // .byok, manifest, its signature, and the proof of possession if there is one
}

// outputs are the package's files, opened before the token wraps anything.
type outputs struct {
	set   *durable.Set
	names transfer.FileNames
	dir   string
	files []*durable.File // in the order of paths
	paths []string
}

// Package wraps the transfer copy for the vault, writes the package, and then
// destroys copy, transfer key and KEK: until that is done, an operator could
// wrap another of the world's keys for the same KEK.
func (op *Operator) Package(r PackRequest) (Packed, error) {
	k, err := op.packable(r)
	if err != nil {
		return Packed{}, err
	}
	names, err := transfer.Names(r.FriendlyName)
	if err != nil {
		return Packed{}, exitcode.Mark(exitcode.Usage, err)
	}
	if err := op.warnOfPadding(k, r.Warn); err != nil {
		return Packed{}, err
	}
	if path := filepath.Join(r.Dir, names.Blob); exists(path) {
		return op.packedBefore(r, k, path)
	}
	out, err := openOutputs(r.Dir, names, k.Spec().Secret())
	if err != nil {
		return Packed{}, err
	}
	defer out.set.Discard()
	packed, err := op.pack(r, k, out)
	if err != nil {
		return Packed{}, err
	}
	if err := op.clearTransfer(r.Ident); err != nil {
		return packed, exitcode.Hint(fmt.Errorf("the package is written, but its transfer objects are still on the token: %w", err),
			"run the same command again: it removes them")
	}
	return packed, nil
}

// packable returns the transfer copy's key file if it was made for this KEK.
func (op *Operator) packable(r PackRequest) (KeyFile, error) {
	k, err := op.world.Key(Transfer, r.Ident)
	if err != nil {
		return k, err
	}
	if r.KEK.Rehearsal() != op.world.Rehearsal {
		return k, op.world.mixed("the KEK package", r.KEK.Rehearsal())
	}
	return k, exitcode.Hint(k.checkKEK(r.KEK), "give the KEK package that acl modify was given")
}

// checkKEK wants the KEK that the transfer copy was made for, by its name and its key.
func (k KeyFile) checkKEK(kek *attest.KEK) error {
	if k.KEK == nil || !k.KEK.KID.Equal(kek.KID()) {
		return exitcode.Errorf(exitcode.Check, "%s was made for KEK %v, not for %v", k.Name(), kidOf(k), kek.KID())
	}
	if k.KEK.Fingerprint != kek.Fingerprint() {
		return exitcode.Errorf(exitcode.Check, "%s was made for KEK %v with another public key than this package has", k.Name(), kek.KID())
	}
	return nil
}

func kidOf(k KeyFile) string {
	if k.KEK == nil {
		return "none"
	}
	return k.KEK.KID.String()
}

// packedBefore finishes a run that was interrupted after the package was
// written and before its transfer objects were destroyed.
func (op *Operator) packedBefore(r PackRequest, k KeyFile, path string) (Packed, error) {
	_, findErr := op.user.FindKey(k.Name())
	p, err := transfer.ReadPackage(path)
	if err == nil {
		err = p.Verify()
	}
	if findErr != nil || err != nil || !op.answers(p.Manifest, r, k) {
		return Packed{}, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s exists already and is never overwritten", path),
			"choose another --key-friendly-name, or another folder with --out")
	}
	return Packed{Package: p, Paths: pathsOf(r.Dir, path, p)}, op.clearTransfer(r.Ident)
}

// answers tells whether a package is what the request asks for, made of this
// transfer copy and not of an earlier one.
func (op *Operator) answers(m transfer.Manifest, r PackRequest, k KeyFile) bool {
	return fingerprint.Sum(m.World.HKNSO) == op.world.HKNSO && m.KEK.KID.Equal(r.KEK.KID()) && m.SubscriptionID == r.SubscriptionID &&
		m.Key.Ident == k.Ident && m.Key.PublicKey == k.PublicKey && m.Key.CheckValue == k.CheckValue && !m.Created.Before(k.Created)
}

func pathsOf(dir, blob string, p transfer.Package) []string {
	names, err := transfer.Names(p.Manifest.Name)
	if err != nil {
		return []string{blob}
	}
	paths := []string{blob, filepath.Join(dir, names.Manifest), filepath.Join(dir, names.Signature)}
	if p.Possession != nil {
		paths = append(paths, filepath.Join(dir, names.Possession))
	}
	return paths
}

func openOutputs(dir string, names transfer.FileNames, secretKey bool) (*outputs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, exitcode.Mark(exitcode.Refused, err)
	}
	o := &outputs{set: durable.NewSet(), names: names, dir: dir}
	list := []string{names.Blob, names.Manifest, names.Signature}
	if !secretKey {
		list = append(list, names.Possession)
	}
	for _, name := range list {
		path := filepath.Join(dir, name)
		f, err := o.set.Create(path, 0o644)
		if err != nil {
			o.set.Discard()
			return nil, err
		}
		o.files, o.paths = append(o.files, f), append(o.paths, path)
	}
	return o, nil
}

// pack wraps, describes, signs, verifies the whole and writes it.
func (op *Operator) pack(r PackRequest, k KeyFile, out *outputs) (Packed, error) {
	p, err := op.wrap(r, k)
	if err != nil {
		return Packed{}, err
	}
	if p.Manifest, err = op.manifest(r, k, out.names, p.BlobBytes); err != nil {
		return Packed{}, err
	}
	if p.ManifestBytes, err = p.Manifest.Marshal(); err != nil {
		return Packed{}, exitcode.Mark(exitcode.Usage, err)
	}
	if p.Signature, err = op.signWithKNSO(p.ManifestBytes); err != nil {
		return Packed{}, err
	}
	if p.Possession, err = op.possession(k, p.ManifestBytes); err != nil {
		return Packed{}, err
	}
	if err := p.Verify(); err != nil {
		return Packed{}, exitcode.Errorf(exitcode.Check, "the package just made does not verify, nothing was written: %w", err)
	}
	return Packed{p, out.paths}, out.write(p)
}

// wrap makes the blob.
func (op *Operator) wrap(r PackRequest, k KeyFile) (p transfer.Package, err error) {
	var ciphertext []byte
	reduced, err := op.transferCopy(k)
	if err == nil {
		err = op.user.IsKEK(kekLabel(k.Ident), r.KEK.PublicKey())
	}
	if err == nil {
		ciphertext, err = op.user.ForVault(kekLabel(k.Ident), transferLabel(k.Ident), reduced)
	}
	if errors.Is(err, hsm.ErrNotFound) {
		err = exitcode.Hint(err, "the copy was packaged before, or what belongs to it was destroyed; begin again with byok-offline acl modify --ident %s …", r.Ident)
	}
	if err != nil {
		return p, err
	}
	t := op.user.Token
	p.Blob = transfer.Blob{KEK: r.KEK.KID(), Generator: fmt.Sprintf("%s; %s %s", r.Generator, t.Model, t.Firmware), Ciphertext: ciphertext}
	if err := p.Blob.CheckSize(r.KEK.PublicKey().N.BitLen()); err != nil {
		return p, exitcode.Mark(exitcode.HSM, err)
	}
	p.BlobBytes, err = p.Blob.Marshal()
	return p, err
}

// transferCopy finds the copy as it was recorded. A key of known value that an
// operator put in its place shows other permissions: LOCAL is the token's word.
func (op *Operator) transferCopy(k KeyFile) (hsm.Key, error) {
	reduced, err := op.find(k)
	if err != nil {
		return reduced, err
	}
	permissions, err := op.user.Permissions(reduced)
	if err != nil {
		return reduced, err
	}
	if !slices.Equal(permissions, k.Permissions) {
		return reduced, exitcode.Errorf(exitcode.Check, "%s on %v is not the copy that its file describes: it shows the permissions %s, not %s",
			k.Name(), op.user.Token, strings.Join(permissions, " "), strings.Join(k.Permissions, " "))
	}
	if err := op.user.ProbeCopy(reduced); err != nil {
		return reduced, err
	}
	return reduced, op.matchesBackup(k.Ident, reduced)
}

func (op *Operator) manifest(r PackRequest, k KeyFile, names transfer.FileNames, blob []byte) (transfer.Manifest, error) {
	world, err := transfer.WorldOf(op.world.knso, op.user.Token.Serial)
	if err != nil {
		return transfer.Manifest{}, err
	}
	key, err := k.transferKey()
	if err != nil {
		return transfer.Manifest{}, err
	}
	t := op.user.Token
	return transfer.Manifest{
		Rehearsal: op.world.Rehearsal, Name: r.FriendlyName, Key: key,
		Blob:           transfer.BlobRecord{File: names.Blob, SHA256: transfer.Digest(fingerprint.Of(blob))},
		KEK:            transfer.KEKRecord{KID: r.KEK.KID(), Bits: k.KEK.Bits, SPKISHA256: transfer.Digest(k.KEK.Fingerprint), Attested: k.KEK.Attested},
		SubscriptionID: r.SubscriptionID, World: world, Permissions: k.Permissions, Created: now(),
		Generator: fmt.Sprintf("%s; %s %s", r.Generator, t.Model, t.Firmware),
	}, nil
}

// transferKey describes the key in the manifest's words.
func (k KeyFile) transferKey() (key transfer.Key, err error) {
	if k.Spec().Secret() {
		key = transfer.Key{KTY: transfer.OctHSM, Bits: k.Bits, CheckValue: k.CheckValue}
	} else {
		public, parseErr := transfer.ParsePublicKey(k.PublicKey)
		if parseErr != nil {
			return key, parseErr
		}
		key, err = transfer.KeyOf(public)
	}
	key.App, key.Ident, key.PlainName, key.KeyOps = Simple, k.Ident, k.PlainName, transfer.AllowedOps(key.KTY)
	return key, err
}

// possession signs the manifest with the key that is transferred: whoever
// holds the public key can tell that this token held the private one.
func (op *Operator) possession(k KeyFile, manifest []byte) ([]byte, error) {
	if k.Spec().Secret() {
		return nil, nil
	}
	original, err := op.world.Key(Simple, k.Ident)
	if err != nil {
		return nil, err
	}
	key, err := op.find(original)
	if err != nil {
		return nil, err
	}
	return op.user.Sign(key, manifest)
}

func (o *outputs) write(p transfer.Package) error {
	for i, data := range [][]byte{p.BlobBytes, p.ManifestBytes, p.Signature, p.Possession} {
		if i == len(o.files) {
			break // an AES key has no proof of possession
		}
		if _, err := o.files[i].Write(data); err != nil {
			return err
		}
	}
	return o.set.Commit()
}
