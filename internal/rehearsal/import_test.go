package rehearsal

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
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
	//lint:ignore SA1019 PublicKey.Bytes does not know P-256K
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
