package vault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha512"
	"errors"
	"fmt"
	"time"

	"byok/internal/exitcode"
	"byok/internal/strictjson"
	"byok/internal/transfer"
)

const (
	proofType = "byok-proof"
	maxProof  = 64 << 10
)

// How a key proved itself.
const (
	MethodSign       = "sign"
	MethodDecrypt    = "decrypt"
	MethodUnwrap     = "unwrapKey"
	MethodCheckValue = "encrypt"
)

// Proof records that a key version in a vault used the private half of a
// public key, or, for AES, that it has a check value. Binary values are in
// standard base64 in JSON, so that an auditor needs jq, base64 and openssl:
// Signature over Challenge is what openssl dgst -<Digest> -verify checks with
// PublicKey. Only signatures can be checked again later; for the others the
// proof is this program's word.
type Proof struct {
	Type       string         `json:"type"` // "byok-proof"
	Version    int            `json:"version"`
	Rehearsal  bool           `json:"rehearsal"`
	Time       time.Time      `json:"time"` // UTC, whole seconds
	KID        transfer.KeyID `json:"kid"`
	Method     string         `json:"method"`               // MethodSign, MethodDecrypt, MethodUnwrap or MethodCheckValue
	Algorithm  string         `json:"algorithm"`            // RS256, ES256, ES384, ES512, ES256K, RSA-OAEP-256, A128CBC, A192CBC, A256CBC
	Challenge  []byte         `json:"challenge"`            // 32 random bytes; for MethodCheckValue 16 zero bytes
	Ciphertext []byte         `json:"ciphertext,omitzero"`  // the challenge as the vault got it: MethodDecrypt, MethodUnwrap
	Signature  []byte         `json:"signature,omitzero"`   // PKCS#1 v1.5, or ECDSA in DER: MethodSign
	PublicKey  string         `json:"public_key,omitzero"`  // PEM, the manifest's
	CheckValue string         `json:"check_value,omitzero"` // 32 lower-case hex digits: MethodCheckValue
}

// Marshal encodes p. The same proof always gives the same bytes.
func (p Proof) Marshal() ([]byte, error) { return strictjson.Marshal(p) }

// ParseProof decodes data, the content of the proof file called name. It takes
// only what Marshal writes. It does not Verify.
func ParseProof(name string, data []byte) (Proof, error) {
	var p Proof
	if err := strictjson.Unmarshal(name, data, maxProof, &p); err != nil {
		return Proof{}, exitcode.Mark(exitcode.Usage, err)
	}
	problem := ""
	switch {
	case p.Type != proofType || p.Version != 1:
		problem = fmt.Sprintf("not a %s of version 1", proofType)
	case p.Digest() == "" && p.Method == MethodSign:
		problem = fmt.Sprintf("field algorithm: %.40q is no signature algorithm of a proof", p.Algorithm)
	case !strictjson.Equal(p, data):
		problem = "not in the spelling this program writes"
	}
	if problem != "" {
		return Proof{}, exitcode.Errorf(exitcode.Usage, "%s: %s", name, problem)
	}
	return p, nil
}

// Digest is the hash of a signature proof as openssl dgst calls it: sha256,
// sha384 or sha512; "" for an algorithm that does not sign.
func (p Proof) Digest() string {
	switch p.Algorithm {
	case "RS256", "ES256", "ES256K":
		return "sha256"
	case "ES384":
		return "sha384"
	case "ES512":
		return "sha512"
	}
	return ""
}

// Verify checks the signature again; it fails for a proof without one. Status
// Check.
func (p Proof) Verify() error {
	if p.Method != MethodSign {
		return exitcode.Errorf(exitcode.Check, "the proof holds no signature that could be checked again")
	}
	pub, err := transfer.ParsePublicKey(p.PublicKey)
	if err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	switch key, isEC := pub.(*ecdsa.PublicKey); p.Digest() {
	case "sha256":
		err = transfer.VerifySignature(pub, p.Challenge, p.Signature)
	case "sha384":
		digest := sha512.Sum384(p.Challenge)
		err = verify(isEC && key.Curve == elliptic.P384(), key, digest[:], p.Signature)
	case "sha512":
		digest := sha512.Sum512(p.Challenge)
		err = verify(isEC && key.Curve == elliptic.P521(), key, digest[:], p.Signature)
	default:
		err = errors.New("the algorithm does not sign")
	}
	return exitcode.Mark(exitcode.Check, err)
}

func verify(fits bool, key *ecdsa.PublicKey, digest, sig []byte) error {
	if !fits || !ecdsa.VerifyASN1(key, digest, sig) {
		return errors.New("the signature does not belong to this challenge and this public key")
	}
	return nil
}
