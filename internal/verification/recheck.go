package verification

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/onlineview"
	"byok/internal/proof"
	"byok/internal/statement"
)

// maxProof is more bytes than a proof has.
const maxProof = 64 << 10

// Recheck checks a proof again without a vault: its signature, and that it is
// about the key of the package beside it.
func (s Station) Recheck(r *command.Run) (command.Result, error) {
	path := r.String("proof")
	data, err := r.ReadFile(path, maxProof)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Hint(err, "to have a vault give a proof, name the vault too: --vault URL, or --rehearsal DIR")
	}
	if err != nil {
		return nil, err
	}
	p, err := proof.Parse(path, data)
	if err != nil {
		return nil, err
	}
	v := onlineview.Rechecked{File: path, Proof: p}
	if err := s.compare(r, &v); err != nil {
		return nil, err
	}
	if v.Against == "" {
		r.Console.Warning("%s was not compared with what a quorum approved: its own public key proves nothing of whose it is",
			path)
		r.Console.Hint("--manifest KeyTransferPackage-….manifest.json, or --public-key PEM")
	}
	if !p.Signed() {
		r.Console.Warning("%s holds no signature: for %s the proof is the word of whoever ran this program", path, p.Method)
	}
	return v, nil
}

// compare holds a proof to the package of --manifest, or of the manifest beside
// it, or to --public-key; without any of them to itself.
func (s Station) compare(r *command.Run, v *onlineview.Rechecked) error {
	if r.IsSet("public-key") {
		return s.compareKey(r, v)
	}
	manifest, err := manifestFor(r, v.File)
	if err != nil {
		return err
	}
	if manifest == "" {
		return named(v.File, v.Verify())
	}
	blob, err := blobOf(manifest)
	if err != nil {
		return err
	}
	approved, err := s.readPackage(r, blob, true)
	if err != nil {
		return err
	}
	f := approved.Facts()
	v.Against, v.World, v.Number, v.Ident = manifest, approved.World().String(), f.Authorization.Number, f.Pair.Ident
	return named(v.File, v.Check(f.Pair, f.Sum))
}

// compareKey holds a proof to the public key in a file.
func (s Station) compareKey(r *command.Run, v *onlineview.Rechecked) error {
	public, err := s.PublicKey(r)
	if err != nil {
		return err
	}
	text, err := keykind.MarshalPublicKey(public)
	if err != nil {
		return err
	}
	v.Against = r.String("public-key")
	pair := statement.Pair{Approval: statement.Approval{
		Identity: statement.Identity{PublicKey: text},
		Target:   statement.Target{Vault: v.KID.Vault, Name: v.KID.Name},
	}}
	return named(v.File, v.Check(pair, v.Authorization()))
}

// manifestFor is the manifest of --manifest, or the one beside a proof; "" where
// there is none.
func manifestFor(r *command.Run, path string) (string, error) {
	if given := r.String("manifest"); given != "" {
		return given, nil
	}
	at := strings.LastIndex(path, ".proof-")
	if at < 0 {
		return "", nil
	}
	beside := path[:at] + manifestEnd
	_, err := os.Stat(beside)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return beside, err
}

// named puts the proof's file before an error.
func named(path string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
