package rehearsal

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/keykind"
)

// wrapping is how a test's blob is made; the zero value is the right way.
type wrapping struct {
	kid    string // instead of the KEK's
	aes    []byte // instead of 32 bytes
	oaep   string // hash of the label, instead of sha1
	mgf1   string // hash of MGF1, instead of the label's
	padded bool   // base64 with padding, as some vendors' tools write it
	cut    int    // bytes taken off the end
	flip   int    // a bit of this byte from the end is flipped
}

// wrap makes a .byok of plain for a KEK with openssl alone.
func wrap(t *testing.T, kek azkeys.KeyBundle, plain []byte, w wrapping) []byte {
	t.Helper()
	if w.kid == "" {
		w.kid = string(*kek.Key.KID)
	}
	if w.aes == nil {
		w.aes = []byte("an AES-256 key for this test run")
	}
	if w.oaep == "" {
		w.oaep = "sha1"
	}
	if w.mgf1 == "" {
		w.mgf1 = w.oaep
	}
	public := file(t, "kek.pem", []byte(publicPEM(t, kek.Key)))
	first := openssl(t, w.aes, "pkeyutl", "-encrypt", "-pubin", "-inkey", public,
		"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:"+w.oaep, "-pkeyopt", "rsa_mgf1_md:"+w.mgf1)
	second := openssl(t, plain, "enc", fmt.Sprintf("-id-aes%d-wrap-pad", 8*len(w.aes)), "-iv", "A65959A6", "-K", hex.EncodeToString(w.aes))
	ciphertext := append(first, second...)
	ciphertext = ciphertext[:len(ciphertext)-w.cut]
	if w.flip > 0 {
		ciphertext[len(ciphertext)-w.flip] ^= 1
	}
	encoding := base64.RawURLEncoding
	if w.padded {
		encoding = base64.URLEncoding
	}
	return fmt.Appendf(nil, `{"schema_version":"1.0.0","header":{"kid":%q,"alg":"dir","enc":"CKM_RSA_AES_KEY_WRAP"},"ciphertext":%q,"generator":"openssl"}`,
		w.kid, encoding.EncodeToString(ciphertext))
}

// public turns the service's JWK into a key.
func public(t *testing.T, k *azkeys.JSONWebKey) crypto.PublicKey {
	t.Helper()
	if k.N != nil {
		return &rsa.PublicKey{N: new(big.Int).SetBytes(k.N), E: int(new(big.Int).SetBytes(k.E).Int64())}
	}
	kinds, err := keykind.ForJWK(keykind.ECHSM, string(*k.Crv))
	must(t, err)
	return &ecdsa.PublicKey{Curve: kinds[0].EllipticCurve(), X: new(big.Int).SetBytes(k.X), Y: new(big.Int).SetBytes(k.Y)}
}

func publicPEM(t *testing.T, k *azkeys.JSONWebKey) string {
	t.Helper()
	text, err := keykind.MarshalPublicKey(public(t, k))
	must(t, err)
	return text
}

// newPKCS8 has openssl make a key, and returns it with its public half as PEM.
func newPKCS8(t *testing.T, args ...string) (der []byte, publicPEM string) {
	t.Helper()
	text := openssl(t, nil, append([]string{"genpkey"}, args...)...)
	der = openssl(t, text, "pkcs8", "-topk8", "-nocrypt", "-outform", "DER")
	return der, string(openssl(t, text, "pkey", "-pubout"))
}

// storedPKCS8 is a key that openssl made before: testdata/pkcs8/<name>.der.
func storedPKCS8(t *testing.T, name string) (der []byte, publicPEM string) {
	t.Helper()
	der, err := os.ReadFile(filepath.Join("testdata/pkcs8", name+".der"))
	must(t, err)
	return der, string(openssl(t, der, "pkey", "-inform", "DER", "-pubout"))
}

func rsaBits(bits string) []string {
	return []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:" + bits}
}

func onCurve(name string) []string {
	return []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + name}
}

// imports calls ImportKey with a blob.
func (r *running) imports(name, kty, crv string, blob []byte, change func(*azkeys.ImportKeyParameters)) (azkeys.KeyBundle, error) {
	p := azkeys.ImportKeyParameters{HSM: to.Ptr(true), Key: &azkeys.JSONWebKey{Kty: to.Ptr(azkeys.KeyType(kty)), T: blob}}
	if crv != "" {
		p.Key.Crv = to.Ptr(azkeys.CurveName(crv))
	}
	if change != nil {
		change(&p)
	}
	made, err := r.ImportKey(ctx, name, p, nil)
	return made.KeyBundle, err
}

// TestImportEveryType imports keys made and wrapped by openssl and checks by
// openssl that the vault has them: the public key is the same, and it
// verifies what the vault signs.
func TestImportEveryType(t *testing.T) {
	r := start(t, ManagedHSM)
	kek := r.kek(t, "KEKforBYOK")
	for _, c := range []struct {
		name, kty, crv, alg string
		make                []string
	}{
		{"rsa-2048", "RSA-HSM", "", "RS256", nil},
		{"rsa-3072", "RSA-HSM", "", "PS256", nil},
		{"rsa-4096", "RSA-HSM", "", "RS256", nil},
		{"p-256", "EC-HSM", "P-256", "ES256", nil},
		{"p-384", "EC-HSM", "P-384", "ES384", nil},
		{"p-521", "EC-HSM", "P-521", "ES512", nil},
		{"secp256k1", "EC-HSM", "P-256K", "ES256K", nil},
		{"new-rsa", "RSA-HSM", "", "RS512", rsaBits("2048")},
		{"new-p-256", "EC-HSM", "P-256", "ES256", onCurve("P-256")},
		{"new-p-384", "EC-HSM", "P-384", "ES384", onCurve("P-384")},
		{"new-p-521", "EC-HSM", "P-521", "ES512", onCurve("P-521")},
		{"new-secp256k1", "EC-HSM", "P-256K", "ES256K", onCurve("secp256k1")},
	} {
		var der []byte
		var want string
		if c.make == nil {
			der, want = storedPKCS8(t, c.name)
		} else {
			der, want = newPKCS8(t, c.make...)
		}
		b, err := r.imports(c.name, c.kty, c.crv, wrap(t, kek, der, wrapping{padded: c.kty == "EC-HSM"}), nil)
		if err != nil {
			t.Errorf("%s: %v: %s", c.name, err, r.log.last())
			continue
		}
		if got := publicPEM(t, b.Key); got != want || string(*b.Key.Kty) != c.kty {
			t.Errorf("%s: public key\n%swant\n%s", c.name, got, want)
		}
		if got := fmt.Sprint(opNames(b.Key.KeyOps)); got != fmt.Sprint(keykind.KeyOps(c.kty)) {
			t.Errorf("%s: key_ops %s", c.name, got)
		}
		checkSignature(t, r, c.name, c.alg, want)
	}
}

func TestImportSymmetric(t *testing.T) {
	r := start(t, ManagedHSM)
	kek := r.kek(t, "KEKforBYOK")
	for _, bits := range []int{128, 192, 256} {
		key := bytes.Repeat([]byte{byte(bits)}, bits/8)
		name := fmt.Sprint("aes-", bits)
		b, err := r.imports(name, "oct-HSM", "", wrap(t, kek, key, wrapping{}), nil)
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, r.log.last())
			continue
		}
		if b.Key.K != nil || fmt.Sprint(opNames(b.Key.KeyOps)) != "[encrypt decrypt wrapKey unwrapKey]" {
			t.Errorf("%s: %v with k of %d bytes", name, opNames(b.Key.KeyOps), len(b.Key.K))
		}
		sealed, err := r.Encrypt(ctx, name, "", azkeys.KeyOperationParameters{
			Algorithm: to.Ptr(azkeys.EncryptionAlgorithm(fmt.Sprintf("A%dCBC", bits))), IV: make([]byte, 16), Value: make([]byte, 16)}, nil)
		must(t, err)
		if want := openssl(t, make([]byte, 16), "enc", fmt.Sprintf("-aes-%d-ecb", bits), "-nopad", "-K", hex.EncodeToString(key)); !bytes.Equal(sealed.Result, want) {
			t.Errorf("%s: check value %x, openssl %x", name, sealed.Result, want)
		}
	}
}

// TestImportFilled takes what some HSMs wrap: PKCS#8 filled up with zeros.
func TestImportFilled(t *testing.T) {
	r := start(t, Vault)
	kek := r.kek(t, "KEKforBYOK")
	for _, curve := range []string{"P-256", "P-384", "P-521", "P-256K"} {
		der, want := newPKCS8(t, onCurve(strings.Replace(curve, "P-256K", "secp256k1", 1))...)
		b, err := r.imports("target", "EC-HSM", curve, wrap(t, kek, append(der, make([]byte, 7)...), wrapping{}), nil)
		must(t, err)
		if got := publicPEM(t, b.Key); got != want {
			t.Errorf("%s: public key\n%swant\n%s", curve, got, want)
		}
	}
}

// TestImportUnderALargeKEK has the size that ceremonies use.
func TestImportUnderALargeKEK(t *testing.T) {
	r := start(t, Vault)
	der, want := storedPKCS8(t, "rsa-4096")
	kek := r.key(t, "KEKforBYOK", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSAHSM), KeySize: to.Ptr(int32(4096)), KeyOps: ops("import")})
	b, err := r.imports("target", "RSA-HSM", "", wrap(t, kek, der, wrapping{}), nil)
	must(t, err)
	if got := publicPEM(t, b.Key); got != want {
		t.Errorf("public key\n%swant\n%s", got, want)
	}
}

func TestImportMakesVersions(t *testing.T) {
	r := start(t, Vault)
	kek := r.kek(t, "KEKforBYOK")
	der, _ := newPKCS8(t, onCurve("P-384")...)
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	change := func(p *azkeys.ImportKeyParameters) {
		p.Key.KeyOps = ops("sign")
		p.Tags = map[string]*string{"ceremony": to.Ptr("7")}
		p.KeyAttributes = &azkeys.KeyAttributes{Expires: &until, Exportable: to.Ptr(true)}
		p.ReleasePolicy = &azkeys.KeyReleasePolicy{EncodedPolicy: []byte("{}"), ContentType: to.Ptr("application/json; charset=utf-8")}
	}
	first, err := r.imports("target", "EC-HSM", "P-384", wrap(t, kek, der, wrapping{}), change)
	must(t, err)
	if fmt.Sprint(opNames(first.Key.KeyOps)) != "[sign]" || *first.Tags["ceremony"] != "7" || !first.Attributes.Expires.Equal(until) ||
		!*first.Attributes.Exportable || string(first.ReleasePolicy.EncodedPolicy) != "{}" {
		t.Errorf("imported %+v %+v %+v", first.Key, first.Attributes, first.ReleasePolicy)
	}
	second, err := r.imports("target", "EC-HSM", "P-384", wrap(t, kek, der, wrapping{}), nil)
	must(t, err)
	if *first.Key.KID == *second.Key.KID || !bytes.Equal(first.Key.X, second.Key.X) {
		t.Errorf("%s and %s", *first.Key.KID, *second.Key.KID)
	}
}

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
		{"EC as oct", "oct-HSM", "", good, nil, badOct, fmt.Sprintf("(an AES key of %d bytes: 16, 24 or 32 are taken)", len(p256))},
		{"oct of 20 bytes", "oct-HSM", "", wrap(t, kek, make([]byte, 20), wrapping{}), nil, badOct, "(an AES key of 20 bytes: 16, 24 or 32 are taken)"},
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

// checkSignature has the vault sign and openssl verify.
func checkSignature(t *testing.T, r *running, name, algorithm, publicPEM string) {
	t.Helper()
	hash := map[string]string{"256": "sha256", "384": "sha384", "512": "sha512", "56K": "sha256"}[algorithm[len(algorithm)-3:]]
	digest := openssl(t, []byte("sign this: "+name), "dgst", "-"+hash, "-binary")
	signed, err := r.Sign(ctx, name, "", azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithm(algorithm)), Value: digest}, nil)
	if err != nil {
		t.Errorf("%s with %s: %v", name, algorithm, err)
		return
	}
	signature := signed.Result
	if strings.HasPrefix(algorithm, "E") {
		r, s := signature[:len(signature)/2], signature[len(signature)/2:]
		signature, err = asn1.Marshal([]*big.Int{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
		must(t, err)
	}
	args := []string{"pkeyutl", "-verify", "-pubin", "-inkey", file(t, "public.pem", []byte(publicPEM)), "-sigfile", file(t, "signature", signature), "-pkeyopt", "digest:" + hash}
	if strings.HasPrefix(algorithm, "PS") {
		args = append(args, "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest")
	}
	openssl(t, digest, args...)
	for broken, want := range map[bool]bool{false: true, true: false} {
		presented := bytes.Clone(signed.Result)
		if broken {
			presented[len(presented)-1] ^= 1
		}
		v, err := r.Verify(ctx, name, "", azkeys.VerifyParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithm(algorithm)), Digest: digest, Signature: presented}, nil)
		if err != nil || *v.Value != want {
			t.Errorf("%s with %s, broken %v: %v, %v", name, algorithm, broken, v.Value, err)
		}
	}
}
