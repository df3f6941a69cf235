package yubihsm

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"sync"
	"testing"

	"byok/internal/testkit/yubihsm/wire"
)

// rsaKey is one for all tests: they take time to generate.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func modulus(t *testing.T) (*rsa.PrivateKey, []byte) {
	t.Helper()
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	return key, key.N.Bytes()
}

// wrapRequest asks for a key under a public wrap key, with AES-256 and OAEP
// with SHA-1.
func wrapRequest(wrap uint16, kind Type, id uint16) []byte {
	return join(u16(wrap), []byte{byte(kind)}, u16(id), []byte{byte(AES256), 25, 32}, emptySHA1)
}

// emptySHA1 is the digest of no label.
var emptySHA1 = []byte("\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09")

// TestRightsPerLogin is what the guard stands on: the operator makes keys that
// may be exported, and cannot export them; the quorum can.
func TestRightsPerLogin(t *testing.T) {
	d, admin := factory(t)
	operator := as(t, d, admin, Key{
		ID:           2,
		Capabilities: capabilities(t, operatorList),
		Delegated:    capabilities(t, operatorGives),
	})
	quorum := as(t, d, admin, Key{ID: 3, Capabilities: capabilities(t, quorumList), Delegated: wire.All})
	_, n := modulus(t)
	kek := Key{ID: 9, Algorithm: RSA2048, Capabilities: wire.CanExportWrapped, Delegated: wire.All}
	exportable := Key{ID: 7, Algorithm: P256, Capabilities: wire.CanSignECDSA | wire.ExportableUnderWrap}
	made(t, operator, wire.GenerateAsymmetricKey, exportable, nil)

	_, err := operator.Make(wire.PutPublicWrapKey, kek, n)
	expect(t, "the operator puts a KEK", err, wire.InsufficientPermissions)
	made(t, quorum, wire.PutPublicWrapKey, kek, n)
	for _, code := range []wire.Code{wire.GetRSAWrappedKey, wire.ExportRSAWrapped} {
		_, err = operator.Do(code, wrapRequest(9, AsymmetricKey, 7))
		expect(t, "the operator exports under the quorum's KEK", err, wire.InsufficientPermissions)
		do(t, quorum, code, wrapRequest(9, AsymmetricKey, 7))
	}
	for _, attempt := range []struct {
		name string
		code wire.Code
		key  Key
		data []byte
	}{
		{"imports a wrap key", wire.PutWrapKey, Key{Algorithm: AES128CCMWrap}, make([]byte, 16)},
		{"generates a wrap key", wire.GenerateWrapKey, Key{Algorithm: AES128CCMWrap}, nil},
		{"imports a key of known value", wire.PutAsymmetricKey, Key{Algorithm: P256}, make([]byte, 32)},
		{"makes another login", wire.PutAuthenticationKey, Key{Algorithm: AES128Login}, make([]byte, 32)},
	} {
		_, err := operator.Make(attempt.code, attempt.key, attempt.data)
		expect(t, "the operator "+attempt.name, err, wire.InsufficientPermissions)
	}
	for _, o := range []struct {
		kind Type
		id   uint16
	}{{AuthenticationKey, 3}, {PublicWrapKey, 9}} {
		_, err := operator.Do(wire.DeleteObject, append(u16(o.id), byte(o.kind)))
		expect(t, "the operator deletes", err, wire.InsufficientPermissions)
	}
	_, err = operator.Do(wire.ResetDevice, nil)
	expect(t, "the operator resets the device", err, wire.InsufficientPermissions)
}

// TestExportNeeds leaves out one thing after another that an export needs.
func TestExportNeeds(t *testing.T) {
	all := wire.CanSignECDSA | wire.ExportableUnderWrap
	for _, test := range []struct {
		name                             string
		login, wrap, wrapDelegates, keys wire.Capability
		want                             error
	}{
		{"nothing left out", wire.CanExportWrapped, wire.CanExportWrapped, all, all, nil},
		{"login may not", wire.CanGetPseudoRandom, wire.CanExportWrapped, all, all, wire.InsufficientPermissions},
		{"wrap key may not", wire.CanExportWrapped, wire.None, all, all, wire.InsufficientPermissions},
		{
			"wrap key does not delegate signing", wire.CanExportWrapped, wire.CanExportWrapped,
			wire.ExportableUnderWrap, all, wire.InsufficientPermissions,
		},
		{"key stays", wire.CanExportWrapped, wire.CanExportWrapped, all, wire.CanSignECDSA, wire.InsufficientPermissions},
	} {
		d, admin := factory(t)
		_, n := modulus(t)
		made(t, admin, wire.PutPublicWrapKey, Key{ID: 9, Algorithm: RSA2048, Capabilities: test.wrap, Delegated: test.wrapDelegates}, n)
		made(t, admin, wire.GenerateAsymmetricKey, Key{ID: 7, Algorithm: P256, Capabilities: test.keys}, nil)
		s := as(t, d, admin, Key{ID: 5, Capabilities: test.login})
		if _, err := s.Do(wire.GetRSAWrappedKey, wrapRequest(9, AsymmetricKey, 7)); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}

// TestBestowing has keys made with more than a login may give.
func TestBestowing(t *testing.T) {
	d, admin := factory(t)
	login := as(t, d, admin, Key{
		ID:           2,
		Domains:      3,
		Capabilities: wire.CanGenerateAsymmetricKey | wire.CanGenerateWrapKey,
		Delegated:    wire.CanSignECDSA | wire.CanExportWrapped,
	})
	for _, test := range []struct {
		name string
		code wire.Code
		key  Key
		want error
	}{
		{"what it may give", wire.GenerateAsymmetricKey, Key{Domains: 1, Capabilities: wire.CanSignECDSA}, nil},
		{"both domains", wire.GenerateAsymmetricKey, Key{Domains: 3}, nil},
		{
			"another capability", wire.GenerateAsymmetricKey,
			Key{Domains: 1, Capabilities: wire.ExportableUnderWrap}, wire.InsufficientPermissions,
		},
		{"another domain", wire.GenerateAsymmetricKey, Key{Domains: 4}, wire.InsufficientPermissions},
		{"a key that delegates as much", wire.GenerateWrapKey, Key{Domains: 1, Delegated: wire.CanSignECDSA}, nil},
		{"a key that delegates more", wire.GenerateWrapKey, Key{Domains: 1, Delegated: wire.All}, wire.InsufficientPermissions},
	} {
		test.key.Algorithm = P256
		if test.code == wire.GenerateWrapKey {
			test.key.Algorithm = AES256CCMWrap
		}
		if _, err := login.Make(test.code, test.key, nil); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}

// TestDomains hides what shares no domain.
func TestDomains(t *testing.T) {
	d, admin := factory(t)
	made(t, admin, wire.GenerateAsymmetricKey, Key{ID: 7, Domains: 1, Algorithm: P256, Capabilities: wire.CanSignECDSA}, nil)
	other := as(t, d, admin, Key{ID: 2, Domains: 2, Capabilities: wire.CanSignECDSA | wire.CanDeleteAsymmetricKey})
	_, err := other.Do(wire.SignECDSA, append(u16(7), make([]byte, 32)...))
	expect(t, "signing", err, wire.ObjectNotFound)
	_, err = other.Do(wire.GetObjectInfo, append(u16(7), byte(AsymmetricKey)))
	expect(t, "information", err, wire.ObjectNotFound)
	_, err = other.Do(wire.DeleteObject, append(u16(7), byte(AsymmetricKey)))
	expect(t, "deleting", err, wire.ObjectNotFound)
	if list := do(t, other, wire.ListObjects, []byte{byType, byte(AsymmetricKey)}); len(list) != 0 {
		t.Errorf("listed: %x", list)
	}
}

func TestLimits(t *testing.T) {
	_, admin := factory(t)
	key := Key{ID: 7, Algorithm: P256}
	made(t, admin, wire.GenerateAsymmetricKey, key, nil)
	_, err := admin.Make(wire.GenerateAsymmetricKey, key, nil)
	expect(t, "an ID twice", err, wire.ObjectExists)
	for range maxObjects - 2 {
		made(t, admin, wire.PutOpaque, Key{Algorithm: OpaqueData}, []byte("x"))
	}
	_, err = admin.Make(wire.PutOpaque, Key{Algorithm: OpaqueData}, []byte("x"))
	expect(t, "one too many", err, wire.StorageFailed)
}

// TestOldFirmware is a device before 2.4.
func TestOldFirmware(t *testing.T) {
	d := New(Options{Firmware: [3]byte{2, 3, 2}})
	admin := login(t, d, 1, FactoryPassword)
	_, n := modulus(t)
	_, err := admin.Make(wire.PutPublicWrapKey, Key{Algorithm: RSA2048}, n)
	expect(t, "a public wrap key", err, wire.InvalidCommand)
	_, err = admin.Make(wire.GenerateWrapKey, Key{Algorithm: RSA2048}, nil)
	expect(t, "an RSA wrap key", err, wire.InvalidData)
	_, err = admin.Make(wire.PutWrapKey, Key{Algorithm: RSA2048}, n)
	expect(t, "an imported one", err, wire.InvalidData)
	if old, now := len(do(t, admin, wire.GetDeviceInfo)), len(New(Options{}).info(nil)); now-old != 1 {
		t.Errorf("algorithms: %d and %d bytes", old, now)
	}
}
