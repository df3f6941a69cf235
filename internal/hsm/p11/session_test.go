package p11

import (
	"errors"
	"testing"

	"github.com/miekg/pkcs11"
)

func TestFind(t *testing.T) {
	s := open(t)
	one, two := generate(t, s, "a"), generate(t, s, "a")
	generate(t, s, "b")
	label := pkcs11.NewAttribute(pkcs11.CKA_LABEL, "a")
	if found := must[[]Object](t)(s.Find(label)); len(found) != 2 || found[0] != one || found[1] != two {
		t.Errorf("found %v", found)
	}
	for _, c := range []struct {
		function, want string
	}{
		{"C_FindObjectsInit", "C_FindObjectsInit: CKR_DEVICE_ERROR"},
		{"C_FindObjects", "C_FindObjects: CKR_DEVICE_ERROR"},
		{"C_FindObjectsFinal", "C_FindObjectsFinal: CKR_DEVICE_ERROR"},
		{"C_DestroyObject", "C_DestroyObject of a: CKR_DEVICE_ERROR"},
	} {
		fails(t, s, c.function, 1, pkcs11.CKR_DEVICE_ERROR)
		_, err := s.DestroyAll("a", label)
		expect(t, err, c.want)
		t.Setenv("SHIM_AT", "")
		_ = s.Ctx.FindObjectsFinal(s.Handle) // if the search was not ended
	}
	if n, err := s.DestroyAll("a", label); n != 2 || err != nil {
		t.Errorf("destroyed %d: %v", n, err)
	}
	if left := must[[]Object](t)(s.Find()); len(left) != 1 {
		t.Errorf("left %v", left)
	}
}

func TestDiscard(t *testing.T) {
	s := open(t)
	o := generate(t, s, "a")
	s.Discard(0)
	s.Discard(o)
	s.Discard(o)
	if left := must[[]Object](t)(s.Find()); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestClasses(t *testing.T) {
	for _, c := range []struct {
		class          Class
		name           string
		isKey, secrets bool
	}{
		{PublicKey, "public key", true, true},
		{SecretKey, "secret key", true, true},
		{PrivateKey, "private key", true, true},
		{Class(pkcs11.CKO_DATA), "data object", false, true},
		{Class(pkcs11.CKO_CERTIFICATE), "certificate", false, false},
		{0x80000001, "object of class 0x80000001", false, false},
	} {
		if c.class.String() != c.name || c.class.IsKey() != c.isKey || c.class.HoldsSecrets() != c.secrets {
			t.Errorf("%v: key %t, secrets %t", c.class, c.class.IsKey(), c.class.HoldsSecrets())
		}
	}
	if TokenObject.String() != "token" || SessionObject.String() != "session" {
		t.Errorf("%v, %v", TokenObject, SessionObject)
	}
}

// TestChecked: what was made and is not as it should be does not stay.
func TestChecked(t *testing.T) {
	s := open(t)
	o := generate(t, s, "a")
	if same, err := s.Checked(o, nil); same != o || err != nil {
		t.Errorf("%d, %v", same, err)
	}
	wrong := errors.New("wrong")
	if none, err := s.Checked(o, wrong); none != 0 || !errors.Is(err, wrong) {
		t.Errorf("%d, %v", none, err)
	}
	if left := must[[]Object](t)(s.Find()); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// apart is a library that each who loads it has for himself: p11-kit's.
type apart struct{}

func (apart) WrapKey(pkcs11.SessionHandle, *pkcs11.Mechanism, Object, Object) ([]byte, error) {
	return nil, pkcs11.Error(pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED)
}

// TestWrapApart: where only the binding's library was initialised, it wraps.
func TestWrapApart(t *testing.T) {
	s := open(t)
	s.Native = apart{}
	wraps := aes(Has(pkcs11.CKA_WRAP, true, "is to wrap"), Has(pkcs11.CKA_EXTRACTABLE, true, "is to be wrapped"))
	key := generate(t, s, "key", wraps...)
	blob := must[[]byte](t)(s.Wrap(Mechanism(pkcs11.CKM_AES_KEY_WRAP_PAD), key, key))
	if len(blob) != 24 {
		t.Errorf("%d bytes", len(blob))
	}
	iv := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, make([]byte, 12))}
	if _, err := s.Wrap(iv, key, key); !Is(err, pkcs11.CKR_FUNCTION_NOT_SUPPORTED) {
		t.Errorf("%v", err)
	}
}
