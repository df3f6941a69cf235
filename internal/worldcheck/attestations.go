package worldcheck

import (
	"path/filepath"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/statement"
)

// attestation accounts for the file of an HSM's attestation, whose name is its
// hash. One that no authorization names is what an interrupted command has left.
func (c *checker) attestation(path string) error {
	var sum fingerprint.Sum
	if err := sum.UnmarshalText([]byte(filepath.Base(path))); err != nil {
		return exitcode.Errorf(exitcode.Check, "%s is not named by a hash", path)
	}
	_, err := c.Chain.HSMAttestation(sum)
	return err
}

// attestations fails for each attestation that a quorum saw and that is not here.
func (c *checker) attestations() {
	for _, e := range c.Chain.Entries() {
		a, ok := e.Statement.(*statement.Authorization)
		if !ok {
			continue
		}
		for _, p := range a.Pairs {
			if p.HSM == nil {
				continue
			}
			if _, err := c.Chain.HSMAttestation(p.HSM.SHA256); err != nil {
				c.note("attestation of "+p.Ident, "", err)
			}
		}
	}
}
