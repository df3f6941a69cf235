package statement

import (
	"errors"
	"fmt"

	"byok/internal/fingerprint"
	"byok/internal/printable"
)

// HSMAttestation is what an HSM, by its vendor's means, says of a key of the
// world: the file that was attached, and what the check of it found.
type HSMAttestation struct {
	SHA256 fingerprint.Sum `json:"sha256"` // of the file
	Format string          `json:"format"` // of the file, for people
	// Rules is what the check found, rule by rule. It is empty where the format is
	// not public: the file is attached then, and not verified.
	Rules []Rule `json:"rules,omitzero"`
	// Root is the root's certificate, PEM, that stands for the vendor's in a
	// rehearsal.
	Root string `json:"root,omitzero"`
}

// Verified reports whether the attestation was verified.
func (h *HSMAttestation) Verified() bool { return h != nil && len(h.Rules) > 0 }

// String says for people what the attestation is worth.
func (h *HSMAttestation) String() string {
	switch {
	case h == nil:
		return "none"
	case !h.Verified():
		return h.Format + ": attached, not verified"
	case h.Root != "":
		return h.Format + ": verified, under a rehearsal's root"
	}
	return h.Format + ": verified"
}

// MaxRoot is the most bytes of a rehearsal's root.
const MaxRoot = 8 << 10

func (h *HSMAttestation) check() error {
	if h == nil {
		return nil
	}
	if err := printable.Check(h.Format, maxText); err != nil {
		return fmt.Errorf("field hsm_attestation.format: %w", err)
	}
	switch {
	case h.SHA256.IsZero():
		return errors.New("field hsm_attestation.sha256 is missing")
	case h.Rules != nil && len(h.Rules) == 0:
		return errors.New("field hsm_attestation.rules: it must be omitted when empty")
	case len(h.Root) > MaxRoot:
		return fmt.Errorf("field hsm_attestation.root: more than %d bytes", MaxRoot)
	}
	for _, r := range h.Rules {
		if !r.OK {
			return fmt.Errorf("field hsm_attestation: the rule %.40q failed", r.Rule)
		}
	}
	return nil
}
