package rehearsal

import (
	"time"

	"byok/internal/base64url"
)

// jsonWebKey is the public half of a key, and of what an import names.
type jsonWebKey struct {
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

// attributes are times in seconds since 1970 and the service's own claims.
type attributes struct {
	Enabled         *bool            `json:"enabled,omitempty"`
	NotBefore       *int64           `json:"nbf,omitempty"`
	Expires         *int64           `json:"exp,omitempty"`
	Created         *int64           `json:"created,omitempty"`
	Updated         *int64           `json:"updated,omitempty"`
	RecoveryLevel   string           `json:"recoveryLevel,omitempty"`
	RecoverableDays int              `json:"recoverableDays,omitempty"`
	Exportable      *bool            `json:"exportable,omitempty"`
	HSMPlatform     string           `json:"hsmPlatform,omitempty"`
	Attestation     *attestationJSON `json:"attestation,omitempty"`
}

type attestationJSON struct {
	CertificatePEMFile base64url.Bytes `json:"certificatePemFile"`
	PrivateKey         base64url.Bytes `json:"privateKeyAttestation"`
	PublicKey          base64url.Bytes `json:"publicKeyAttestation,omitempty"`
	Version            string          `json:"version"`
}

type releasePolicy struct {
	ContentType string          `json:"contentType,omitempty"`
	Data        base64url.Bytes `json:"data,omitempty"`
	Immutable   bool            `json:"immutable,omitempty"`
}

type createRequest struct {
	Type           string            `json:"kty"`
	Size           *int              `json:"key_size"`
	PublicExponent *int              `json:"public_exponent"`
	Curve          string            `json:"crv"`
	Ops            []string          `json:"key_ops"`
	Attributes     attributes        `json:"attributes"`
	Policy         *releasePolicy    `json:"release_policy"`
	Tags           map[string]string `json:"tags"`
}

type importRequest struct {
	Key        jsonWebKey        `json:"key"`
	Attributes attributes        `json:"attributes"`
	Policy     *releasePolicy    `json:"release_policy"`
	Tags       map[string]string `json:"tags"`
}

type updateRequest struct {
	Ops        []string          `json:"key_ops"`
	Attributes attributes        `json:"attributes"`
	Policy     *releasePolicy    `json:"release_policy"`
	Tags       map[string]string `json:"tags"`
}

// deletion is what the service adds to a deleted key.
type deletion struct {
	RecoveryID string `json:"recoveryId,omitempty"`
	Deleted    *int64 `json:"deletedDate,omitempty"`
	PurgeAt    *int64 `json:"scheduledPurgeDate,omitempty"`
}

// bundle is a key version.
type bundle struct {
	Key        jsonWebKey        `json:"key"`
	Attributes attributes        `json:"attributes"`
	Policy     *releasePolicy    `json:"release_policy,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	deletion
}

// item is a line of a list.
type item struct {
	KID        string            `json:"kid"`
	Attributes attributes        `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	deletion
}

type list struct {
	Value    []item  `json:"value"`
	NextLink *string `json:"nextLink"` // null at the end
}

// operation is the request of encrypt, decrypt, wrapKey, unwrapKey and sign.
type operation struct {
	Algorithm string          `json:"alg"`
	Value     base64url.Bytes `json:"value"`
	Digest    base64url.Bytes `json:"digest"` // verify: value is the signature
	IV        base64url.Bytes `json:"iv"`
	AAD       base64url.Bytes `json:"aad"`
	Tag       base64url.Bytes `json:"tag"`
}

type operationResult struct {
	KID   string          `json:"kid"`
	Value base64url.Bytes `json:"value"`
	IV    base64url.Bytes `json:"iv,omitempty"`
	Tag   base64url.Bytes `json:"tag,omitempty"`
	AAD   base64url.Bytes `json:"aad,omitempty"`
}

type verifyResult struct {
	Value bool `json:"value"`
}

// seconds is t as the service writes it, absent when t is zero.
func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}

func moment(s *int64) time.Time {
	if s == nil {
		return time.Time{}
	}
	return time.Unix(*s, 0).UTC()
}
