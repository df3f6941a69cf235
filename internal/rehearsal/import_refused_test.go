package rehearsal

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

func TestImportRefusals(t *testing.T) {
	r, vault := start(t, ManagedHSM), start(t, Vault)
	kek := r.kek(t, "KEKforBYOK")
	p256, _ := newPKCS8(t, onCurve("P-256")...)
	small, _ := newPKCS8(t, rsaBits("1024")...)
	p224, _ := newPKCS8(t, onCurve("P-224")...)
	ed25519, _ := newPKCS8(t, "-algorithm", "ED25519")
	sec1 := openssl(t, p256, "ec", "-inform", "DER", "-outform", "DER")
	good := wrap(t, kek, p256, wrapping{})

	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	other := func(name string, change azkeys.UpdateKeyParameters, keyOps ...string) azkeys.KeyBundle {
		b := r.key(t, name, azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSAHSM), KeyOps: ops(keyOps...)})
		_, err := r.UpdateKey(ctx, name, "", change, nil)
		must(t, err)
		return b
	}
	under := func(kek azkeys.KeyBundle) []byte { return wrap(t, kek, p256, wrapping{}) }
	deleted := other("deleted-kek", azkeys.UpdateKeyParameters{}, "import")
	_, err := r.DeleteKey(ctx, "deleted-kek", nil)
	must(t, err)
	r.key(t, "taken", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)})
	_, err = r.DeleteKey(ctx, "taken", nil)
	must(t, err)
	kid := string(*kek.Key.KID)
	version := kek.Key.KID.Version()
	foreign := strings.Replace(kid, "https://localhost", "https://contoso.vault.azure.net", 1)
	swapped := strings.Replace(kid, version, strings.Repeat("0", 32), 1)

	const (
		badKey  = `400 BadParameter: The property "key" must be a valid JsonWebKey object`
		badEC   = "400 BadParameter: EC key is not valid - cannot instantiate crypto service"
		badRSA  = "400 BadParameter: RSA key is not valid - cannot instantiate crypto service"
		badOct  = "400 BadParameter: oct key is not valid - cannot instantiate crypto service"
		badOps  = "400 BadParameter: Unsupported key operation(s)"
		missing = " was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
	)
	notDecrypted := "(the AES key does not decrypt: another KEK, or OAEP not with SHA-1 for both label and MGF1)"
	for _, c := range []struct {
		what, kty, crv string
		blob           []byte
		change         func(*azkeys.ImportKeyParameters)
		want, why      string
	}{
		{"another vault's KEK", "EC-HSM", "P-256", wrap(t, kek, p256, wrapping{kid: foreign}), nil, "400 BadParameter: The key exchange key " + foreign + " is not in this vault", ""},
		{"wrong version", "EC-HSM", "P-256", wrap(t, kek, p256, wrapping{kid: swapped}), nil, "404 KeyNotFound: A key with (name/id) KEKforBYOK/" + strings.Repeat("0", 32) + missing, ""},
		{"no version", "EC-HSM", "P-256", wrap(t, kek, p256, wrapping{kid: strings.TrimSuffix(kid, "/"+version)}), nil, badKey, ""},
		{"deleted KEK", "EC-HSM", "P-256", under(deleted), nil, "404 KeyNotFound: A key with (name/id) deleted-kek/" + deleted.Key.KID.Version() + missing, ""},
		{"KEK without import", "EC-HSM", "P-256", under(other("signing", azkeys.UpdateKeyParameters{}, "wrapKey", "unwrapKey")), nil, "403 Forbidden/KeyOperationForbidden: Operation import is not permitted on this key.", ""},
		{"disabled KEK", "EC-HSM", "P-256", under(other("disabled", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{Enabled: to.Ptr(false)}}, "import")), nil, "403 Forbidden/KeyDisabled: Operation import is not allowed on a disabled key.", ""},
		{"expired KEK", "EC-HSM", "P-256", under(other("expired", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{Expires: &past}}, "import")), nil, "403 Forbidden/KeyExpired: Operation import is not allowed on an expired key.", ""},
		{"early KEK", "EC-HSM", "P-256", under(other("early", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{NotBefore: &future}}, "import")), nil, "403 Forbidden/KeyNotYetValid: Operation import is not allowed on a key that is not yet valid.", ""},
		{"under another key", "EC-HSM", "P-256", wrap(t, deleted, p256, wrapping{kid: kid}), nil, badEC, notDecrypted},
		{"OAEP with SHA-256", "EC-HSM", "P-256", wrap(t, kek, p256, wrapping{oaep: "sha256"}), nil, badEC, notDecrypted},
		{"MGF1 with SHA-256", "EC-HSM", "P-256", wrap(t, kek, p256, wrapping{mgf1: "sha256"}), nil, badEC, notDecrypted},
		{"AES-128 wrapping key", "EC-HSM", "P-256", wrap(t, kek, p256, wrapping{aes: []byte("16 bytes of AES.")}), nil, badEC, "(the wrapping key has 16 bytes, not the 32 of AES-256)"},
		{"flipped bit", "EC-HSM", "P-256", wrap(t, kek, p256, wrapping{flip: 9}), nil, badEC, "(the wrapped bytes fail their integrity check)"},
		{"eight bytes short", "EC-HSM", "P-256", wrap(t, kek, p256, wrapping{cut: 8}), nil, badEC, "(the wrapped bytes fail their integrity check)"},
		{"three bytes short", "EC-HSM", "P-256", wrap(t, kek, p256, wrapping{cut: 3}), nil, badKey, ""},
		{"SEC 1, not PKCS#8", "EC-HSM", "P-256", wrap(t, kek, sec1, wrapping{}), nil, badEC, "(the unwrapped bytes are not PKCS#8)"},
		{"PEM", "EC-HSM", "P-256", wrap(t, kek, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p256}), wrapping{}), nil, badEC, "(the unwrapped bytes are not PKCS#8)"},
		{"a byte after PKCS#8", "EC-HSM", "P-256", wrap(t, kek, append(bytes.Clone(p256), 1), wrapping{}), nil, badEC, "(the unwrapped bytes are not PKCS#8)"},
		{"more zeros than fill", "EC-HSM", "P-256", wrap(t, kek, append(bytes.Clone(p256), make([]byte, 8)...), wrapping{}), nil, badEC, "(the unwrapped bytes are not PKCS#8)"},
		{"other curve", "EC-HSM", "P-384", good, nil, badEC, "(the blob holds a key of type EC P-256, not EC-HSM P-384)"},
		{"EC as RSA", "RSA-HSM", "", good, nil, badRSA, "(the blob holds a key of type EC P-256, not RSA-HSM )"},
		{"EC as oct", "oct-HSM", "", good, nil, badOct, fmt.Sprintf("(an AES key of %d bytes: expected 16, 24 or 32)", len(p256))},
		{"oct of 20 bytes", "oct-HSM", "", wrap(t, kek, make([]byte, 20), wrapping{}), nil, badOct, "(an AES key of 20 bytes: expected 16, 24 or 32)"},
		{"RSA of 1024 bits", "RSA-HSM", "", wrap(t, kek, small, wrapping{}), nil, badRSA, "(RSA key of 1024 bits: expected 2048, 3072 or 4096)"},
		{"P-224", "EC-HSM", "P-256", wrap(t, kek, p224, wrapping{}), nil, badEC, "(an EC key on P-224, which the service does not import)"},
		{"Ed25519", "EC-HSM", "P-256", wrap(t, kek, ed25519, wrapping{}), nil, badEC, "(the unwrapped key is neither RSA nor EC)"},
		{"SECG curve name", "EC-HSM", "SECP256K1", good, nil, badEC, "(the blob holds a key of type EC P-256, not EC-HSM SECP256K1)"},
		{"no curve", "EC-HSM", "", good, nil, badKey, ""},
		{"curve for RSA", "RSA-HSM", "P-256", good, nil, badKey, ""},
		{"no blob", "RSA-HSM", "", nil, nil, badKey, ""},
		{"unknown type", "OKP", "", good, nil, badKey, ""},
		{"legacy package", "RSA-HSM", "", []byte{0, 1, 2, 3, 0xff}, nil, badKey, ""},
		{"other enc", "EC-HSM", "P-256", bytes.Replace(good, []byte("CKM_RSA_AES_KEY_WRAP"), []byte("RSA_AES_KEY_WRAP_256"), 1), nil, badKey, ""},
		{"target imports", "RSA-HSM", "", good, func(p *azkeys.ImportKeyParameters) { p.Key.KeyOps = ops("import") }, badOps, ""},
		{"EC wraps", "EC-HSM", "P-256", good, func(p *azkeys.ImportKeyParameters) { p.Key.KeyOps = ops("sign", "wrapKey") }, badOps, ""},
		{"no policy", "EC-HSM", "P-256", good, func(p *azkeys.ImportKeyParameters) {
			p.KeyAttributes = &azkeys.KeyAttributes{Exportable: to.Ptr(true)}
		}, "400 BadParameter: Exportable keys must have release policy", ""},
	} {
		_, err := r.imports("target", c.kty, c.crv, c.blob, c.change)
		same(t, c.what, err, c.want)
		if !strings.HasSuffix(r.log.last(), c.why) {
			t.Errorf("%s: log %s", c.what, r.log.last())
		}
	}
	_, err = r.imports("taken", "EC-HSM", "P-256", good, nil)
	same(t, "deleted name", err, "409 Conflict/ObjectIsDeletedButRecoverable: Key taken is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged.")
	_, err = vault.imports("target", "oct-HSM", "", good, nil)
	same(t, "oct in a vault", err, "400 BadParameter: Key type oct-HSM is not supported by a vault, only by a Managed HSM")
	if _, err := r.GetKey(ctx, "target", "", nil); !strings.HasPrefix(answer(err), "404 KeyNotFound") {
		t.Errorf("a refused import is there: %v", answer(err))
	}
	if _, err := r.imports("target", "EC-HSM", "P-256", good, nil); err != nil {
		t.Errorf("the blob that all others were made from: %v", err)
	}
}

// TestKEKDoesNothingElse holds that import is all a KEK can do.
func TestKEKDoesNothingElse(t *testing.T) {
	r := start(t, ManagedHSM)
	r.kek(t, "KEKforBYOK")
	in := azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithmRSAOAEP), Value: []byte("x")}
	for op, call := range map[string]func() error{
		"encrypt":   func() error { _, err := r.Encrypt(ctx, "KEKforBYOK", "", in, nil); return err },
		"decrypt":   func() error { _, err := r.Decrypt(ctx, "KEKforBYOK", "", in, nil); return err },
		"wrapKey":   func() error { _, err := r.WrapKey(ctx, "KEKforBYOK", "", in, nil); return err },
		"unwrapKey": func() error { _, err := r.UnwrapKey(ctx, "KEKforBYOK", "", in, nil); return err },
		"sign": func() error {
			_, err := r.Sign(ctx, "KEKforBYOK", "", azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmRS256), Value: make([]byte, 32)}, nil)
			return err
		},
		"verify": func() error {
			_, err := r.Verify(ctx, "KEKforBYOK", "", azkeys.VerifyParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmRS256), Digest: make([]byte, 32), Signature: []byte("s")}, nil)
			return err
		},
	} {
		same(t, op, call(), "403 Forbidden/KeyOperationForbidden: Operation "+op+" is not permitted on this key.")
	}
}
