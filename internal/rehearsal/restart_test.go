package rehearsal

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// TestRestart finds everything again after a restart, and signs with it.
func TestRestart(t *testing.T) {
	r := start(t, ManagedHSM)
	kept := map[string]azkeys.KeyBundle{}
	for name, p := range map[string]azkeys.CreateKeyParameters{
		"rsa":  {Kty: to.Ptr(azkeys.KeyTypeRSAHSM), Tags: map[string]*string{"a": to.Ptr("b")}},
		"p256": {Kty: to.Ptr(azkeys.KeyTypeECHSM)},
		"k1":   {Kty: to.Ptr(azkeys.KeyTypeECHSM), Curve: to.Ptr(azkeys.CurveNameP256K), KeyAttributes: &azkeys.KeyAttributes{Expires: to.Ptr(time.Now().Add(time.Hour))}},
		"oct":  {Kty: to.Ptr(azkeys.KeyTypeOctHSM)},
		"gone": {Kty: to.Ptr(azkeys.KeyTypeECHSM)},
	} {
		kept[name] = r.key(t, name, p)
	}
	_, err := r.DeleteKey(ctx, "gone", nil)
	must(t, err)
	sealed, err := r.Encrypt(ctx, "oct", "", azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithmA256GCM), Value: []byte("kept")}, nil)
	must(t, err)
	r.stop()
	if _, err := r.GetKey(ctx, "rsa", "", nil); err == nil {
		t.Error("a stopped vault answers")
	}

	r = restart(t, r.dir, "")
	for name, want := range kept {
		got, err := r.GetKey(ctx, name, "", nil)
		if name == "gone" {
			deleted, err := r.GetDeletedKey(ctx, name, nil)
			must(t, err)
			got.KeyBundle = azkeys.KeyBundle{Key: deleted.Key, Attributes: deleted.Attributes, Tags: deleted.Tags}
		} else {
			must(t, err)
		}
		if a, b := sprintJSON(t, got.KeyBundle), sprintJSON(t, want); a != b {
			t.Errorf("%s: %s, before %s", name, a, b)
		}
	}
	opened, err := r.Decrypt(ctx, "oct", "", azkeys.KeyOperationParameters{
		Algorithm: to.Ptr(azkeys.EncryptionAlgorithmA256GCM), Value: sealed.Result, IV: sealed.IV, AuthenticationTag: sealed.AuthenticationTag}, nil)
	if err != nil || string(opened.Result) != "kept" {
		t.Errorf("decrypts to %q (%v)", opened.Result, err)
	}
}

func sprintJSON(t *testing.T, b azkeys.KeyBundle) string {
	t.Helper()
	data, err := b.MarshalJSON()
	must(t, err)
	return string(data)
}
