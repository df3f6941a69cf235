package kmdata

import (
	"fmt"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// MaxHSMAttestation is the most bytes of an HSM's attestation of a key.
const MaxHSMAttestation = 256 << 10

// HSMAttestationPath is the path of the attestation with a hash: local/attestations/
// and the hash. It is not signed: the authorization that names the hash is.
func (c *Chain) HSMAttestationPath(sum fingerprint.Sum) string {
	return filepath.Join(Local(c.dir), "attestations", sum.String())
}

// WriteHSMAttestation keeps an HSM's attestation of a key, as it was given.
func (c *Chain) WriteHSMAttestation(data []byte) error {
	path := c.HSMAttestationPath(fingerprint.Of(data))
	if exists(path) {
		_, err := c.HSMAttestation(fingerprint.Of(data))
		return err
	}
	if err := durable.Folder(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(path, data, 0o600)
}

// HSMAttestation reads the attestation with a hash. A file that is missing, or
// has another hash, has status Check.
func (c *Chain) HSMAttestation(sum fingerprint.Sum) ([]byte, error) {
	path := c.HSMAttestationPath(sum)
	data, err := durable.ReadFile(path, MaxHSMAttestation)
	if err == nil && fingerprint.Of(data) != sum {
		err = fmt.Errorf("%s: its content is another one than a quorum approved", path)
	}
	if err != nil {
		return nil, exitcode.Hint(exitcode.Mark(exitcode.Check, err), "bring the file back from a copy of kmdata")
	}
	return data, nil
}
