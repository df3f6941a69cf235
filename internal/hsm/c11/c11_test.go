package c11

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ThalesIgnite/crypto11"
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
	"byok/internal/keykind"
	"byok/internal/testkit/softhsm"
)

// maker is a user's session beside crypto11, on a token behind the shim.
func maker(t *testing.T) Maker {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	library := shim.Build(t)
	p, _, _ := softhsm.Session(t, library)
	if err := p.Finalize(); err != nil {
		t.Fatal(err)
	}
	context, err := crypto11.Configure(&crypto11.Config{Path: library, TokenLabel: "token", Pin: softhsm.UserPIN})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = context.Close() })
	slots, err := p.GetSlotList(true)
	if err != nil {
		t.Fatal(err)
	}
	h, err := p.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	one := func(label string, found []p11.Object) (p11.Object, error) {
		if len(found) != 1 {
			return 0, fmt.Errorf("%d of %s", len(found), label)
		}
		return found[0], nil
	}
	return Maker{context, &p11.Session{Ctx: p, Handle: h, Omitted: map[string][]uint{}}, one}
}

// template is the least that a token object needs.
func template() []*pkcs11.Attribute {
	return append(p11.Naming("key", []byte{1}), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true))
}

// TestGenerate: what crypto11 made is found again, both halves of a pair.
func TestGenerate(t *testing.T) {
	m := maker(t)
	for _, name := range []string{"RSA-2048", "P-256", "AES-256"} {
		kind, err := keykind.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		var made []p11.Object
		if kind.Type == keykind.AES {
			key, err := m.Secret(kind, template())
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, key)
		} else {
			half, key, err := m.Pair(kind, template(), template())
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, half, key)
		}
		for _, o := range made {
			if err := m.Session.Destroy(name, o); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestBeforeLogin: crypto11 says where it gave up, in these words.
func TestBeforeLogin(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	library := shim.Build(t)
	p, _, _ := softhsm.Session(t, library)
	if err := p.Finalize(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at, label string
		want      bool
	}{
		{"C_Initialize", "token", true}, {"C_GetSlotList", "token", true}, {"C_GetTokenInfo", "token", true},
		{"C_OpenSession", "token", true}, {"", "another", true}, {"C_Login", "token", false},
	} {
		t.Setenv("SHIM_DO", "fail=0x5")
		t.Setenv("SHIM_AT", c.at)
		_, err := crypto11.Configure(&crypto11.Config{Path: library, TokenLabel: c.label, Pin: softhsm.UserPIN})
		if err == nil || BeforeLogin(err) != c.want {
			t.Errorf("%s of %s: %v", c.at, c.label, err)
		}
	}
}

// TestRefused: the error is the token's own, out of crypto11's wrapping.
func TestRefused(t *testing.T) {
	m := maker(t)
	pair, err := keykind.Parse("P-256")
	if err != nil {
		t.Fatal(err)
	}
	key, err := keykind.Parse("AES-256")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, at string
		want     error
	}{
		{"no pair", "C_GenerateKeyPair+", pkcs11.Error(pkcs11.CKR_DEVICE_ERROR)},
		{"no key", "C_GenerateKey+", pkcs11.Error(pkcs11.CKR_DEVICE_ERROR)},
		{"not found", "C_FindObjectsInit+", p11.ReturnCode(pkcs11.CKR_DEVICE_ERROR)},
	} {
		t.Setenv("SHIM_DO", "fail=0x30")
		t.Setenv("SHIM_AT", c.at)
		_, _, pairErr := m.Pair(pair, template(), template())
		_, keyErr := m.Secret(key, template())
		if !errors.Is(pairErr, c.want) && !errors.Is(keyErr, c.want) {
			t.Errorf("%s: %v; %v", c.name, pairErr, keyErr)
		}
		t.Setenv("SHIM_AT", "")
	}
}
