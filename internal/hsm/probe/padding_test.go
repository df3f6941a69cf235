package probe

import (
	"bytes"
	"slices"
	"testing"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
)

// TestZeroPads: SoftHSM fills a private key up with zeros, in either form, and
// is asked once.
func TestZeroPads(t *testing.T) {
	for name, oneCall := range map[string]bool{"two steps": false, "one call": true} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SHIM_RSA_AES", "1")
			r := newRig(t)
			if !must[bool](t)(r.ZeroPads(oneCall)) {
				t.Error("SoftHSM 2.6 puts zeros behind a key")
			}
			before := len(shim.Calls(t, r.log))
			if !must[bool](t)(r.ZeroPads(oneCall)) || len(shim.Calls(t, r.log)) != before {
				t.Error("it was not remembered")
			}
		})
	}
}

const notPKCS8 = "does not wrap a private key as PKCS#8, which the vault needs"

// TestPadding gives to the judgement what other modules might put into a blob.
func TestPadding(t *testing.T) {
	sequence := func(size int) []byte { return append([]byte{0x30, byte(size - 2)}, bytes.Repeat([]byte{4}, size-2)...) }
	for _, c := range []struct {
		name  string
		plain [][]byte // of P-256, then P-384
		want  bool
		text  string
	}{
		{"none", [][]byte{sequence(67)}, false, ""},
		{"five", [][]byte{append(sequence(67), make([]byte, 5)...)}, true, ""},
		{"whole blocks, then none", [][]byte{sequence(72), sequence(97)}, false, ""},
		{"whole blocks, then seven", [][]byte{sequence(72), append(sequence(97), make([]byte, 7)...)}, true, ""},
		{"whole blocks twice", [][]byte{sequence(72), sequence(96)}, false, ""},
		{"eight", [][]byte{append(sequence(67), make([]byte, 8)...)}, false, notPKCS8},
		{"something else behind", [][]byte{append(sequence(67), 1)}, false, notPKCS8},
		{"no sequence", [][]byte{{4, 1, 0}}, false, notPKCS8},
		{"no DER", [][]byte{{0x30, 0x80, 1}}, false, notPKCS8},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			left := slices.Clone(c.plain)
			pads, err := r.tryPadding(func(o p11.Object) ([]byte, error) {
				plain := left[0]
				left = left[1:]
				return plain, nil
			})
			if c.text != "" {
				expect(t, err, c.text, "")
				return
			}
			if pads != c.want || err != nil || len(left) > 0 {
				t.Errorf("zeros %t, %v, %d kinds not tried", pads, err, len(left))
			}
		})
	}
}
