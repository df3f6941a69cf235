package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// TestTool: an RSA key of the user's that the vendor's tool trusts, and another.
func TestTool(t *testing.T) {
	r := newRig(t)
	folder := t.TempDir()
	t.Setenv("SHIM_PROFILE", "cloudhsm")
	t.Setenv("SHIM_TOOL", folder)
	r.Prober = New(r.s, r.slot, r.facts)
	r.Sparse = true
	for _, o := range []p11.Object{r.km.Object, r.kw.Object, r.anchor.Object} {
		ok(t, r.s.Destroy("it", o)) // the SO's, which such a module does not have
	}
	key, err := attackerKey()
	ok(t, err)
	w := wish{p11.TokenObject, false}
	put := func(label string, id byte) p11.Object {
		naming := append(p11.Naming(label, []byte{id}), p11.RSAPublic(&key.PublicKey)...)
		return must[p11.Object](t)(r.s.Create(w.template().Raw(naming...)))
	}
	trust := func(id byte) { ok(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%02x", id)), nil, 0o600)) }
	km := put("km", 1)
	ok(t, r.Untrusted(km, "KM"))
	ok(t, r.Trust())
	trust(1)
	if trusted := must[bool](t)(r.IsTrusted(km)); !trusted {
		t.Error("KM is not trusted")
	}
	ok(t, r.TrustedAlone(km))
	expect(
		t,
		r.Untrusted(km, "KM"),
		dishonest+"KM wraps a key with WRAP_WITH_TRUSTED before anybody has trusted it",
		otherModule,
	)
	put("another", 2)
	trust(2)
	expect(
		t,
		r.TrustedAlone(km),
		dishonest+`public key "another" wraps a key with WRAP_WITH_TRUSTED as well`,
		otherModule,
	)
	t.Setenv("SHIM_DO", "fail=0x30")
	t.Setenv("SHIM_AT", "C_WrapKey+")
	if _, err := r.IsTrusted(km); !p11.Is(err, pkcs11.CKR_DEVICE_ERROR) {
		t.Errorf("a lost device: %v", err)
	}
	for _, c := range []struct {
		at  string
		try func() error
	}{
		{"C_GenerateKey+", func() error { return r.Untrusted(km, "KM") }},
		{"C_GenerateKey+", func() error { _, err := r.IsTrusted(km); return err }},
		{"C_GenerateKey+", func() error { return r.TrustedAlone(km) }},
		{"C_FindObjectsInit+", func() error { return r.TrustedAlone(km) }},
	} {
		r.Prober = New(r.s, r.slot, r.facts)
		t.Setenv("SHIM_AT", c.at)
		if err := c.try(); !p11.Is(err, pkcs11.CKR_DEVICE_ERROR) {
			t.Errorf("%s: %v", c.at, err)
		}
	}
}
