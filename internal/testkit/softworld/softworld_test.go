package softworld

import (
	"bytes"
	"strings"
	"testing"

	"byok/internal/keykind"
	"byok/internal/kmdata"
)

// A world with everything in it opens, and what is wrapped unwraps.
func TestWorld(t *testing.T) {
	dir := t.TempDir()
	w, err := New(dir, Options{Rehearsal: true})
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.Join()
	if err != nil {
		t.Fatal(err)
	}
	exchange, err := NewKEK("https://localhost:8443")
	if err != nil {
		t.Fatal(err)
	}
	private, err := RSA(2048, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range keykind.All() {
		if kind.Type == keykind.RSA && kind.Bits > 2048 {
			continue // like the first
		}
		key, err := NewKey(kind)
		if err != nil {
			t.Fatal(err)
		}
		ident := strings.ToLower(kind.String())
		if _, err := w.Generate(ident, key); err != nil {
			t.Fatalf("%v: %v", kind, err)
		}
		copies, err := w.Transfer(Request{Ident: ident, Key: key, KEK: exchange})
		if err != nil {
			t.Fatalf("%v: %v", kind, err)
		}
		plain, err := Unwrap(private, copies[0].Copy.Ciphertext)
		if err != nil || !bytes.Equal(plain, key.Plain) {
			t.Errorf("%v: %v", kind, err)
		}
	}
	if err := w.ReplaceCards(w.Module()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.StrikeOff(second); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	again, err := kmdata.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.Last().Sum != w.Chain.Last().Sum || again.HKNSO() != w.Set().KNSO.Sum() {
		t.Error("the folder is not the chain in memory")
	}
}
