package yubihsm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"

	"byok/internal/keywrap"
	"byok/internal/testkit/yubihsm/wire"
)

// wrapper is an RSA key whose private half is in this test alone, on the device
// as the public wrap key 9.
func wrapper(t *testing.T, admin *Session) *rsa.PrivateKey {
	t.Helper()
	key, n := modulus(t)
	made(t, admin, wire.PutPublicWrapKey, Key{ID: 9, Algorithm: RSA2048, Capabilities: wire.CanExportWrapped, Delegated: wire.All}, n)
	return key
}

// opened opens what CKM_RSA_AES_KEY_WRAP gives.
func opened(t *testing.T, key *rsa.PrivateKey, blob []byte) (aes, plain []byte) {
	t.Helper()
	aes, err := rsa.DecryptOAEP(sha1.New(), nil, key, blob[:key.Size()], nil)
	if err != nil || len(aes) != 32 {
		t.Fatal(len(aes), err)
	}
	plain, err = keywrap.Unwrap(aes, blob[key.Size():])
	if err != nil {
		t.Fatal(err)
	}
	return aes, plain
}

// TestRSAWrappedKeys exports keys, opens the blobs in software, and has the
// device import each again under an RSA wrap key of its own.
func TestRSAWrappedKeys(t *testing.T) {
	for _, test := range []struct {
		name      string
		kind      Type
		code      wire.Code
		algorithm Algorithm
	}{
		{"RSA-2048", AsymmetricKey, wire.GenerateAsymmetricKey, RSA2048},
		{"P-256", AsymmetricKey, wire.GenerateAsymmetricKey, P256},
		{"P-521", AsymmetricKey, wire.GenerateAsymmetricKey, P521},
		{"AES-256", SymmetricKey, wire.GenerateSymmetricKey, AES256},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, admin := factory(t)
			km := wrapper(t, admin)
			key := Key{ID: 7, Algorithm: test.algorithm, Capabilities: wire.ExportableUnderWrap, Label: test.name}
			made(t, admin, test.code, key, nil)
			aes, plain := opened(t, km, do(t, admin, wire.GetRSAWrappedKey, wrapRequest(9, test.kind, 7)))
			made(t, admin, wire.GenerateWrapKey,
				Key{ID: 10, Algorithm: RSA2048, Capabilities: wire.CanImportWrapped, Delegated: wire.All}, nil)
			blob := sealedFor(t, do(t, admin, wire.GetPublicKey, u16(10), []byte{byte(WrapKey)}), aes, plain)
			key.ID = 8
			answer := do(t, admin, wire.PutRSAWrappedKey, u16(10), []byte{byte(test.kind)}, key.header(), []byte{25, 32}, blob, emptySHA1)
			if string(answer) != string([]byte{byte(test.kind), 0, 8}) {
				t.Errorf("answer %x", answer)
			}
			_, again := opened(t, km, do(t, admin, wire.GetRSAWrappedKey, wrapRequest(9, test.kind, 8)))
			if string(again) != string(plain) {
				t.Error("another key came back")
			}
			matches(t, admin, test.kind, plain)
		})
	}
}

// matches compares a private key with the public half that the device tells.
func matches(t *testing.T, s *Session, kind Type, plain []byte) {
	t.Helper()
	if kind == SymmetricKey {
		return
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		t.Fatal(err)
	}
	told := do(t, s, wire.GetPublicKey, u16(8))[1:]
	switch public := key.(crypto.Signer).Public().(type) {
	case *rsa.PublicKey:
		if string(told) != string(public.N.Bytes()) {
			t.Error("another modulus")
		}
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil || string(told) != string(point[1:]) {
			t.Error("another point", err)
		}
	}
}

// sealedFor wraps for the RSA wrap key whose public half the device told.
func sealedFor(t *testing.T, told, aes, plain []byte) []byte {
	t.Helper()
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(told[1:]), E: exponent}
	first, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, aes, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := keywrap.Wrap(aes, plain)
	if err != nil {
		t.Fatal(err)
	}
	return join(first, second)
}

// TestWholeObjects exports objects, deletes them and imports them again, under
// AES-CCM and under RSA.
func TestWholeObjects(t *testing.T) {
	for _, test := range []struct {
		name string
		kind Type
		code wire.Code
		key  Key
		data []byte
	}{
		{"RSA-2048", AsymmetricKey, wire.GenerateAsymmetricKey, Key{Algorithm: RSA2048}, nil},
		{"P-384", AsymmetricKey, wire.GenerateAsymmetricKey, Key{Algorithm: P384}, nil},
		{"AES-128", SymmetricKey, wire.PutSymmetricKey, Key{Algorithm: AES128}, []byte("sixteen bytes ok")},
		{"opaque", Opaque, wire.PutOpaque, Key{Algorithm: OpaqueData}, []byte("data")},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, admin := factory(t)
			wraps := wire.CanImportWrapped | wire.CanExportWrapped
			made(t, admin, wire.GenerateWrapKey, Key{ID: 11, Algorithm: AES192CCMWrap, Capabilities: wraps, Delegated: wire.All}, nil)
			made(t, admin, wire.GenerateWrapKey, Key{ID: 10, Algorithm: RSA2048, Capabilities: wraps, Delegated: wire.All}, nil)
			n := do(t, admin, wire.GetPublicKey, u16(10), []byte{byte(WrapKey)})[1:]
			made(t, admin, wire.PutPublicWrapKey, Key{ID: 10, Algorithm: RSA2048, Capabilities: wraps, Delegated: wire.All}, n)
			test.key.ID, test.key.Capabilities, test.key.Label = 7, wire.ExportableUnderWrap, "a label"
			made(t, admin, test.code, test.key, test.data)
			name := join(u16(7), []byte{byte(test.kind)})
			before := do(t, admin, wire.GetObjectInfo, name)

			ccm := do(t, admin, wire.ExportWrapped, u16(11), []byte{byte(test.kind)}, u16(7), []byte{0})
			rsaBlob := do(t, admin, wire.ExportRSAWrapped, wrapRequest(10, test.kind, 7))
			for code, request := range map[wire.Code][]byte{
				wire.ImportWrapped:    join(u16(11), ccm),
				wire.ImportRSAWrapped: join(u16(10), []byte{25, 32}, rsaBlob, emptySHA1),
			} {
				do(t, admin, wire.DeleteObject, name)
				do(t, admin, code, request)
				after := do(t, admin, wire.GetObjectInfo, name)
				if after[17] != before[17]|wrapped {
					t.Errorf("origin 0x%x", after[17])
				}
				after[16], after[17] = before[16], before[17] // sequence and origin
				if string(after) != string(before) {
					t.Errorf("got %x, want %x", after, before)
				}
			}
			ccm[20]++
			_, err := admin.Do(wire.ImportWrapped, join(u16(11), ccm))
			expect(t, "an altered blob", err, wire.InvalidData)
			_, err = admin.Do(wire.ImportWrapped, join(u16(11), ccm[:20]))
			expect(t, "a short blob", err, wire.WrongLength)
		})
	}
}

// TestShellWrap imports a key that Yubico's yubihsm-wrap has wrapped.
func TestShellWrap(t *testing.T) {
	text, err := os.ReadFile("testdata/yubihsm-wrap-2.8.0-p256.txt")
	if err != nil {
		t.Fatal(err)
	}
	line, rest, _ := strings.Cut(string(text), "\n")
	blob, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(rest))
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	_, admin := factory(t)
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	may := wire.CanImportWrapped
	made(t, admin, wire.PutWrapKey, Key{ID: 11, Algorithm: AES256CCMWrap, Capabilities: may, Delegated: wire.All}, key)
	if got := do(t, admin, wire.ImportWrapped, u16(11), blob); string(got) != "\x03\x12\x34" {
		t.Errorf("answer %x", got)
	}
	point, err := public.(*ecdsa.PublicKey).Bytes()
	if told := do(t, admin, wire.GetPublicKey, u16(0x1234)); err != nil || string(told[1:]) != string(point[1:]) {
		t.Errorf("public half %x, %v", told, err)
	}
	info := do(t, admin, wire.GetObjectInfo, u16(0x1234), []byte{byte(AsymmetricKey)})
	if label := strings.TrimRight(string(info[18:58]), "\x00"); label != "made elsewhere" {
		t.Errorf("label %q", label)
	}
}

// TestWrapRefused has requests that name a wrong object or hold wrong data.
func TestWrapRefused(t *testing.T) {
	_, admin := factory(t)
	wrapper(t, admin)
	wraps := wire.CanImportWrapped | wire.CanExportWrapped
	made(t, admin, wire.GenerateWrapKey, Key{ID: 10, Algorithm: RSA2048, Capabilities: wraps, Delegated: wire.ExportableUnderWrap}, nil)
	made(t, admin, wire.GenerateWrapKey, Key{ID: 11, Algorithm: AES256CCMWrap, Capabilities: wraps, Delegated: wire.All}, nil)
	made(t, admin, wire.PutOpaque, Key{ID: 7, Algorithm: OpaqueData, Capabilities: wire.ExportableUnderWrap}, []byte("x"))
	made(t, admin, wire.GenerateSymmetricKey, Key{ID: 7, Algorithm: AES128, Capabilities: wire.ExportableUnderWrap}, nil)
	spoiled := func(at int, to byte) []byte {
		r := wrapRequest(9, SymmetricKey, 7)
		r[at] = to
		return r
	}
	header := Key{ID: 20, Algorithm: AES128, Capabilities: wire.CanEncryptECB}.header()
	for _, test := range []struct {
		name string
		code wire.Code
		data []byte
		want wire.Status
	}{
		{"a bare opaque object", wire.GetRSAWrappedKey, wrapRequest(9, Opaque, 7), wire.InvalidData},
		{"no such wrap key", wire.GetRSAWrappedKey, spoiled(1, 8), wire.ObjectNotFound},
		{"no such key", wire.GetRSAWrappedKey, spoiled(4, 8), wire.ObjectNotFound},
		{"an algorithm that is no AES key's", wire.GetRSAWrappedKey, spoiled(5, 9), wire.InvalidData},
		{"no hash", wire.GetRSAWrappedKey, spoiled(6, 1), wire.InvalidData},
		{"no mask", wire.GetRSAWrappedKey, spoiled(7, 1), wire.InvalidData},
		{"a label", wire.GetRSAWrappedKey, spoiled(8, 1), wire.InvalidData},
		{"RSA key for AES-CCM", wire.ExportWrapped, join(u16(10), []byte{8}, u16(7)), wire.InvalidData},
		{"RSA key for AES-CCM, importing", wire.ImportWrapped, join(u16(10), make([]byte, 40)), wire.InvalidData},
		{"AES key for RSA, importing", wire.ImportRSAWrapped, join(u16(11), make([]byte, 40)), wire.InvalidData},
		{"too short", wire.ImportRSAWrapped, join(u16(10), []byte{25, 32}, emptySHA1), wire.WrongLength},
		{"no hash, importing", wire.ImportRSAWrapped, join(u16(10), []byte{0, 0}), wire.InvalidData},
		{"no OAEP", wire.ImportRSAWrapped, join(u16(10), []byte{25, 32}, make([]byte, 300), emptySHA1), wire.InvalidData},
		{
			"no OAEP, bare", wire.PutRSAWrappedKey,
			join(u16(10), []byte{8}, header, []byte{25, 32}, make([]byte, 300), emptySHA1), wire.InvalidData,
		},
	} {
		_, err := admin.Do(test.code, test.data)
		expect(t, test.name, err, test.want)
	}
	blob := sealedFor(t, do(t, admin, wire.GetPublicKey, u16(10), []byte{byte(WrapKey)}), make([]byte, 32), make([]byte, 16))
	_, err := admin.Do(wire.PutRSAWrappedKey, join(u16(10), []byte{8}, header, []byte{25, 32}, blob, emptySHA1))
	expect(t, "a capability that the wrap key does not delegate", err, wire.InsufficientPermissions)
}
