package rehearsal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// TestSignEveryAlgorithm has openssl judge each of the ten algorithms.
func TestSignEveryAlgorithm(t *testing.T) {
	r := start(t, Vault)
	for name, c := range map[string]struct {
		p          azkeys.CreateKeyParameters
		algorithms string
		rs, es     string // refusal of RS256 and ES256 without the key's id
	}{
		"rsa": {azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSAHSM)}, "RS256 RS384 RS512 PS256 PS384 PS512",
			"", "is of type 'RSA-HSM', and algorithm 'ES256' can only be used with a key of type 'EC' or 'EC-HSM'."},
		"p256": {azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), Curve: to.Ptr(azkeys.CurveNameP256)}, "ES256",
			"is of type 'EC-HSM', and algorithm 'RS256' can only be used with a key of type 'RSA' or 'RSA-HSM'.", ""},
		"p384": {azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), Curve: to.Ptr(azkeys.CurveNameP384)}, "ES384",
			"is of type 'EC-HSM', and algorithm 'RS256' can only be used with a key of type 'RSA' or 'RSA-HSM'.", "uses curve 'P-384', and algorithm 'ES256' can only be used with curve 'P-256'."},
		"p521": {azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), Curve: to.Ptr(azkeys.CurveNameP521)}, "ES512",
			"is of type 'EC-HSM', and algorithm 'RS256' can only be used with a key of type 'RSA' or 'RSA-HSM'.", "uses curve 'P-521', and algorithm 'ES256' can only be used with curve 'P-256'."},
		"p256k": {azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), Curve: to.Ptr(azkeys.CurveNameP256K)}, "ES256K",
			"is of type 'EC-HSM', and algorithm 'RS256' can only be used with a key of type 'RSA' or 'RSA-HSM'.", "uses curve 'P-256K', and algorithm 'ES256' can only be used with curve 'P-256'."},
	} {
		b := r.key(t, name, c.p)
		for algorithm, refused := range map[string]string{"RS256": c.rs, "ES256": c.es} {
			if refused == "" {
				continue
			}
			want := fmt.Sprintf("400 BadParameter: Key and signing algorithm are incompatible. Key %s %s", *b.Key.KID, refused)
			_, err := r.Sign(ctx, name, "", azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithm(algorithm)), Value: make([]byte, 32)}, nil)
			same(t, name+" signs "+algorithm, err, want)
			_, err = r.Verify(ctx, name, "", azkeys.VerifyParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithm(algorithm)), Digest: make([]byte, 32), Signature: []byte("s")}, nil)
			same(t, name+" verifies "+algorithm, err, want)
		}
		_, err := r.Sign(ctx, name, "", azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmHS256), Value: make([]byte, 32)}, nil)
		same(t, name+" signs HS256", err, "400 BadParameter: The algorithm HS256 is not supported for signing with this key")
		for _, algorithm := range strings.Fields(c.algorithms) {
			checkSignature(t, r, name, algorithm, publicPEM(t, b.Key))
			length := signatureAlgorithms()[algorithm].digest
			_, err := r.Sign(ctx, name, "", azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithm(algorithm)), Value: make([]byte, 20)}, nil)
			same(t, algorithm+" of 20 bytes", err, fmt.Sprintf("400 BadParameter: Invalid length of 'value': 20 bytes. %s requires %d bytes, encoded with base64url.", algorithm, length))
			v, err := r.Verify(ctx, name, "", azkeys.VerifyParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithm(algorithm)), Digest: make([]byte, length), Signature: []byte("short")}, nil)
			if err != nil || *v.Value {
				t.Errorf("%s verifies a short signature: %v %v", algorithm, v.Value, err)
			}
		}
	}
}

// TestRSAAgainstOpenssl encrypts on each side and decrypts on the other.
func TestRSAAgainstOpenssl(t *testing.T) {
	r := start(t, Vault)
	kek := r.kek(t, "KEKforBYOK")
	der, public := newPKCS8(t, rsaBits("2048")...)
	_, err := r.imports("rsa", "RSA-HSM", "", wrap(t, kek, der, wrapping{}), nil)
	must(t, err)
	private, publicFile := file(t, "private.der", der), file(t, "public.pem", []byte(public))
	for algorithm, options := range map[azkeys.EncryptionAlgorithm][]string{
		azkeys.EncryptionAlgorithmRSA15:      {"-pkeyopt", "rsa_padding_mode:pkcs1"},
		azkeys.EncryptionAlgorithmRSAOAEP:    {"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1"},
		azkeys.EncryptionAlgorithmRSAOAEP256: {"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"},
	} {
		plain := []byte("to be wrapped with " + algorithm)
		theirs := openssl(t, plain, append([]string{"pkeyutl", "-encrypt", "-pubin", "-inkey", publicFile}, options...)...)
		in := azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: plain}
		out := azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: theirs}
		encrypted, err := r.Encrypt(ctx, "rsa", "", in, nil)
		must(t, err)
		wrapped, err := r.WrapKey(ctx, "rsa", "", in, nil)
		must(t, err)
		decrypted, err := r.Decrypt(ctx, "rsa", "", out, nil)
		must(t, err)
		unwrapped, err := r.UnwrapKey(ctx, "rsa", "", out, nil)
		must(t, err)
		for what, got := range map[string][]byte{
			"encrypt":   openssl(t, encrypted.Result, append([]string{"pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", private}, options...)...),
			"wrapKey":   openssl(t, wrapped.Result, append([]string{"pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", private}, options...)...),
			"decrypt":   decrypted.Result,
			"unwrapKey": unwrapped.Result,
		} {
			if !bytes.Equal(got, plain) {
				t.Errorf("%s with %s: %q", what, algorithm, got)
			}
		}
		theirs[0] ^= 0x80
		_, err = r.Decrypt(ctx, "rsa", "", out, nil)
		same(t, string(algorithm)+" of damaged bytes", err, "400 BadParameter: The parameter is incorrect.")
	}
}

// TestAESAgainstOpenssl holds every mode of an imported AES key against
// openssl, and GCM, which openssl enc does not do, against crypto/cipher.
func TestAESAgainstOpenssl(t *testing.T) {
	r := start(t, ManagedHSM)
	kek := r.kek(t, "KEKforBYOK")
	iv := []byte("sixteen bytes iv")
	whole, odd := bytes.Repeat([]byte("0123456789abcdef"), 3), []byte("neither a block nor a key")
	for _, bits := range []int{128, 192, 256} {
		key := bytes.Repeat([]byte{0x5a, byte(bits)}, bits/16)
		name := fmt.Sprint("aes-", bits)
		_, err := r.imports(name, "oct-HSM", "", wrap(t, kek, key, wrapping{}), nil)
		must(t, err)
		for _, c := range []struct {
			algorithm string
			plain, iv []byte
			theirs    []string
		}{
			{fmt.Sprintf("A%dCBC", bits), whole, iv, []string{fmt.Sprintf("-aes-%d-cbc", bits), "-nopad", "-iv", hex.EncodeToString(iv)}},
			{fmt.Sprintf("A%dCBCPAD", bits), odd, iv, []string{fmt.Sprintf("-aes-%d-cbc", bits), "-iv", hex.EncodeToString(iv)}},
			{fmt.Sprintf("A%dCBCPAD", bits), whole, iv, []string{fmt.Sprintf("-aes-%d-cbc", bits), "-iv", hex.EncodeToString(iv)}},
			{fmt.Sprintf("A%dKW", bits), whole, nil, []string{fmt.Sprintf("-id-aes%d-wrap", bits), "-iv", "A6A6A6A6A6A6A6A6"}},
			{"CKM_AES_KEY_WRAP", whole, nil, []string{fmt.Sprintf("-id-aes%d-wrap", bits), "-iv", "A6A6A6A6A6A6A6A6"}},
			{"CKM_AES_KEY_WRAP_PAD", odd, nil, []string{fmt.Sprintf("-id-aes%d-wrap-pad", bits), "-iv", "A65959A6"}},
		} {
			algorithm := azkeys.EncryptionAlgorithm(c.algorithm)
			sealed, err := r.WrapKey(ctx, name, "", azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: c.plain, IV: c.iv}, nil)
			must(t, err)
			if want := openssl(t, c.plain, append([]string{"enc", "-K", hex.EncodeToString(key)}, c.theirs...)...); !bytes.Equal(sealed.Result, want) {
				t.Errorf("%s: %x, openssl %x", c.algorithm, sealed.Result, want)
			}
			opened, err := r.UnwrapKey(ctx, name, "", azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: sealed.Result, IV: c.iv}, nil)
			if err != nil || !bytes.Equal(opened.Result, c.plain) {
				t.Errorf("%s opens to %x (%v)", c.algorithm, opened.Result, err)
			}
		}
		checkGCM(t, r, name, key)
	}
}

func checkGCM(t *testing.T, r *running, name string, key []byte) {
	t.Helper()
	algorithm := azkeys.EncryptionAlgorithm(fmt.Sprintf("A%dGCM", 8*len(key)))
	in := azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: []byte("sealed"), AdditionalAuthenticatedData: []byte("beside")}
	sealed, err := r.Encrypt(ctx, name, "", in, nil)
	must(t, err)
	b, err := aes.NewCipher(key)
	must(t, err)
	gcm, err := cipher.NewGCM(b)
	must(t, err)
	plain, err := gcm.Open(nil, sealed.IV, append(bytes.Clone(sealed.Result), sealed.AuthenticationTag...), []byte("beside"))
	if err != nil || string(plain) != "sealed" || string(sealed.AdditionalAuthenticatedData) != "beside" {
		t.Errorf("%s: %q (%v)", algorithm, plain, err)
	}
	out := azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: sealed.Result, IV: sealed.IV, AuthenticationTag: sealed.AuthenticationTag, AdditionalAuthenticatedData: []byte("beside")}
	opened, err := r.Decrypt(ctx, name, "", out, nil)
	if err != nil || string(opened.Result) != "sealed" {
		t.Errorf("%s opens to %q (%v)", algorithm, opened.Result, err)
	}
	out.AdditionalAuthenticatedData = []byte("other")
	_, err = r.Decrypt(ctx, name, "", out, nil)
	same(t, string(algorithm)+" beside something else", err, "400 BadParameter: The parameter is incorrect.")
}

func TestOperationRefusals(t *testing.T) {
	r := start(t, ManagedHSM)
	oct := r.key(t, "oct", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeOctHSM)})
	r.key(t, "ec", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)})
	r.key(t, "rsa", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSAHSM)})
	long := make([]byte, 300)
	const incorrect = "400 BadParameter: The parameter is incorrect."
	for _, c := range []struct {
		what, key, algorithm string
		value, iv, tag       []byte
		want, why            string
	}{
		{"iv missing", "oct", "A256CBC", long[:16], nil, nil, incorrect, "AES-CBC takes an iv of 16 bytes and whole blocks"},
		{"part of a block", "oct", "A256CBC", long[:17], long[:16], nil, incorrect, "AES-CBC takes an iv of 16 bytes and whole blocks"},
		{"iv for GCM", "oct", "A256GCM", long[:17], long[:12], nil, incorrect, "AES-GCM takes no iv: the vault chooses it"},
		{"wrap 7 bytes", "oct", "A256KW", long[:7], nil, nil, incorrect, "AES key wrap takes a multiple of 8 bytes, 16 to 65536, not 7"},
		{"key of another size", "oct", "A128CBC", long[:16], long[:16], nil, "400 BadParameter: Key and encryption algorithm are incompatible. Key " + string(*oct.Key.KID) + " is of type 'oct-HSM', and algorithm 'A128CBC' can not be used with it.", ""},
		{"bare mode", "oct", "CBC", long[:16], long[:16], nil, "400 BadParameter: Key and encryption algorithm are incompatible. Key " + string(*oct.Key.KID) + " is of type 'oct-HSM', and algorithm 'CBC' can not be used with it.", ""},
		{"too long for RSA", "rsa", "RSA-OAEP", long, nil, nil, incorrect, "crypto/rsa: message too long for RSA key size"},
		{"EC", "ec", "RSA-OAEP", long[:16], nil, nil, "403 Forbidden/KeyOperationForbidden: Operation encrypt is not permitted on this key.", ""},
	} {
		_, err := r.Encrypt(ctx, c.key, "", azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithm(c.algorithm)), Value: c.value, IV: c.iv}, nil)
		same(t, c.what, err, c.want)
		if !strings.Contains(r.log.last(), c.why) {
			t.Errorf("%s: log %s", c.what, r.log.last())
		}
	}
	unpadded, err := r.Encrypt(ctx, "oct", "", azkeys.KeyOperationParameters{
		Algorithm: to.Ptr(azkeys.EncryptionAlgorithmA256CBC), Value: long[:16], IV: long[:16]}, nil)
	must(t, err)
	for _, c := range []struct {
		what, algorithm string
		value, iv, tag  []byte
		why             string
	}{
		{"CBC without iv", "A256CBC", long[:16], nil, nil, "AES-CBC takes an iv of 16 bytes and whole blocks"},
		{"bad padding", "A256CBCPAD", unpadded.Result, long[:16], nil, "the ciphertext is not for this key and padding"},
		{"GCM without tag", "A256GCM", long[:16], long[:12], nil, "AES-GCM takes an iv of 12 and a tag of 16 bytes"},
		{"GCM with a false tag", "A256GCM", long[:16], long[:12], long[:16], "the ciphertext is not for this key and padding"},
		{"KW of noise", "A256KW", long[:24], nil, nil, "the wrapped bytes fail their integrity check"},
		{"KWP of noise", "CKM_AES_KEY_WRAP_PAD", long[:24], nil, nil, "the wrapped bytes fail their integrity check"},
	} {
		_, err := r.Decrypt(ctx, "oct", "", azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithm(c.algorithm)), Value: c.value, IV: c.iv, AuthenticationTag: c.tag}, nil)
		same(t, c.what, err, incorrect)
		if want := "(" + c.algorithm + ": " + c.why + ")"; !strings.HasSuffix(r.log.last(), want) {
			t.Errorf("%s: log %s", c.what, r.log.last())
		}
	}
}

// TestOutsideItsDates: an expired key still opens and verifies what it closed
// and signed, and a disabled one does nothing.
func TestOutsideItsDates(t *testing.T) {
	r := start(t, Vault)
	r.key(t, "rsa", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSAHSM)})
	sealed, err := r.Encrypt(ctx, "rsa", "", azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithmRSAOAEP), Value: []byte("x")}, nil)
	must(t, err)
	in := azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithmRSAOAEP), Value: sealed.Result}
	sign := azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmRS256), Value: make([]byte, 32)}
	calls := map[string]func() error{
		"encrypt": func() error {
			_, err := r.Encrypt(ctx, "rsa", "", azkeys.KeyOperationParameters{Algorithm: in.Algorithm, Value: []byte("x")}, nil)
			return err
		},
		"wrapKey": func() error {
			_, err := r.WrapKey(ctx, "rsa", "", azkeys.KeyOperationParameters{Algorithm: in.Algorithm, Value: []byte("x")}, nil)
			return err
		},
		"decrypt":   func() error { _, err := r.Decrypt(ctx, "rsa", "", in, nil); return err },
		"unwrapKey": func() error { _, err := r.UnwrapKey(ctx, "rsa", "", in, nil); return err },
		"sign":      func() error { _, err := r.Sign(ctx, "rsa", "", sign, nil); return err },
		"verify": func() error {
			_, err := r.Verify(ctx, "rsa", "", azkeys.VerifyParameters{Algorithm: sign.Algorithm, Digest: sign.Value, Signature: []byte("s")}, nil)
			return err
		},
	}
	closing := []string{"encrypt", "wrapKey", "sign"}
	for _, state := range []struct {
		change  azkeys.KeyAttributes
		refused []string
		want    string
	}{
		{azkeys.KeyAttributes{Expires: to.Ptr(time.Now().Add(-time.Minute))}, closing, "403 Forbidden/KeyExpired: Operation %s is not allowed on an expired key."},
		{azkeys.KeyAttributes{NotBefore: to.Ptr(time.Now().Add(time.Hour)), Expires: to.Ptr(time.Now().Add(2 * time.Hour))}, closing, "403 Forbidden/KeyNotYetValid: Operation %s is not allowed on a key that is not yet valid."},
		{azkeys.KeyAttributes{Enabled: to.Ptr(false)}, []string{"encrypt", "wrapKey", "sign", "decrypt", "unwrapKey", "verify"}, "403 Forbidden/KeyDisabled: Operation %s is not allowed on a disabled key."},
	} {
		_, err := r.UpdateKey(ctx, "rsa", "", azkeys.UpdateKeyParameters{KeyAttributes: &state.change}, nil)
		must(t, err)
		for op, call := range calls {
			want := "no error"
			for _, refused := range state.refused {
				if op == refused {
					want = fmt.Sprintf(state.want, op)
				}
			}
			same(t, op, call(), want)
		}
	}
}
