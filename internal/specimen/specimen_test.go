package specimen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"strings"
	"testing"

	"byok/internal/kek"
	"byok/internal/testkit/softworld"
	"byok/internal/transfer"
)

func newKEK(t *testing.T) KEK {
	t.Helper()
	private, err := softworld.RSA(2048, 2)
	if err != nil {
		t.Fatal(err)
	}
	id, err := kek.ParseID("https://localhost:8443/keys/KEKforBYOK/00112233445566778899aabbccddeeff")
	if err != nil {
		t.Fatal(err)
	}
	return KEK{ID: id, Public: &private.PublicKey, Rehearsal: true}
}

// TestPackages verifies packages of every type of key as byok-online does.
func TestPackages(t *testing.T) {
	world, err := NewWorld()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	exchange := newKEK(t)
	for _, c := range []struct {
		name      string
		key       any
		ops       []string
		rehearsal bool
		wantOps   string
	}{
		{"rsa", small, nil, true, "encrypt decrypt sign verify wrapKey unwrapKey"},
		{"ec", ec, []string{"sign"}, true, "sign"},
		{"aes", make([]byte, 16), nil, false, "encrypt decrypt wrapKey unwrapKey"},
	} {
		exchange.Rehearsal = c.rehearsal
		p, err := world.Package(exchange, c.name, c.key, c.ops...)
		if err != nil {
			t.Fatal(err)
		}
		path, err := Write(t.TempDir(), p)
		if err != nil {
			t.Fatal(err)
		}
		read, err := transfer.ReadPackage(path)
		if err != nil {
			t.Fatal(err)
		}
		hknso, err := world.HKNSO(c.rehearsal)
		if err != nil {
			t.Fatal(err)
		}
		approved, err := read.Verify(hknso)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if f := approved.Facts(); f.Rehearsal != c.rehearsal || f.Pair.Target.Name != c.name ||
			strings.Join(f.Pair.Target.KeyOps, " ") != c.wantOps || !f.Pair.KEK.KID.Equal(exchange.ID) {
			t.Errorf("%s: %+v", c.name, f.Pair)
		}
		if _, err := Write(t.TempDir()+"/none", p); err == nil {
			t.Error("written into a folder that is not there")
		}
	}
}

func TestRefused(t *testing.T) {
	world, err := NewWorld()
	if err != nil {
		t.Fatal(err)
	}
	exchange := newKEK(t)
	for name, key := range map[string]any{"not a key": make([]byte, 15), "a/b": make([]byte, 16)} {
		if _, err := world.Package(exchange, name, key); err == nil {
			t.Errorf("%s: a package was made", name)
		}
	}
	if err := world.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(world.dir); !os.IsNotExist(err) {
		t.Errorf("its folder is left: %v", err)
	}
	exchange.Rehearsal = false
	if _, err := world.Package(exchange, "k", make([]byte, 16)); err == nil {
		t.Error("a package without a folder")
	}
	if _, err := world.HKNSO(false); err == nil {
		t.Error("an hknso without a folder")
	}
}
