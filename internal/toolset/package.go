// Package toolset is what the connected workstation hands to the disconnected
// one: the KEK package, the SecurityWorld package that it is bound to, the zip
// that carries both, and the table of the retired toolset's regions.
//
// Make packages by filling KEKPackage and SecurityWorldPackage and calling
// Marshal or Zip; read them with ParseKEKPackage, ParseSecurityWorldPackage
// and Install. A package that parses is well formed and no more than that:
// whether its KEK may be used is decided by byok/internal/attest.Check, and
// nothing here replaces it.
package toolset

import (
	"encoding/base64"
	"errors"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/transfer"
)

// Values of the fields that have a fixed set of them.
const (
	KEKType           = "byok-kek-package"
	SecurityWorldType = "byok-security-world-package"
	Version           = 1

	ServiceVault      = "vault"       // Key Vault Premium: attests nothing
	ServiceManagedHSM = "managed-hsm" // attests its keys
)

// MaxPackage is the most bytes a package may have. A Managed HSM's KEK package
// has about 12 KiB.
const MaxPackage = 256 << 10

// KEKPackage is the file BYOK-KEK-pkg-<SUFFIX>-<n>: the vault's public key
// exchange key, and the vault's HSM's word on it.
type KEKPackage struct {
	Type          string          `json:"type"`             // KEKType
	Version       int             `json:"version"`          // 1
	Suffix        string          `json:"suffix"`           // 1 to 32 of A-Z and 0-9
	Generation    int             `json:"generation"`       // 1 to 9999
	Rehearsal     bool            `json:"rehearsal"`        // made by a rehearsal vault
	KID           transfer.KeyID  `json:"kid"`              // with its version
	PublicKey     string          `json:"public_key"`       // PEM "PUBLIC KEY", as transfer.MarshalPublicKey writes it
	KeyOps        []string        `json:"key_ops"`          // as the vault lists them
	HSMPlatform   string          `json:"hsm_platform"`     // the service's claim: "2" FIPS 140-3 level 3, "1" 140-2 level 2, "0" software, "" unsaid
	Created       time.Time       `json:"created"`          // of the key; UTC, whole seconds
	Expires       time.Time       `json:"expires,omitzero"` // of the key; left out when it has no expiry
	SecurityWorld fingerprint.Sum `json:"security_world"`   // of the SecurityWorld package file
	Attestation   *Attestation    `json:"attestation"`      // null where the service offers none
}

// SecurityWorldPackage is the file BYOK-SecurityWorld-pkg-<SUFFIX>-<n>: the
// vault or Managed HSM that the KEK belongs to.
type SecurityWorldPackage struct {
	Type                  string `json:"type"`                     // SecurityWorldType
	Version               int    `json:"version"`                  // 1
	Suffix                string `json:"suffix"`                   // as in the KEK package
	Generation            int    `json:"generation"`               // as in the KEK package
	Rehearsal             bool   `json:"rehearsal"`                // made by a rehearsal vault
	Service               string `json:"service"`                  // ServiceVault or ServiceManagedHSM
	Cloud                 string `json:"cloud"`                    // "AzurePublic"
	Vault                 string `json:"vault"`                    // spelled as KEKPackage.KID.Vault
	Location              string `json:"location"`                 // may be empty
	Tenant                string `json:"tenant"`                   // may be empty
	Subscription          string `json:"subscription"`             // may be empty
	PartitionCertificates string `json:"partition_certificates"`   // PEM, what the attestation's certificatePemFile holds; "" for a vault
	RehearsalRoot         string `json:"rehearsal_root,omitempty"` // PEM of the rehearsal's own attestation root
}

// Attestation is a key's attestation as the service's GetKeyAttestation gives
// it, with its field names (REST reference, "KeyAttestation").
// byok/internal/attest reads what is inside.
type Attestation struct {
	CertificatePEM Base64URL `json:"certificatePemFile"`             // PEM text, four certificates
	PrivateKey     Base64URL `json:"privateKeyAttestation"`          // signed statement on the private key
	PublicKey      Base64URL `json:"publicKeyAttestation,omitempty"` // the same on the public key; left out when not given
	Version        string    `json:"version"`                        // "MRVL-1"
}

// Base64URL is bytes that JSON holds as base64url without padding (RFC 4648,
// section 5), the way the service sends them.
type Base64URL []byte

// MarshalText implements encoding.TextMarshaler.
func (b Base64URL) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Base64URL) UnmarshalText(text []byte) error {
	data, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return errors.New("not base64url without padding")
	}
	*b = data
	return nil
}
