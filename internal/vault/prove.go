package vault

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/proof"
)

// Prove is [Client.ProveTo] with a nonce of this program's own.
func (c *Client) Prove(ctx context.Context, k Key, e Expected) (proof.Proof, error) {
	return c.ProveTo(ctx, k, e, nil)
}

// ProveTo has the vault use the key version k on a challenge with the nonce,
// [proof.NonceSize] bytes, an auditor's for instance; nil draws a fresh one. The
// answer is checked against what e says of the key, never against what the
// vault says. Status Check means that the vault does not hold this key; status
// Vault, that it could not be asked. k comes from Key or Import.
func (c *Client) ProveTo(ctx context.Context, k Key, e Expected, nonce []byte) (proof.Proof, error) {
	if err := e.Compare(k, c.address.Test()); err != nil {
		return proof.Proof{}, err
	}
	if why := k.unusable(c.clock.Now()); why != "" {
		return proof.Proof{}, exitcode.Errorf(exitcode.Vault, "key %s cannot prove itself: %s", k.ID, why).
			Hint("az keyvault key set-attributes --id %s --enabled true, or its --not-before and --expires", k.ID)
	}
	prove, err := c.method(k, e)
	if err != nil {
		return proof.Proof{}, err
	}
	p, err := c.pose(k, e, nonce)
	if err != nil {
		return proof.Proof{}, err
	}
	if err := prove(ctx, &p, k, e); err != nil {
		return proof.Proof{}, err
	}
	return p, nil
}

// pose returns a proof without its answer.
func (c *Client) pose(k Key, e Expected, nonce []byte) (proof.Proof, error) {
	p := proof.New(k.ID, c.address.Mark(), c.clock.Now())
	if e.PublicKey == nil {
		return p, nil // an AES key has a check value, and no challenge
	}
	return p, p.Pose(e.PublicKey, e.Authorization, nonce)
}

type prover func(context.Context, *proof.Proof, Key, Expected) error

// method picks what the key may do: sign first, since anyone can check that
// again later.
func (c *Client) method(k Key, e Expected) (prover, error) {
	may := func(op string) bool { return slices.Contains(k.Ops, op) }
	_, isRSA := e.PublicKey.(*rsa.PublicKey)
	switch {
	case e.PublicKey != nil && may("sign"):
		return c.proveBySigning, nil
	case isRSA && (may("decrypt") || may("unwrapKey")):
		return c.proveByDecrypting, nil
	case len(e.CheckValue) > 0 && may("encrypt"):
		return c.proveByCheckValue, nil
	case e.PublicKey == nil && len(e.CheckValue) == 0:
		return nil, exitcode.Errorf(exitcode.Usage, "key %s: there is no public key or check value to verify it "+
			"against", k.ID).
			Hint("--manifest FILE, or --public-key PEM")
	}
	return nil, exitcode.Errorf(exitcode.Vault, "key %s cannot prove itself: its operations are %s", k.ID,
		strings.Join(k.Ops, ", ")).
		Hint("RSA needs sign, decrypt or unwrapKey, EC sign, AES encrypt; they can be changed in the vault")
}

func (c *Client) proveBySigning(ctx context.Context, p *proof.Proof, k Key, e Expected) error {
	kind, err := keykind.Of(e.PublicKey)
	if err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	digest := kind.Digest.New()
	digest.Write(p.Text())
	parameters := azkeys.SignParameters{
		Algorithm: to.Ptr(azkeys.SignatureAlgorithm(proof.Algorithm(kind))),
		Value:     digest.Sum(nil),
	}
	err = c.read(ctx, "have key "+k.ID.Name+" sign", func(ctx context.Context) error {
		answer, err := c.keys.Sign(ctx, k.ID.Name, k.ID.Version, parameters, nil)
		p.Signature = answer.Result
		return err
	})
	if err != nil {
		return err
	}
	p.Method, p.Algorithm = proof.MethodSign, proof.Algorithm(kind)
	if kind.Type == keykind.EC {
		p.Signature = derSignature(p.Signature)
	}
	if err := p.Verify(); err != nil {
		return notThisKey(k, "signed our challenge with a key other than the package's")
	}
	return nil
}

// derSignature turns the service's R||S (RFC 7518, section 3.4) into the DER
// that openssl reads (RFC 3279, section 2.2.3). What cannot be halved becomes
// no signature.
func derSignature(raw []byte) []byte {
	if len(raw) == 0 || len(raw)%2 != 0 {
		return nil
	}
	half := len(raw) / 2
	der, err := asn1.Marshal(
		struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
	if err != nil {
		return nil
	}
	return der
}

// proveByDecrypting is for RSA keys that may not sign: the SHA-256 of the text
// that others sign is enciphered here, with the package's public key, and only
// its private half gets it back.
func (c *Client) proveByDecrypting(ctx context.Context, p *proof.Proof, k Key, e Expected) error {
	text := fingerprint.Of(p.Text())
	ciphertext, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, e.PublicKey.(*rsa.PublicKey), text[:], nil)
	if err != nil {
		return exitcode.Mark(exitcode.Failed, err)
	}
	p.Method, p.Algorithm, p.Ciphertext = proof.MethodDecrypt, string(azkeys.EncryptionAlgorithmRSAOAEP256), ciphertext
	if !slices.Contains(k.Ops, "decrypt") {
		p.Method = proof.MethodUnwrap
	}
	parameters := azkeys.KeyOperationParameters{
		Algorithm: to.Ptr(azkeys.EncryptionAlgorithmRSAOAEP256),
		Value:     ciphertext,
	}
	var back []byte
	err = c.read(ctx, "have key "+k.ID.Name+" decrypt", func(ctx context.Context) error {
		if p.Method == proof.MethodUnwrap {
			answer, err := c.keys.UnwrapKey(ctx, k.ID.Name, k.ID.Version, parameters, nil)
			back = answer.Result
			return err
		}
		answer, err := c.keys.Decrypt(ctx, k.ID.Name, k.ID.Version, parameters, nil)
		back = answer.Result
		return err
	})
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(back, text[:]) != 1 {
		return notThisKey(k, "could not decrypt our challenge")
	}
	return nil
}

// proveByCheckValue is for AES keys: CBC of the zero block with a zero IV is
// ECB of it, the check value. There is nothing fresh in it, since we have no
// more of the key than that: it finds a wrong key, not a lying vault.
func (c *Client) proveByCheckValue(ctx context.Context, p *proof.Proof, k Key, e Expected) error {
	alg, known := cbc(e.Bits)
	if !known {
		return exitcode.Errorf(exitcode.Usage, "key %s: an AES key of %d bits", k.ID, e.Bits)
	}
	zero := make([]byte, 16)
	var sealed []byte
	err := c.read(ctx, "have key "+k.ID.Name+" encrypt", func(ctx context.Context) error {
		answer, err := c.keys.Encrypt(ctx, k.ID.Name, k.ID.Version,
			azkeys.KeyOperationParameters{Algorithm: to.Ptr(alg), Value: zero, IV: zero}, nil)
		sealed = answer.Result
		return err
	})
	if err != nil {
		return err
	}
	p.Method, p.Algorithm, p.CheckValue = proof.MethodCheckValue, string(alg), hex.EncodeToString(e.CheckValue)
	if subtle.ConstantTimeCompare(sealed, e.CheckValue) != 1 {
		return notThisKey(k, "has a different check value than the package's")
	}
	return nil
}

func cbc(bits int) (azkeys.EncryptionAlgorithm, bool) {
	switch bits {
	case 128:
		return azkeys.EncryptionAlgorithmA128CBC, true
	case 192:
		return azkeys.EncryptionAlgorithmA192CBC, true
	case 256:
		return azkeys.EncryptionAlgorithmA256CBC, true
	}
	return "", false
}

func notThisKey(k Key, what string) error {
	return exitcode.Errorf(exitcode.Check, "key %s %s", k.ID, what).
		Hint("do not use this key; find out who or what answers for %s", k.ID.Vault)
}
