package vault

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/proof"
	"byok/internal/statement"
	"byok/internal/testkit/auditor"
	"byok/internal/transfer"
)

// operation answers one cryptographic operation the way the service does:
// {"alg","value","iv"} in, {"kid","value"} out, base64url.
func operation(alg string, do func(value, iv []byte) []byte) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		var in struct{ Alg, Value, IV string }
		_ = json.Unmarshal(body, &in)
		if in.Alg != alg {
			refusal(400, "BadParameter", "", "algorithm "+in.Alg)(w, r, body)
			return
		}
		value, _ := base64.RawURLEncoding.DecodeString(in.Value)
		iv, _ := base64.RawURLEncoding.DecodeString(in.IV)
		_ = json.NewEncoder(w).Encode(map[string]string{"kid": "x", "value": base64.RawURLEncoding.EncodeToString(do(value, iv))})
	}
}

// signer signs a digest as the service does: PKCS#1 v1.5, or R||S.
func signer(name string) func(digest, _ []byte) []byte {
	return func(digest, _ []byte) []byte {
		switch key := keys()[name].(type) {
		case *rsa.PrivateKey:
			sig, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest)
			return sig
		case *ecdsa.PrivateKey:
			r, s, _ := ecdsa.Sign(rand.Reader, key, digest)
			size := (key.Curve.Params().BitSize + 7) / 8
			return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
		}
		return nil
	}
}

func decrypter(name string) func(value, _ []byte) []byte {
	return func(value, _ []byte) []byte {
		plain, _ := rsa.DecryptOAEP(sha256.New(), nil, keys()[name].(*rsa.PrivateKey), value, nil)
		return plain
	}
}

// key is the stored version as the client reads it.
func (s *script) key(k fakeKey) Key {
	s.t.Helper()
	client, _ := s.client()
	s.steps = append([]step{{"GET /keys/contoso/" + k.version, k.bundle}}, s.steps...)
	out, err := client.Key(context.Background(), k.name, k.version)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

var algorithms = map[string]string{"RSA": "RS256", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K"}

const signWith1 = "POST /keys/contoso/" + version1 + "/sign"

// TestProveBySigning has openssl judge every proof from its file alone.
func TestProveBySigning(t *testing.T) {
	for name, alg := range algorithms {
		t.Run(name, func(t *testing.T) {
			p := kinds()[name]
			s := newScript(t, step{signWith1, operation(alg, signer(name))})
			client, _ := s.client()
			got, err := client.Prove(context.Background(), s.key(p.stored(version1)), p.Expected)
			if err != nil {
				t.Fatal(err)
			}
			if got.Method != proof.MethodSign || got.Algorithm != alg || got.Mark != kek.Rehearsal ||
				!got.Time.Equal(noon) || got.KID.Version != version1 {
				t.Errorf("%+v", got)
			}
			data, err := got.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			auditor.Check(t, data, got.Digest())
		})
	}
}

// TestWhatTheVaultSigns: the digest that leaves for the vault is that of the
// one text that a customer's key signs, and no other.
func TestWhatTheVaultSigns(t *testing.T) {
	nonce := bytes.Repeat([]byte{0xab}, proof.NonceSize)
	p := kinds()["P-384"]
	p.Expected.Authorization = fingerprint.Of([]byte("authorization"))
	var asked []byte
	s := newScript(t, step{signWith1, operation("ES384", func(digest, iv []byte) []byte {
		asked = digest
		return signer("P-384")(digest, iv)
	})})
	client, _ := s.client()
	got, err := client.ProveTo(context.Background(), s.key(p.stored(version1)), p.Expected, nonce)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("byok proof of possession v1\nchallenge\n%x\n", sha256.Sum256([]byte(got.Challenge)))
	if want := sha512.Sum384([]byte(text)); !bytes.Equal(asked, want[:]) {
		t.Errorf("the vault signed %x, want %x", asked, want)
	}
	want := `{
  "type": "byok-challenge",
  "version": 1,
  "nonce": "` + hex.EncodeToString(nonce) + `",
  "time": "2026-01-02T12:00:00Z",
  "kid": "https://HOST/keys/contoso/` + version1 + `",
  "authorization_sha256": "` + p.Expected.Authorization.String() + `"
}
`
	if got.Challenge != replaceHost(want, s.host()) {
		t.Errorf("%s\nwant\n%s", got.Challenge, want)
	}
	_, err = client.ProveTo(context.Background(), s.key(p.stored(version1)), p.Expected, nonce[1:])
	check(t, err, exitcode.Usage, "", "a nonce of 31 bytes: 32 are required", "")
}

func TestProveByDecrypting(t *testing.T) {
	for op, method := range map[string]string{"decrypt": proof.MethodDecrypt, "unwrapKey": proof.MethodUnwrap} {
		p := kinds()["RSA"]
		p.Ops = []string{"encrypt", op}
		path := map[string]string{"decrypt": "decrypt", "unwrapKey": "unwrapkey"}[op]
		s := newScript(t, step{"POST /keys/contoso/" + version1 + "/" + path, operation("RSA-OAEP-256", decrypter("RSA"))})
		client, _ := s.client()
		got, err := client.Prove(context.Background(), s.key(p.stored(version1)), p.Expected)
		if err != nil || got.Method != method || got.Algorithm != "RSA-OAEP-256" || len(got.Ciphertext) != 256 {
			t.Errorf("%s: %+v, %v", op, got, err)
		}
	}
}

func TestProveByCheckValue(t *testing.T) {
	for bits, alg := range map[int]string{128: "A128CBC", 192: "A192CBC", 256: "A256CBC"} {
		block, _ := aes.NewCipher(make([]byte, bits/8))
		p := kinds()["AES"]
		p.Expected.Bits, p.Expected.CheckValue = bits, make([]byte, 16)
		block.Encrypt(p.Expected.CheckValue, make([]byte, 16))
		s := newScript(t, step{"POST /keys/contoso/" + version1 + "/encrypt", operation(alg, func(value, iv []byte) []byte {
			for i := range value {
				value[i] ^= iv[i]
			}
			block.Encrypt(value, value)
			return value
		})})
		client, _ := s.client()
		got, err := client.Prove(context.Background(), s.key(p.stored(version1)), p.Expected)
		if err != nil || got.Method != proof.MethodCheckValue || got.Algorithm != alg || got.CheckValue != hex.EncodeToString(p.Expected.CheckValue) {
			t.Errorf("%d: %+v, %v", bits, got, err)
		}
	}
}

func TestProveRefused(t *testing.T) {
	const at = "key https://HOST/keys/contoso/" + version1
	const stranger = "do not use this key; find out who or what answers for https://HOST"
	const enable = "az keyvault key set-attributes --id https://HOST/keys/contoso/" + version1 + " --enabled true, or its --not-before and --expires"
	const change = "RSA needs sign, decrypt or unwrapKey, EC sign, AES encrypt; they can be changed in the vault"
	encrypt := "POST /keys/contoso/" + version1 + "/encrypt"
	nothing := func(value, _ []byte) []byte { return nil }
	for name, c := range map[string]struct {
		kind       string
		ops        []string
		change     func(*fakeKey, *Expected)
		steps      []step
		code       exitcode.Code
		want, hint string
	}{
		"signed by another RSA key": {"RSA", []string{"sign"}, nil, []step{{signWith1, operation("RS256", signer("other RSA"))}}, exitcode.Check, at + " signed our challenge with a key other than the package's", stranger},
		"signed by another EC key":  {"P-256", []string{"sign"}, nil, []step{{signWith1, operation("ES256", signer("other P-256"))}}, exitcode.Check, at + " signed our challenge with a key other than the package's", stranger},
		"an odd signature":          {"P-256", []string{"sign"}, nil, []step{{signWith1, operation("ES256", func(_, _ []byte) []byte { return []byte{1, 2, 3} })}}, exitcode.Check, at + " signed our challenge with a key other than the package's", stranger},
		"no signature":              {"P-521", []string{"sign"}, nil, []step{{signWith1, operation("ES512", nothing)}}, exitcode.Check, at + " signed our challenge with a key other than the package's", stranger},
		"cannot decrypt":            {"RSA", []string{"decrypt"}, nil, []step{{"POST /keys/contoso/" + version1 + "/decrypt", operation("RSA-OAEP-256", nothing)}}, exitcode.Check, at + " could not decrypt our challenge", stranger},
		"another check value":       {"AES", []string{"encrypt"}, nil, []step{{encrypt, operation("A256CBC", func(value, _ []byte) []byte { value[0] ^= 1; return value })}}, exitcode.Check, at + " has a different check value than the package's", stranger},
		"another public key":        {"P-256", []string{"sign"}, func(k *fakeKey, _ *Expected) { k.public = public("other P-256") }, nil, exitcode.Check, at + " has a different public key in the vault than in the package", stranger},
		"another curve":             {"P-256", []string{"sign"}, func(k *fakeKey, _ *Expected) { k.public = public("P-384") }, nil, exitcode.Check, at + " is on curve P-384 in the vault, not P-256", ""},
		"disabled":                  {"P-256", []string{"sign"}, func(k *fakeKey, _ *Expected) { k.attributes = map[string]any{"enabled": false} }, nil, exitcode.Vault, at + " cannot prove itself: it is disabled", enable},
		"expired":                   {"P-256", []string{"sign"}, func(k *fakeKey, _ *Expected) { k.attributes = map[string]any{"exp": noon.Unix()} }, nil, exitcode.Vault, at + " cannot prove itself: it expired on 2026-01-02T12:00:00Z", enable},
		"not yet valid":             {"P-256", []string{"sign"}, func(k *fakeKey, _ *Expected) { k.attributes = map[string]any{"nbf": noon.Add(time.Hour).Unix()} }, nil, exitcode.Vault, at + " cannot prove itself: it is not valid before 2026-01-02T13:00:00Z", enable},
		"EC that only verifies":     {"P-256", []string{"verify"}, nil, nil, exitcode.Vault, at + " cannot prove itself: its operations are verify", change},
		"AES that only wraps":       {"AES", []string{"wrapKey", "unwrapKey"}, nil, nil, exitcode.Vault, at + " cannot prove itself: its operations are wrapKey, unwrapKey", change},
		"nothing known":             {"AES", []string{"encrypt"}, func(_ *fakeKey, e *Expected) { e.CheckValue = nil }, nil, exitcode.Usage, at + ": there is no public key or check value to verify it against", "--manifest FILE, or --public-key PEM"},
		"AES of no size":            {"AES", []string{"encrypt"}, func(_ *fakeKey, e *Expected) { e.Bits = 100 }, nil, exitcode.Usage, at + ": an AES key of 100 bits", ""},
		"refused":                   {"P-256", []string{"sign"}, nil, []step{{signWith1, refusal(403, "Forbidden", "ForbiddenByRbac", "")}}, exitcode.Vault, "have key contoso sign: the account has no role in the vault that allows this (Forbidden/ForbiddenByRbac, request req-1)", hintRole},
		"disabled meanwhile":        {"P-256", []string{"sign"}, nil, []step{{signWith1, refusal(403, "Forbidden", "", "Operation sign is not allowed on a disabled key.")}}, exitcode.Vault, "have key contoso sign: the key is disabled: Operation sign is not allowed on a disabled key (Forbidden, request req-1)", "enable it in the vault"},
		"expired meanwhile":         {"P-256", []string{"sign"}, nil, []step{{signWith1, refusal(403, "Forbidden", "", "Operation sign is not allowed on an expired key.")}}, exitcode.Vault, "have key contoso sign: the key has expired: Operation sign is not allowed on an expired key (Forbidden, request req-1)", "change its dates in the vault; replace an expired KEK with a new one"},
	} {
		t.Run(name, func(t *testing.T) {
			p := kinds()[c.kind]
			p.Ops = c.ops
			k := p.stored(version1)
			if c.change != nil {
				c.change(&k, &p.Expected)
			}
			s := newScript(t, c.steps...)
			client, _ := s.client()
			_, err := client.Prove(context.Background(), s.key(k), p.Expected)
			check(t, err, c.code, s.host(), c.want, c.hint)
		})
	}
}

func TestChallengesAreFresh(t *testing.T) {
	p := kinds()["P-256"]
	sign := step{signWith1, operation("ES256", signer("P-256"))}
	s := newScript(t, sign, sign)
	client, _ := s.client()
	k := s.key(p.stored(version1))
	first, err1 := client.Prove(context.Background(), k, p.Expected)
	second, err2 := client.Prove(context.Background(), k, p.Expected)
	if err1 != nil || err2 != nil || string(first.Challenge) == string(second.Challenge) {
		t.Errorf("%x, %x (%v, %v)", first.Challenge, second.Challenge, err1, err2)
	}
}

func TestExpectedOf(t *testing.T) {
	sum := fingerprint.Of([]byte("authorization"))
	identity, err := statement.IdentityOf(public("P-256K"), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	facts := transfer.Facts{Sum: sum}
	facts.Pair.Identity = identity
	e, err := ExpectedOf(facts)
	if err != nil || e.Kty != "EC-HSM" || e.Crv != "P-256K" || e.Bits != 256 || e.Authorization != sum ||
		!keykind.SamePublicKey(e.PublicKey, public("P-256K")) {
		t.Errorf("%+v, %v", e, err)
	}
	facts.Pair.Identity = statement.Identity{KeyType: keykind.AES, Bits: 256, CheckValue: "00112233445566778899aabbccddeeff"}
	e, err = ExpectedOf(facts)
	if err != nil || e.Kty != "oct-HSM" || hex.EncodeToString(e.CheckValue) != facts.Pair.CheckValue || e.PublicKey != nil {
		t.Errorf("%+v, %v", e, err)
	}
	facts.Pair.CheckValue = "x"
	if _, err := ExpectedOf(facts); exitcode.Of(err) != exitcode.Check {
		t.Error(err)
	}
	facts.Pair.Bits = 100
	if _, err := ExpectedOf(facts); exitcode.Of(err) != exitcode.Check {
		t.Error(err)
	}
}
