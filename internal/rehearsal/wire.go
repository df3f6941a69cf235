package rehearsal

import (
	"encoding/base64"
	"strings"
	"time"
)

// base64URL is bytes as the service writes them: base64url without padding
// (RFC 4648, section 5). Padding is accepted.
type base64URL []byte

func (b base64URL) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

func (b *base64URL) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(string(text), "="))
	return err
}

// jsonWebKey is the public half of a key, and of what an import names.
type jsonWebKey struct {
	KID    string    `json:"kid,omitempty"`
	Type   string    `json:"kty,omitempty"`
	Ops    []string  `json:"key_ops,omitempty"`
	N      base64URL `json:"n,omitempty"`
	E      base64URL `json:"e,omitempty"`
	Curve  string    `json:"crv,omitempty"`
	X      base64URL `json:"x,omitempty"`
	Y      base64URL `json:"y,omitempty"`
	KeyHSM base64URL `json:"key_hsm,omitempty"`
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
	CertificatePEMFile base64URL `json:"certificatePemFile"`
	PrivateKey         base64URL `json:"privateKeyAttestation"`
	PublicKey          base64URL `json:"publicKeyAttestation,omitempty"`
	Version            string    `json:"version"`
}

type releasePolicy struct {
	ContentType string    `json:"contentType,omitempty"`
	Data        base64URL `json:"data,omitempty"`
	Immutable   bool      `json:"immutable,omitempty"`
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
	Algorithm string    `json:"alg"`
	Value     base64URL `json:"value"`
	Digest    base64URL `json:"digest"` // verify: value is the signature
	IV        base64URL `json:"iv"`
	AAD       base64URL `json:"aad"`
	Tag       base64URL `json:"tag"`
}

type operationResult struct {
	KID   string    `json:"kid"`
	Value base64URL `json:"value"`
	IV    base64URL `json:"iv,omitempty"`
	Tag   base64URL `json:"tag,omitempty"`
	AAD   base64URL `json:"aad,omitempty"`
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
