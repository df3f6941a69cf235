// Package toolset reads and writes what the connected workstation hands to the
// disconnected one: the KEK package, the SecurityWorld package that it is bound
// to, the zip that carries both, and the table of the retired toolset's regions.
//
// Make packages by filling [KEKPackage] and [SecurityWorldPackage] and calling
// [NewPair]; read them with [ParsePair] or [Install]. A [Pair] holds what was
// parsed and the SHA-256 of the very bytes it was parsed from: read the files
// once, and do not read them again to hash them. A pair that parses is well
// formed and no more than that: whether its KEK may be used is decided by
// attest.Check, and nothing here replaces it.
package toolset

import (
	"time"

	"byok/internal/base64url"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
)

// The type and version of the package files.
const (
	KEKType           = "byok-kek-package"
	SecurityWorldType = "byok-security-world-package"
	Version           = 2
)

// MaxPackage is the most bytes a package may have. A Managed HSM's KEK package
// has about 12 KiB.
const MaxPackage = 256 << 10

// KEKPackage is the file BYOK-KEK-pkg-<SUFFIX>-<n>: the vault's public key
// exchange key, and its attestation by the vault's HSM. [NewPair] sets Type,
// Version and SecurityWorld.
type KEKPackage struct {
	Type          string          `json:"type"`
	Version       int             `json:"version"`
	Suffix        string          `json:"suffix"`     // 1 to 32 of A-Z and 0-9
	Generation    int             `json:"generation"` // 1 to 9999
	Mark          kek.Mark        `json:"mark"`
	KID           kek.ID          `json:"kid"`                 // with its version
	PublicKey     string          `json:"public_key"`          // PEM, as keykind.MarshalPublicKey writes it
	KTY           string          `json:"kty"`                 // as the vault says: RSA-HSM
	KeyOps        []string        `json:"key_ops"`             // as the vault lists them
	Enabled       bool            `json:"enabled"`             // as the vault says
	HSMPlatform   string          `json:"hsm_platform"`        // "2" FIPS 140-3, "1" 140-2, "0" software, "" unsaid
	Created       time.Time       `json:"created"`             // of the key; UTC, whole seconds
	NotBefore     time.Time       `json:"not_before,omitzero"` // of the key, where it has one
	Expires       time.Time       `json:"expires,omitzero"`    // of the key, where it has one
	SecurityWorld fingerprint.Sum `json:"security_world"`      // of the SecurityWorld package file
	Attestation   *Attestation    `json:"attestation"`         // null where the service offers none
}

// SecurityWorldPackage is the file BYOK-SecurityWorld-pkg-<SUFFIX>-<n>: the
// vault or Managed HSM that the KEK belongs to. [NewPair] sets Type and
// Version.
type SecurityWorldPackage struct {
	Type         string   `json:"type"`
	Version      int      `json:"version"`
	Suffix       string   `json:"suffix"`       // as in the KEK package
	Generation   int      `json:"generation"`   // as in the KEK package
	Mark         kek.Mark `json:"mark"`         // as in the KEK package
	Service      string   `json:"service"`      // kek.ServiceVault or kek.ServiceManagedHSM
	Cloud        string   `json:"cloud"`        // "AzurePublic"
	Vault        string   `json:"vault"`        // spelled as KEKPackage.KID.Vault
	Location     string   `json:"location"`     // may be empty
	Tenant       string   `json:"tenant"`       // may be empty
	Subscription string   `json:"subscription"` // may be empty
	// PartitionCertificates is PEM, what the attestation's certificatePemFile
	// holds; "" for a vault.
	PartitionCertificates string `json:"partition_certificates"`
	// RehearsalRoot is PEM of the rehearsal's own attestation root.
	RehearsalRoot string `json:"rehearsal_root,omitempty"`
}

// Attestation is a key's attestation as the service's GetKeyAttestation
// returns it, with its field names (REST reference, "KeyAttestation"). Package
// attest reads what is inside.
type Attestation struct {
	CertificatePEM base64url.Bytes `json:"certificatePemFile"`             // PEM text, four certificates
	PrivateKey     base64url.Bytes `json:"privateKeyAttestation"`          // signed claims about the private key
	PublicKey      base64url.Bytes `json:"publicKeyAttestation,omitempty"` // the same about the public key, if given
	Version        string          `json:"version"`                        // "MRVL-1"
}

// Candidate returns the KEK as the packages describe it, for kek.Candidate.Check.
func (p KEKPackage) Candidate(vault string) kek.Candidate {
	public, err := keykind.ParsePublicKey(p.PublicKey)
	if err != nil {
		public = nil // an unreadable key meets no rule
	}
	return kek.Candidate{
		ID:          p.KID,
		Vault:       vault,
		Mark:        p.Mark,
		KTY:         p.KTY,
		HSMPlatform: p.HSMPlatform,
		Public:      public,
		KeyOps:      p.KeyOps,
		Enabled:     p.Enabled,
		NotBefore:   p.NotBefore,
		Expires:     p.Expires,
	}
}
