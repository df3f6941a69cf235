package clients

import (
	"context"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/keykind"
	"byok/internal/rehearsal"
	"byok/internal/vault"
)

// sample is a key of one type, and the service that shall take it.
type sample struct {
	service  string
	expected vault.Expected
	ops      []string // the first is what a proof asks the vault to do
	plain    []byte   // as it is wrapped: PKCS#8, or the bytes of an AES key
}

func samples(t *testing.T) map[string]sample {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return map[string]sample{
		"RSA": {rehearsal.Vault, vault.Expected{Kty: keykind.RSAHSM, Bits: 2048, PublicKey: rsaKey.Public()}, []string{"sign", "verify"}, pkcs8(t, rsaKey)},
		"EC":  {rehearsal.Vault, vault.Expected{Kty: keykind.ECHSM, Crv: "P-256", Bits: 256, PublicKey: ecKey.Public()}, []string{"sign", "verify"}, pkcs8(t, ecKey)},
		"oct": {rehearsal.ManagedHSM, vault.Expected{Kty: keykind.OctHSM, Bits: 256, CheckValue: checkValue(t, secret)}, []string{"encrypt", "decrypt"}, secret},
	}
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return der
}

// checkValue is AES-ECB of the zero block.
func checkValue(t *testing.T, key []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	must(t, err)
	out := make([]byte, aes.BlockSize)
	block.Encrypt(out, out)
	return out
}

// auditor counts versions with the service's SDK alone, so that the client
// under test is not asked about itself.
type auditor struct{ *azkeys.Client }

func newAuditor(t *testing.T, p practice) auditor {
	t.Helper()
	http := p.HTTP()
	t.Cleanup(http.CloseIdleConnections)
	client, err := azkeys.NewClient(p.URL, p.Credential(), &azkeys.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: http}, DisableChallengeResourceVerification: true,
	})
	must(t, err)
	return auditor{client}
}

// count returns how many versions of a name hold the sample, by its public key
// or, for AES, by what the vault encrypts with it.
func (a auditor) count(t *testing.T, name string, s sample) (n int) {
	t.Helper()
	ctx := context.Background()
	for pages := a.NewListKeyPropertiesVersionsPager(name, nil); pages.More(); {
		page, err := pages.NextPage(ctx)
		must(t, err)
		for _, v := range page.Value {
			if a.holds(t, name, v.KID.Version(), s) {
				n++
			}
		}
	}
	return n
}

func (a auditor) holds(t *testing.T, name, version string, s sample) bool {
	t.Helper()
	ctx := context.Background()
	got, err := a.GetKey(ctx, name, version, nil)
	must(t, err)
	switch pub := s.expected.PublicKey.(type) {
	case *rsa.PublicKey:
		return string(got.Key.N) == string(pub.N.Bytes())
	case *ecdsa.PublicKey:
		//lint:ignore SA1019 PublicKey.Bytes does not know P-256K
		return string(got.Key.X) == string(pub.X.FillBytes(make([]byte, 32)))
	}
	zero := make([]byte, aes.BlockSize)
	sealed, err := a.Encrypt(ctx, name, version, azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithmA256CBC), Value: zero, IV: zero}, nil)
	must(t, err)
	return string(sealed.Result) == string(s.expected.CheckValue)
}
