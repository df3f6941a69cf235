// Package wire is the JSON of Azure Key Vault and Managed HSM as the rehearsal
// vault reads and writes it, and the service's refusals in its own words.
//
// What the service documents, or answers in recordings, is here as it is there;
// a text of this project says so beside the code.
package wire

import (
	"time"

	"byok/internal/base64url"
)

// Key is the public half of a key, and of what an import names.
type Key struct {
	KID    string          `json:"kid,omitempty"`
	Type   string          `json:"kty,omitempty"`
	Ops    []string        `json:"key_ops,omitempty"`
	N      base64url.Bytes `json:"n,omitempty"`
	E      base64url.Bytes `json:"e,omitempty"`
	Curve  string          `json:"crv,omitempty"`
	X      base64url.Bytes `json:"x,omitempty"`
	Y      base64url.Bytes `json:"y,omitempty"`
	KeyHSM base64url.Bytes `json:"key_hsm,omitempty"`
}

// Attributes are times in seconds since 1970 and the service's own claims.
type Attributes struct {
	Enabled         *bool        `json:"enabled,omitempty"`
	NotBefore       *int64       `json:"nbf,omitempty"`
	Expires         *int64       `json:"exp,omitempty"`
	Created         *int64       `json:"created,omitempty"`
	Updated         *int64       `json:"updated,omitempty"`
	RecoveryLevel   string       `json:"recoveryLevel,omitempty"`
	RecoverableDays int          `json:"recoverableDays,omitempty"`
	Exportable      *bool        `json:"exportable,omitempty"`
	HSMPlatform     string       `json:"hsmPlatform,omitempty"`
	Attestation     *Attestation `json:"attestation,omitempty"`
}

// Attestation is what the HSM says of a key.
type Attestation struct {
	CertificatePEMFile base64url.Bytes `json:"certificatePemFile"`
	PrivateKey         base64url.Bytes `json:"privateKeyAttestation"`
	PublicKey          base64url.Bytes `json:"publicKeyAttestation,omitempty"`
	Version            string          `json:"version"`
}

// ReleasePolicy says to whom an exportable key may be released.
type ReleasePolicy struct {
	ContentType string          `json:"contentType,omitempty"`
	Data        base64url.Bytes `json:"data,omitempty"`
	Immutable   bool            `json:"immutable,omitempty"`
}

// CreateRequest is the request of create.
type CreateRequest struct {
	Type           string            `json:"kty"`
	Size           *int              `json:"key_size"`
	PublicExponent *int              `json:"public_exponent"`
	Curve          string            `json:"crv"`
	Ops            []string          `json:"key_ops"`
	Attributes     Attributes        `json:"attributes"`
	Policy         *ReleasePolicy    `json:"release_policy"`
	Tags           map[string]string `json:"tags"`
}

// ImportRequest is the request of import.
type ImportRequest struct {
	Key        Key               `json:"key"`
	Attributes Attributes        `json:"attributes"`
	Policy     *ReleasePolicy    `json:"release_policy"`
	Tags       map[string]string `json:"tags"`
}

// UpdateRequest is the request of update.
type UpdateRequest struct {
	Ops        []string          `json:"key_ops"`
	Attributes Attributes        `json:"attributes"`
	Policy     *ReleasePolicy    `json:"release_policy"`
	Tags       map[string]string `json:"tags"`
}

// Deletion is what the service adds to a deleted key.
type Deletion struct {
	RecoveryID string `json:"recoveryId,omitempty"`
	Deleted    *int64 `json:"deletedDate,omitempty"`
	PurgeAt    *int64 `json:"scheduledPurgeDate,omitempty"`
}

// Bundle is a key version.
type Bundle struct {
	Key        Key               `json:"key"`
	Attributes Attributes        `json:"attributes"`
	Policy     *ReleasePolicy    `json:"release_policy,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Deletion
}

// Item is a line of a list.
type Item struct {
	KID        string            `json:"kid"`
	Attributes Attributes        `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	Deletion
}

// List is a page of a list.
type List struct {
	Value    []Item  `json:"value"`
	NextLink *string `json:"nextLink"` // null at the end
}

// Operation is the request of encrypt, decrypt, wrapKey, unwrapKey and sign.
type Operation struct {
	Algorithm string          `json:"alg"`
	Value     base64url.Bytes `json:"value"`
	Digest    base64url.Bytes `json:"digest"` // verify: value is the signature
	IV        base64url.Bytes `json:"iv"`
	AAD       base64url.Bytes `json:"aad"`
	Tag       base64url.Bytes `json:"tag"`
}

// Result is the answer to an Operation.
type Result struct {
	KID   string          `json:"kid"`
	Value base64url.Bytes `json:"value"`
	IV    base64url.Bytes `json:"iv,omitempty"`
	Tag   base64url.Bytes `json:"tag,omitempty"`
	AAD   base64url.Bytes `json:"aad,omitempty"`
}

// VerifyResult is the answer to verify.
type VerifyResult struct {
	Value bool `json:"value"`
}

// Seconds returns t as the service writes it, absent when t is zero.
func Seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}

// Moment returns the time of s in UTC, zero for nil.
func Moment(s *int64) time.Time {
	if s == nil {
		return time.Time{}
	}
	return time.Unix(*s, 0).UTC()
}
