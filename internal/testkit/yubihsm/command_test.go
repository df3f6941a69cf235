package yubihsm

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	"byok/internal/testkit/yubihsm/wire"
)

func TestDevice(t *testing.T) {
	d, admin := factory(t)
	info := do(t, admin, wire.GetDeviceInfo)
	if want := []byte{2, 4, 1, 0, 0x73, 0x34, 0xbc, logSize, 0}; !bytes.HasPrefix(info, want) {
		t.Errorf("information %x", info)
	}
	if got := string(do(t, admin, wire.GetDeviceInfo, []byte{1})); got != "78CLUFX5000PR" {
		t.Error(got)
	}
	if got := d.Exchange([]byte{0x06, 0, 0}); got[0] != 0x86 || !bytes.HasPrefix(got[3:], []byte{2, 4, 1}) {
		t.Errorf("outside a session: %x", got)
	}
	if got := d.Exchange([]byte{0x48, 0, 0}); !bytes.Equal(got, []byte{0x7f, 0, 1, 1}) {
		t.Errorf("a command outside a session: %x", got)
	}
	if got := d.Exchange([]byte{0x48}); !bytes.Equal(got, []byte{0x7f, 0, 1, 8}) {
		t.Errorf("no message: %x", got)
	}
	if got := do(t, admin, wire.GetStorageInfo); !bytes.Equal(got, []byte{1, 0, 0, 255, 4, 0, 3, 255, 0, 126}) {
		t.Errorf("storage %x", got)
	}
	if a, b := do(t, admin, wire.GetPseudoRandom, u16(32)), do(t, admin, wire.GetPseudoRandom, u16(32)); len(a) != 32 || bytes.Equal(a, b) {
		t.Errorf("random %x, %x", a, b)
	}
	_, err := admin.Do(wire.GetPseudoRandom, u16(3000))
	expect(t, "too much", err, wire.WrongLength)
	do(t, admin, wire.BlinkDevice, []byte{5})
	_, err = admin.Do(wire.Code(0x52), nil)
	expect(t, "a command that is not simulated", err, wire.InvalidCommand)
	made(t, admin, wire.PutOpaque, Key{ID: 3, Algorithm: OpaqueData}, []byte("x"))
	do(t, admin, wire.ResetDevice)
	if list := do(t, login(t, d, 1, FactoryPassword), wire.ListObjects); !bytes.Equal(list, []byte{0, 1, 2, 0}) {
		t.Errorf("after a reset: %x", list)
	}
}

func TestOpaque(t *testing.T) {
	_, admin := factory(t)
	made(t, admin, wire.PutOpaque, Key{ID: 3, Algorithm: OpaqueCertificate}, []byte("certificate"))
	if got := do(t, admin, wire.GetOpaque, u16(3)); string(got) != "certificate" {
		t.Errorf("%q", got)
	}
	_, err := admin.Do(wire.GetOpaque, u16(4))
	expect(t, "no such object", err, wire.ObjectNotFound)
	_, err = admin.Make(wire.PutOpaque, Key{Algorithm: P256}, []byte("x"))
	expect(t, "a key as data", err, wire.InvalidData)
	_, err = admin.Make(wire.PutOpaque, Key{Algorithm: OpaqueData}, nil)
	expect(t, "no data", err, wire.WrongLength)
}

func TestList(t *testing.T) {
	_, admin := factory(t)
	made(t, admin, wire.GenerateAsymmetricKey, Key{ID: 5, Label: "five", Domains: 1, Algorithm: P256, Capabilities: wire.CanSignECDSA}, nil)
	made(t, admin, wire.GenerateAsymmetricKey, Key{ID: 6, Label: "six", Domains: 2, Algorithm: P384, Capabilities: wire.CanDeriveECDH}, nil)
	do(t, admin, wire.DeleteObject, u16(6), []byte{byte(AsymmetricKey)})
	made(t, admin, wire.GenerateAsymmetricKey, Key{ID: 6, Label: "six", Domains: 2, Algorithm: P384, Capabilities: wire.CanDeriveECDH}, nil)
	five, six := []byte{0, 5, 3, 0}, []byte{0, 6, 3, 1} // the second of its name
	label := append([]byte{byLabel}, append([]byte("six"), make([]byte, 37)...)...)
	for _, test := range []struct {
		name         string
		filter, want []byte
	}{
		{"ID", []byte{byID, 0, 6}, six},
		{"type", []byte{byType, 3}, join(five, six)},
		{"domains", []byte{byType, 3, byDomains, 0, 1}, five},
		{"capability", append([]byte{byType, 3, byCapabilities}, []byte{0, 0, 0, 0, 0, 0, 0, 0x80}...), five},
		{"algorithm", []byte{byAlgorithm, byte(P384)}, six},
		{"label", label, six},
		{"nothing", []byte{byID, 0, 9}, nil},
	} {
		if got := do(t, admin, wire.ListObjects, test.filter); !bytes.Equal(got, test.want) {
			t.Errorf("by %s: got %x, want %x", test.name, got, test.want)
		}
	}
	_, err := admin.Do(wire.ListObjects, []byte{99})
	expect(t, "no such filter", err, wire.InvalidData)
}

// TestSizes has the lengths that the user guide's examples show.
func TestSizes(t *testing.T) {
	_, admin := factory(t)
	_, n := modulus(t)
	for _, test := range []struct {
		name string
		kind Type
		code wire.Code
		a    Algorithm
		data []byte
		want uint16
	}{
		{"RSA-2048", AsymmetricKey, wire.GenerateAsymmetricKey, RSA2048, nil, 896},
		{"P-256", AsymmetricKey, wire.GenerateAsymmetricKey, P256, nil, 96},
		{"AES-256 wrap key", WrapKey, wire.GenerateWrapKey, AES256CCMWrap, nil, 40},
		{"authentication key", AuthenticationKey, wire.PutAuthenticationKey, AES128Login, make([]byte, 32), 40},
		{"AES-256", SymmetricKey, wire.GenerateSymmetricKey, AES256, nil, 32},
		{"public wrap key", PublicWrapKey, wire.PutPublicWrapKey, RSA2048, n, 264},
	} {
		id := made(t, admin, test.code, Key{Algorithm: test.a}, test.data)
		info := do(t, admin, wire.GetObjectInfo, u16(id), []byte{byte(test.kind)})
		if got := binary.BigEndian.Uint16(info[10:]); got != test.want {
			t.Errorf("%s: %d bytes, want %d", test.name, got, test.want)
		}
	}
}

func TestAuthenticationKeys(t *testing.T) {
	d, admin := factory(t)
	s := as(t, d, admin, Key{ID: 2, Capabilities: wire.CanChangeAuthenticationKey})
	secret := make([]byte, 32)
	change := func(id uint16) error {
		_, err := s.Do(wire.ChangeAuthentication, join(u16(id), []byte{byte(AES128Login)}, secret))
		return err
	}
	expect(t, "another's password", change(1), wire.InsufficientPermissions)
	if err := change(2); err != nil {
		t.Fatal(err)
	}
	_, err := Open(d.Exchange, 2, "a password")
	expect(t, "the old password", err, wire.AuthenticationFailed)
	_, err = s.Do(wire.ChangeAuthentication, join(u16(2), []byte{49}, secret))
	expect(t, "an asymmetric key", err, wire.InvalidData)
	_, err = admin.Make(wire.PutAuthenticationKey, Key{Algorithm: AES128Login}, secret[1:])
	expect(t, "a short key", err, wire.WrongLength)
	do(t, admin, wire.DeleteObject, u16(2), []byte{byte(AuthenticationKey)})
	expect(t, "its own key, which is gone", change(2), wire.ObjectNotFound)
}

// TestLog follows the chain of digests.
func TestLog(t *testing.T) {
	_, admin := factory(t)
	for range 70 {
		do(t, admin, wire.Echo, []byte("x"))
	}
	log := do(t, admin, wire.GetLogEntries)
	if log[4] != logSize || len(log) != 5+32*logSize {
		t.Fatalf("%d entries in %d bytes", log[4], len(log))
	}
	var last []byte
	for e := range slices.Chunk(log[5:], 32) {
		if sum := sha256.Sum256(join(e[:16], last)); last != nil && !bytes.Equal(sum[:16], e[16:]) {
			t.Fatalf("the digest of entry %d", binary.BigEndian.Uint16(e))
		}
		last = e[16:]
	}
	do(t, admin, wire.SetLogIndex, log[5+32*60:][:2])
	if left := do(t, admin, wire.GetLogEntries); left[4] != 3 { // the last one, and two commands since
		t.Errorf("%d entries left", left[4])
	}
}

func TestRSAUses(t *testing.T) {
	_, admin := factory(t)
	may := wire.CanSignPKCS | wire.CanSignPSS | wire.CanDecryptPKCS | wire.CanDecryptOAEP
	made(t, admin, wire.GenerateAsymmetricKey, Key{ID: 7, Algorithm: RSA2048, Capabilities: may}, nil)
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(do(t, admin, wire.GetPublicKey, u16(7))[1:]), E: exponent}
	digest := sha256.Sum256([]byte("data"))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], do(t, admin, wire.SignPKCS1, u16(7), digest[:])); err != nil {
		t.Error(err)
	}
	if err := rsa.VerifyPKCS1v15(public, 0, []byte("DigestInfo"), do(t, admin, wire.SignPKCS1, u16(7), []byte("DigestInfo"))); err != nil {
		t.Error(err)
	}
	signature := do(t, admin, wire.SignPSS, u16(7), []byte{33}, u16(20), digest[:])
	if err := rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: 20}); err != nil {
		t.Error(err)
	}
	_, err := admin.Do(wire.SignPSS, join(u16(7), []byte{32}, u16(20), digest[:]))
	expect(t, "another mask", err, wire.InvalidData)
	oaep, err := rsa.EncryptOAEP(crypto.SHA1.New(), rand.Reader, public, []byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := do(t, admin, wire.DecryptOAEP, u16(7), []byte{32}, oaep, emptySHA1); string(got) != "secret" {
		t.Errorf("OAEP: %q", got)
	}
	_, err = admin.Do(wire.DecryptOAEP, join(u16(7), []byte{32}, oaep, make([]byte, 20)))
	expect(t, "a label", err, wire.InvalidData)
	_, err = admin.Do(wire.DecryptOAEP, join(u16(7), []byte{32}, oaep[:40]))
	expect(t, "short", err, wire.WrongLength)
	block := new(big.Int).SetBytes(slices.Concat([]byte{0, 2}, bytes.Repeat([]byte{1}, 247), []byte{0}, []byte("secret")))
	pkcs1 := block.Exp(block, big.NewInt(exponent), public.N).FillBytes(make([]byte, 256))
	if got := do(t, admin, wire.DecryptPKCS1, u16(7), pkcs1); string(got) != "secret" {
		t.Errorf("PKCS #1: %q", got)
	}
	_, err = admin.Do(wire.SignECDSA, join(u16(7), digest[:]))
	expect(t, "ECDSA with an RSA key that may not", err, wire.InsufficientPermissions)
}

func TestECUses(t *testing.T) {
	_, admin := factory(t)
	scalar := make([]byte, 32)
	scalar[31] = 5
	all := wire.CanSignECDSA | wire.CanDeriveECDH | wire.CanSignPKCS
	made(t, admin, wire.PutAsymmetricKey, Key{ID: 7, Algorithm: P256, Capabilities: all}, scalar)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("data"))
	if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], do(t, admin, wire.SignECDSA, u16(7), digest[:])) {
		t.Error("the signature does not verify")
	}
	other, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := key.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	want, err := other.ECDH(mine.PublicKey())
	if got := do(t, admin, wire.DeriveECDH, u16(7), other.PublicKey().Bytes()); err != nil || !bytes.Equal(got, want) {
		t.Error("another product", err)
	}
	_, err = admin.Do(wire.DeriveECDH, join(u16(7), make([]byte, 65)))
	expect(t, "no point", err, wire.InvalidData)
	_, err = admin.Do(wire.SignPKCS1, join(u16(7), digest[:]))
	expect(t, "PKCS #1 with an EC key", err, wire.InvalidData)
}

func TestAESUses(t *testing.T) {
	_, admin := factory(t)
	may := wire.CanEncryptECB | wire.CanDecryptECB | wire.CanEncryptCBC | wire.CanDecryptCBC
	key := []byte("\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c") // NIST SP 800-38A, F.1.1 and F.2.1
	plain := []byte("\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a")
	iv := []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f")
	made(t, admin, wire.PutSymmetricKey, Key{ID: 7, Algorithm: AES128, Capabilities: may}, key)
	e := do(t, admin, wire.EncryptECB, u16(7), plain)
	if want := "\x3a\xd7\x7b\xb4\x0d\x7a\x36\x60\xa8\x9e\xca\xf3\x24\x66\xef\x97"; string(e) != want {
		t.Errorf("ECB: %x", e)
	}
	c := do(t, admin, wire.EncryptCBC, u16(7), iv, plain)
	if want := "\x76\x49\xab\xac\x81\x19\xb2\x46\xce\xe9\x8e\x9b\x12\xe9\x19\x7d"; string(c) != want {
		t.Errorf("CBC: %x", c)
	}
	if got := do(t, admin, wire.DecryptECB, u16(7), e); !bytes.Equal(got, plain) {
		t.Errorf("ECB back: %x", got)
	}
	if got := do(t, admin, wire.DecryptCBC, u16(7), iv, c); !bytes.Equal(got, plain) {
		t.Errorf("CBC back: %x", got)
	}
	_, err := admin.Do(wire.EncryptECB, join(u16(7), plain[1:]))
	expect(t, "half a block", err, wire.WrongLength)
	_, err = admin.Do(wire.EncryptCBC, join(u16(7), iv))
	expect(t, "no block", err, wire.WrongLength)
	_, err = admin.Do(wire.EncryptCBC, join(u16(8), iv, plain))
	expect(t, "no such key", err, wire.ObjectNotFound)
}

// TestWrongKeys has values that are not keys of the algorithm.
func TestWrongKeys(t *testing.T) {
	_, admin := factory(t)
	for _, test := range []struct {
		name string
		code wire.Code
		a    Algorithm
		data []byte
		want wire.Status
	}{
		{"no algorithm of pairs", wire.GenerateAsymmetricKey, AES128, nil, wire.InvalidData},
		{"no algorithm of secrets", wire.GenerateSymmetricKey, P256, nil, wire.InvalidData},
		{"a wrap key as a symmetric key", wire.PutSymmetricKey, AES128CCMWrap, make([]byte, 16), wire.InvalidData},
		{"a symmetric key as a wrap key", wire.GenerateWrapKey, AES128, nil, wire.InvalidData},
		{"a short secret", wire.PutSymmetricKey, AES256, make([]byte, 16), wire.WrongLength},
		{"a short wrap key", wire.PutWrapKey, AES256CCMWrap, make([]byte, 16), wire.WrongLength},
		{"a short scalar", wire.PutAsymmetricKey, P256, make([]byte, 31), wire.WrongLength},
		{"a scalar of zero", wire.PutAsymmetricKey, P256, make([]byte, 32), wire.InvalidData},
		{"no algorithm of imported pairs", wire.PutAsymmetricKey, AES128, make([]byte, 16), wire.InvalidData},
		{"short primes", wire.PutAsymmetricKey, RSA2048, make([]byte, 255), wire.WrongLength},
		{"primes of zero", wire.PutAsymmetricKey, RSA2048, make([]byte, 256), wire.InvalidData},
		{"no primes", wire.PutWrapKey, RSA2048, bytes.Repeat([]byte{0xff}, 256), wire.InvalidData},
		{"a short modulus", wire.PutPublicWrapKey, RSA2048, make([]byte, 255), wire.WrongLength},
		{"no algorithm of public wrap keys", wire.PutPublicWrapKey, P256, make([]byte, 64), wire.InvalidData},
	} {
		_, err := admin.Make(test.code, Key{Algorithm: test.a}, test.data)
		expect(t, test.name, err, test.want)
	}
	_, err := admin.Do(wire.GetPublicKey, append(u16(1), byte(AuthenticationKey)))
	expect(t, "the public half of a password", err, wire.InvalidData)
	k := Key{Algorithm: P256}.header()
	binary.BigEndian.PutUint16(k[2+wire.LabelSize:], 0)
	_, err = admin.Do(wire.GenerateAsymmetricKey, k)
	expect(t, "no domain", err, wire.InvalidData)
}

// TestEveryLength sends every command with every short length of data: each
// answers, and none ends the device.
func TestEveryLength(t *testing.T) {
	for code := range commands() {
		if code == wire.CloseSession || code == wire.ResetDevice {
			continue
		}
		_, admin := factory(t)
		for size := range 80 {
			_, _ = admin.Do(code, make([]byte, size))
		}
		if got := do(t, admin, wire.Echo, []byte("alive")); string(got) != "alive" {
			t.Errorf("after command 0x%02x: %q", byte(code), got)
		}
	}
}
