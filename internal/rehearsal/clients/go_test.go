package clients

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/keykind"
	"byok/internal/rehearsal"
)

// TestGoSDK has the service's own Go SDK alone, without this project's client,
// make a KEK, import our .byok of every type, read, list and use the keys.
func TestGoSDK(t *testing.T) {
	p := served(t, rehearsal.Config{Service: rehearsal.ManagedHSM})
	sdk, ctx := newAuditor(t, p), context.Background()
	_, err := sdk.CreateKey(ctx, "KEKforBYOK", azkeys.CreateKeyParameters{
		Kty: to.Ptr(azkeys.KeyTypeRSAHSM), KeySize: to.Ptr(int32(2048)), KeyOps: []*azkeys.KeyOperation{to.Ptr(azkeys.KeyOperationImport)},
	}, nil)
	must(t, err)
	data, err := os.ReadFile(packages(t, p))
	must(t, err)
	var list []packageEntry
	must(t, json.Unmarshal(data, &list))
	good := 0
	for _, e := range list {
		if sdk.takes(t, e) {
			good++
		}
	}
	names := sdk.names(t)
	for _, e := range list {
		if !slices.Contains(names, e.Name) {
			t.Errorf("%s is not listed", e.Name)
		}
	}
	t.Logf("Go SDK, keys: %d of %d", good, len(list))
}

// takes imports a package, reads the key, and has it sign or encrypt.
func (a auditor) takes(t *testing.T, e packageEntry) bool {
	t.Helper()
	ctx := context.Background()
	blob, err := os.ReadFile(e.Blob)
	must(t, err)
	key := &azkeys.JSONWebKey{Kty: to.Ptr(azkeys.KeyType(e.Kty)), T: blob}
	if e.Crv != "" {
		key.Crv = to.Ptr(azkeys.CurveName(e.Crv))
	}
	for _, op := range e.Ops {
		key.KeyOps = append(key.KeyOps, to.Ptr(azkeys.KeyOperation(op)))
	}
	made, err := a.ImportKey(ctx, e.Name, azkeys.ImportKeyParameters{Key: key}, nil)
	must(t, err)
	read, err := a.GetKey(ctx, e.Name, "", nil)
	must(t, err)
	if *read.Key.KID != *made.Key.KID || string(*read.Key.Kty) != e.Kty {
		t.Errorf("%s: %s, %s", e.Name, *read.Key.KID, *read.Key.Kty)
		return false
	}
	if e.Kty == keykind.OctHSM {
		return a.encrypts(t, e)
	}
	return a.signs(t, e, made.Key.KID.Version())
}

// signs has the vault sign, and verify what it signed.
func (a auditor) signs(t *testing.T, e packageEntry, version string) bool {
	t.Helper()
	alg, ok := map[string]azkeys.SignatureAlgorithm{
		"": azkeys.SignatureAlgorithmPS256, "P-256": azkeys.SignatureAlgorithmES256, "P-256K": azkeys.SignatureAlgorithmES256K,
	}[e.Crv]
	digest := sha256.Sum256([]byte("sign this"))
	value := digest[:]
	if !ok {
		alg, value = map[string]azkeys.SignatureAlgorithm{"P-384": azkeys.SignatureAlgorithmES384, "P-521": azkeys.SignatureAlgorithmES512}[e.Crv],
			make([]byte, map[string]int{"P-384": 48, "P-521": 64}[e.Crv])
	}
	signed, err := a.Sign(context.Background(), e.Name, version, azkeys.SignParameters{Algorithm: &alg, Value: value}, nil)
	must(t, err)
	checked, err := a.Verify(context.Background(), e.Name, version, azkeys.VerifyParameters{Algorithm: &alg, Digest: value, Signature: signed.Result}, nil)
	must(t, err)
	if checked.Value == nil || !*checked.Value {
		t.Errorf("%s: its signature does not verify", e.Name)
		return false
	}
	return true
}

// encrypts has the vault encrypt the zero block, which gives the check value.
func (a auditor) encrypts(t *testing.T, e packageEntry) bool {
	t.Helper()
	alg := map[int]azkeys.EncryptionAlgorithm{128: azkeys.EncryptionAlgorithmA128CBC, 256: azkeys.EncryptionAlgorithmA256CBC}[e.Bits]
	zero := make([]byte, 16)
	sealed, err := a.Encrypt(context.Background(), e.Name, "", azkeys.KeyOperationParameters{Algorithm: &alg, Value: zero, IV: zero}, nil)
	must(t, err)
	if got := hex.EncodeToString(sealed.Result); got != e.CheckValue {
		t.Errorf("%s: check value %s, not %s", e.Name, got, e.CheckValue)
		return false
	}
	return true
}

func (a auditor) names(t *testing.T) (names []string) {
	t.Helper()
	for pages := a.NewListKeyPropertiesPager(nil); pages.More(); {
		page, err := pages.NextPage(context.Background())
		must(t, err)
		for _, k := range page.Value {
			names = append(names, k.KID.Name())
		}
	}
	return names
}
