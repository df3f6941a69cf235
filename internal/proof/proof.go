// Package proof is the file that records how a vault proved that it holds a
// key, and the challenge inside it.
//
// [New] and [Proof.Pose] begin one, the vault's client fills it in. Whoever reads
// one calls [Parse], and then [Proof.Check] with what a quorum approved, or
// [Proof.Verify] where no quorum did. Parse alone shows nothing but the form, and
// none of them shows that it was the vault which answered: see [Proof].
package proof

import (
	"crypto"
	"fmt"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/stamp"
	"byok/internal/strictjson"
)

// Type is the field type of a proof's file.
const Type = "byok-proof"

const (
	proofVersion = 2
	maxProof     = 64 << 10 // bytes
)

// How a key proved itself.
const (
	MethodSign       = "sign"
	MethodDecrypt    = "decrypt"
	MethodUnwrap     = "unwrapKey"
	MethodCheckValue = "encrypt"
)

// Proof records that a key version in a vault used the private half of a
// public key, or, for AES, that it has a check value.
//
// Signature is over keykind.PossessionText of Challenge's SHA-256, with the
// digest of the key's kind: openssl dgst -<Digest> -verify checks it with
// PublicKey. It shows that somebody who has the key signed; that it was the
// vault rests on whoever spoke with the vault over TLS. For the other methods
// the proof is this program's word.
type Proof struct {
	Type    string    `json:"type"`
	Version int       `json:"version"`
	Mark    kek.Mark  `json:"mark"` // of the vault's address
	Time    time.Time `json:"time"` // UTC, whole seconds; the challenge's
	KID     kek.ID    `json:"kid"`
	// Method is MethodSign, MethodDecrypt, MethodUnwrap or MethodCheckValue.
	Method string `json:"method"`
	// Algorithm is RS256, ES256, ES384, ES512, ES256K, RSA-OAEP-256, A128CBC,
	// A192CBC or A256CBC.
	Algorithm string `json:"algorithm"`
	// Challenge is the challenge file, JSON; none for MethodCheckValue.
	Challenge string `json:"challenge,omitzero"`
	// Ciphertext is base64 of the text's SHA-256, enciphered: MethodDecrypt,
	// MethodUnwrap.
	Ciphertext []byte `json:"ciphertext,omitzero"`
	// Signature is base64 of PKCS#1 v1.5, or of ECDSA in DER: MethodSign.
	Signature  []byte `json:"signature,omitzero"`
	PublicKey  string `json:"public_key,omitzero"`  // PEM, the package's
	CheckValue string `json:"check_value,omitzero"` // 32 lower-case hex digits: MethodCheckValue
}

// New returns a proof by the key version id that has neither challenge nor
// answer yet.
func New(id kek.ID, mark kek.Mark, now time.Time) Proof {
	return Proof{Type: Type, Version: proofVersion, Mark: mark, Time: stamp.Of(now), KID: id}
}

// Pose sets the challenge and the public key that the answer is checked with;
// an AES key gets none, since it has a check value instead. authorization is
// zero for another vendor's package. The nonce has [NonceSize] bytes; a nil one
// is drawn here. A nonce of another size has the status Usage.
func (p *Proof) Pose(public crypto.PublicKey, authorization fingerprint.Sum, nonce []byte) error {
	challenge, err := newChallenge(p.KID, authorization, nonce, p.Time)
	if err != nil {
		return err
	}
	p.Challenge = string(challenge)
	p.PublicKey, err = keykind.MarshalPublicKey(public)
	return exitcode.Mark(exitcode.Check, err)
}

// Text returns what the key proves itself on: [keykind.PossessionText] of the
// challenge's SHA-256.
func (p Proof) Text() []byte {
	return keykind.PossessionText(keykind.PurposeChallenge, fingerprint.Of([]byte(p.Challenge)))
}

// Marshal encodes p. The same proof always gives the same bytes.
func (p Proof) Marshal() ([]byte, error) { return strictjson.Marshal(p) }

// Parse decodes data, the content of the proof file called name. It accepts
// only what [Proof.Marshal] writes. It does not [Proof.Verify]. The error has
// the status Usage.
func Parse(name string, data []byte) (Proof, error) {
	if err := strictjson.Expect(name, data, maxProof, Type, proofVersion); err != nil {
		return Proof{}, exitcode.Mark(exitcode.Usage, err)
	}
	var p Proof
	if err := strictjson.Exact(name, data, maxProof, &p); err != nil {
		return Proof{}, exitcode.Mark(exitcode.Usage, err)
	}
	if err := p.check(); err != nil {
		return Proof{}, exitcode.Errorf(exitcode.Usage, "%s: %w", name, err)
	}
	return p, nil
}

func (p Proof) check() error {
	if err := p.Mark.Check(); err != nil {
		return fmt.Errorf("field mark: %w", err)
	}
	if err := stamp.Check(p.Time); err != nil {
		return fmt.Errorf("field time: %w", err)
	}
	switch p.Method {
	case MethodCheckValue:
		return nil
	case MethodSign, MethodDecrypt, MethodUnwrap:
	default:
		return fmt.Errorf("field method: %.40q is not a method of a proof", p.Method)
	}
	if p.Method == MethodSign && p.Digest() == "" {
		return fmt.Errorf("field algorithm: %.40q is not a signature algorithm of a proof", p.Algorithm)
	}
	c, err := parseChallenge([]byte(p.Challenge))
	switch {
	case err != nil:
		return err
	case !c.KID.Equal(p.KID) || !c.Time.Equal(p.Time):
		return fmt.Errorf("field challenge: it is for %s at %s", c.KID, stamp.Text(c.Time))
	}
	return nil
}

// digests are the hashes of the signature algorithms, as openssl dgst calls
// them (Azure Key Vault, "Key types, algorithms, and operations").
var digests = map[string]string{
	"RS256":  "sha256",
	"ES256":  "sha256",
	"ES256K": "sha256",
	"ES384":  "sha384",
	"ES512":  "sha512",
}

// Algorithm returns the algorithm by which a kind of key signs its digest, as
// the service calls it: RS256, ES256, ES384, ES512 or ES256K (Azure Key Vault,
// "Key types, algorithms, and operations").
func Algorithm(kind keykind.Kind) string {
	switch {
	case kind.Type == keykind.RSA:
		return "RS256"
	case kind.Curve == "P-256K":
		return "ES256K"
	}
	return map[crypto.Hash]string{
		crypto.SHA256: "ES256",
		crypto.SHA384: "ES384",
		crypto.SHA512: "ES512",
	}[kind.Digest]
}

// Digest returns the hash of a signature proof as openssl dgst calls it: sha256,
// sha384 or sha512; "" for an algorithm that does not sign.
func (p Proof) Digest() string { return digests[p.Algorithm] }

// Verify checks the signature again; it fails for a proof without one. The
// error has the status Check.
func (p Proof) Verify() error {
	if p.Method != MethodSign {
		return exitcode.Errorf(exitcode.Check, "the proof holds no signature that could be checked again")
	}
	pub, err := keykind.ParsePublicKey(p.PublicKey)
	if err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	kind, err := keykind.Of(pub)
	if err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	if alg := Algorithm(kind); alg != p.Algorithm {
		return exitcode.Errorf(exitcode.Check, "the algorithm of a %s key is %s, but the proof has %.40q", kind, alg,
			p.Algorithm)
	}
	return exitcode.Mark(exitcode.Check,
		keykind.VerifyPossession(pub, p.Text(), p.Signature))
}
