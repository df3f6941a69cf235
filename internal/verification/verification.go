// Package verification is the command byok-online verify: a vault proves that it
// holds one key as a quorum approved it, or every key of the register; or a proof
// is checked again without a vault.
//
// A [Station] says how the program gets at its vaults and at the worlds that a
// person vouched for. What is asked of a vault is package readback's, and what
// becomes of a whole register package renewal's.
package verification

import (
	"crypto"
	"encoding/hex"
	"os"
	"path/filepath"

	"byok/internal/approval"
	"byok/internal/bundle"
	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/proof"
	"byok/internal/transfer"
	"byok/internal/vault"
	"byok/internal/worlds"
)

// Station is the connected workstation at which a command runs.
type Station struct {
	// Keeper knows the worlds that a person vouched for, by the options.
	Keeper func(*command.Run) (worlds.Keeper, error)
	// Connect connects to the vault that the options name.
	Connect func(*command.Run) (*vault.Client, error)
	// ConnectTo returns how to connect to a vault by its address, with one
	// sign-in for all.
	ConnectTo func(*command.Run) func(address string) (*vault.Client, error)
	// PublicKey reads --public-key; nil without it.
	PublicKey func(*command.Run) (crypto.PublicKey, error)
}

// readPackage reads and verifies a transfer package whose world a person
// vouched for. look is for a command that writes nothing.
func (s Station) readPackage(r *command.Run, path string, look bool) (approval.Package, error) {
	keeper, err := s.Keeper(r)
	if err != nil {
		return approval.Package{}, err
	}
	keeper.Look = look
	p, err := approval.ReadAmong(new(transfer.Reader), path, keeper, recordsAround(path))
	if err == nil {
		r.Event.AddInput(path, p.SHA256())
	}
	return p, err
}

// nonceOf reads --nonce; nil without one.
func nonceOf(r *command.Run) ([]byte, error) {
	text := r.String("nonce")
	if text == "" {
		return nil, nil
	}
	nonce, err := hex.DecodeString(text)
	if err != nil || len(nonce) != proof.NonceSize {
		return nil, exitcode.Errorf(exitcode.Usage, "--nonce: expected %d hex digits", 2*proof.NonceSize)
	}
	return nonce, nil
}

// writeProof writes a proof to a new file.
func writeProof(r *command.Run, file string, p proof.Proof) error {
	data, err := p.Marshal()
	if err != nil {
		return err
	}
	if err := durable.WriteFile(file, data, 0o644); err != nil {
		return err
	}
	r.Event.AddOutput(file, fingerprint.Of(data))
	return nil
}

// recordsAround is the record of the world in whose bundle a package lies; none
// where it lies elsewhere.
func recordsAround(path string) []*kmdata.Chain {
	for _, dir := range parents(path) {
		chain, err := kmdata.Open(filepath.Dir(filepath.Join(dir, filepath.FromSlash(bundle.Disconnected))))
		if err == nil {
			return []*kmdata.Chain{chain}
		}
	}
	return nil
}

// deepest is how far below its folder a bundle's packages lie.
const deepest = 2

// parents are the folders that can be the bundle in which a file lies, the nearest
// first.
func parents(path string) (dirs []string) {
	at, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	for range deepest + 1 {
		at = filepath.Dir(at)
		dirs = append(dirs, at)
	}
	return dirs
}

// checkBeside refuses to write beside a file of a bundle, whose list of hashes
// would no longer hold; option is the one that names another place.
func checkBeside(file, option string) error {
	for _, at := range parents(file) {
		if _, err := os.Stat(filepath.Join(at, bundle.Signature)); err == nil {
			return exitcode.Errorf(exitcode.Refused, "%s is in the bundle %s, which a new proof would alter", file, at).
				Hint("%s", option)
		}
	}
	return nil
}
