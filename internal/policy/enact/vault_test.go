package enact

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/policy"
	"byok/internal/policy/token"
	"byok/internal/rehearsal"
	"byok/internal/specimen"
	"byok/internal/testkit/practice"
	"byok/internal/transfer"
)

// vaultUser may import into the rehearsal vault and use what is there. Both
// vaults of the model are one, with two KEKs.
type vaultUser struct {
	*practice.Vault
	keys  *azkeys.Client
	count int
}

func (s *stage) openVault() *vaultUser {
	s.Helper()
	if s.vault == nil {
		v := practice.Start(s.whole, rehearsal.Config{Service: rehearsal.ManagedHSM})
		keys, err := azkeys.NewClient(v.Open.URL, v.Open.Credential(), &azkeys.ClientOptions{
			ClientOptions:                        azcore.ClientOptions{Transport: v.Open.HTTP()},
			DisableChallengeResourceVerification: true,
		})
		s.must(err)
		s.vault = &vaultUser{Vault: v, keys: keys}
	}
	return s.vault
}

func (s *stage) vaultKEK(k token.Key) specimen.KEK {
	s.Helper()
	name := map[string]string{"KEK A": "KEK-A", "KEK B": "KEK-B"}[k.Name]
	if name == "" {
		s.Fatalf("%s is not a KEK", k.Name)
	}
	kek, err := s.openVault().KEK(name)
	s.must(err)
	return kek
}

// imported is a key in the vault.
type imported struct {
	name   string
	public any // nil for AES
}

// imports brings a blob into the vault, for every operation of its kind.
func (s *stage) imports(f policy.InVault, ciphertext []byte) (any, error) {
	v := s.openVault()
	blob, err := transfer.Blob{KEK: s.vaultKEK(f.KEK).ID, Ciphertext: ciphertext}.Marshal()
	if err != nil {
		return nil, err
	}
	v.count++
	name := fmt.Sprintf("key-%d", v.count)
	jwk := azkeys.JSONWebKey{T: blob}
	switch f.Value.Kind {
	case token.AES:
		jwk.Kty, jwk.KeyOps = to.Ptr(azkeys.KeyTypeOctHSM), to.SliceOfPtrs(azkeys.KeyOperationDecrypt)
	case token.EC:
		jwk.Kty, jwk.Crv = to.Ptr(azkeys.KeyTypeECHSM), to.Ptr(azkeys.CurveNameP256)
		jwk.KeyOps = to.SliceOfPtrs(azkeys.KeyOperationSign)
	case token.RSA:
		jwk.Kty, jwk.KeyOps = to.Ptr(azkeys.KeyTypeRSAHSM), to.SliceOfPtrs(azkeys.KeyOperationDecrypt)
	}
	out, err := v.keys.ImportKey(context.Background(), name, azkeys.ImportKeyParameters{HSM: to.Ptr(true), Key: &jwk}, nil)
	if err != nil {
		return nil, err
	}
	return imported{name, publicKey(out.Key)}, nil
}

func publicKey(k *azkeys.JSONWebKey) any {
	switch {
	case len(k.X) > 0:
		point, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, k.X, k.Y))
		if err == nil {
			return point
		}
	case len(k.N) > 0:
		return &rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}
	}
	return nil
}

// decipher opens a value with a key in the vault: an AES layer with CBC of one
// block and an IV of zeros, which is the block cipher.
func (s *stage) decipher(d *policy.Derivation) (any, error) {
	key, _ := s.made[d.From[0]].(imported)
	decrypt := func(alg azkeys.EncryptionAlgorithm, value, iv []byte) ([]byte, error) {
		out, err := s.vault.keys.Decrypt(context.Background(), key.name, "", azkeys.KeyOperationParameters{
			Algorithm: to.Ptr(alg), Value: value, IV: iv,
		}, nil)
		return out.Result, err
	}
	if key.public != nil {
		return decrypt(azkeys.EncryptionAlgorithmRSAOAEP, s.bytes(d.From[1]), nil)
	}
	return unwrapWith(s.bytes(d.From[1]), func(block []byte) ([]byte, error) {
		return decrypt(azkeys.EncryptionAlgorithmA256CBC, slices.Clone(block), make([]byte, 16))
	})
}
