package keykind

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"testing"
)

func TestParseCompressed(t *testing.T) {
	for _, k := range All() {
		if k.Type != EC {
			continue
		}
		key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(k.EllipticCurve(), rand.Reader))
		whole := must[[]byte](t)(Point(&key.PublicKey))
		compressed := bytes.Clone(whole[:k.CompressedSize()])
		compressed[0] = 2 + whole[len(whole)-1]&1
		got, err := ParseCompressed(k, compressed)
		if err != nil || !SamePublicKey(got, &key.PublicKey) {
			t.Errorf("%v: %v, %v", k, got, err)
		}
		compressed[0] ^= 1
		if other, err := ParseCompressed(k, compressed); err != nil || SamePublicKey(other, &key.PublicKey) {
			t.Errorf("%v, the other Y: %v, %v", k, other, err)
		}
	}
	p256 := must[Kind](t)(Parse("P-256"))
	p256K := must[Kind](t)(Parse("P-256K"))
	field := bytes.Repeat([]byte{0xff}, 33) // greater than every X
	field[0] = 2
	form := "a compressed point on P-256 has 33 and begins with 2 or 3"
	for name, c := range map[string]struct {
		kind  Kind
		point []byte
		want  string
	}{
		"whole":         {p256, append([]byte{4}, make([]byte, 32)...), "EC point of 33 bytes: " + form},
		"short":         {p256, []byte{2}, "EC point of 1 bytes: " + form},
		"empty":         {p256, nil, "EC point of 0 bytes: " + form},
		"not on P-256":  {p256, field, "EC point: not on P-256"},
		"not on P-256K": {p256K, field, "EC point: not on P-256K"},
		"not of an EC key": {
			must[Kind](t)(Parse("AES-128")), []byte{2},
			"EC point of 1 bytes: a compressed point on AES-128 has 0 and begins with 2 or 3",
		},
	} {
		if _, err := ParseCompressed(c.kind, c.point); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
