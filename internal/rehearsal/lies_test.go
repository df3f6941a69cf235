package rehearsal

import (
	"byok/internal/rehearsal/softkey"
	"byok/internal/rehearsal/wire"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// TestLies: what the vault keeps, what it shows and what it uses can differ.
func TestLies(t *testing.T) {
	r := start(t, ManagedHSM)
	kek := r.kek(t, "KEKforBYOK")
	der, truth := storedPKCS8(t, "p-256")
	imports := func(name string) azkeys.KeyBundle {
		b, err := r.imports(name, "EC-HSM", "P-256", wrap(t, kek, der, wrapping{}), nil)
		must(t, err)
		return b
	}
	shown := func(name string) string {
		got, err := r.GetKey(ctx, name, "", nil)
		must(t, err)
		return publicPEM(t, got.Key)
	}

	r.arm(t, "stores-wrong-key")
	stored := publicPEM(t, imports("stored").Key)
	if stored == truth || stored != shown("stored") {
		t.Error("the other key was not stored")
	}
	checkSignature(t, r, "stored", "ES256", stored)

	r.arm(t, "shows-wrong-key")
	if publicPEM(t, imports("shown").Key) == truth || shown("shown") != truth {
		t.Error("the other key was not shown, or not only shown")
	}
	checkSignature(t, r, "shown", "ES256", truth)

	r.arm(t, "uses-wrong-key")
	imports("used")
	digest := make([]byte, 32)
	signed, err := r.Sign(ctx, "used", "", azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmES256), Value: digest}, nil)
	must(t, err)
	verified, err := r.Verify(ctx, "used", "", azkeys.VerifyParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmES256), Digest: digest, Signature: signed.Result}, nil)
	if err != nil || *verified.Value {
		t.Errorf("the key's own signature: %v, %v", verified.Value, err)
	}

	r.arm(t, "stores-wrong-key", "uses-wrong-key")
	secret := []byte("an AES key, 16..")
	_, err = r.imports("aes", "oct-HSM", "", wrap(t, kek, secret, wrapping{}), nil)
	must(t, err)
	r.arm(t)
	block := azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithmA128CBC), Value: make([]byte, 16), IV: make([]byte, 16)}
	sealed, err := r.Encrypt(ctx, "aes", "", block, nil)
	must(t, err)
	own, err := softkey.NewOct(secret)
	must(t, err)
	result, err := own.(softkey.Encrypter).Encrypt(
		wire.Operation{Algorithm: "A128CBC", Value: make([]byte, 16), IV: make([]byte, 16)})
	must(t, err)
	if string(result.Value) == string(sealed.Result) {
		t.Error("the AES key that was imported is the one in the vault")
	}
}
