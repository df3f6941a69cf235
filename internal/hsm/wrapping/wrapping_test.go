package wrapping

import (
	"encoding/binary"
	"testing"

	"github.com/miekg/pkcs11"
)

// TestTable: each mechanism has a name of its own and makes what it says.
func TestTable(t *testing.T) {
	names := map[string]bool{}
	travels := 0
	for _, m := range Table {
		if names[m.Name] || m.Name == "" || m.Key == "" {
			t.Errorf("%q stands twice, or says nothing", m.Name)
		}
		names[m.Name] = true
		if n := m.Make(); len(n) != 1 || n[0].Mechanism != m.Number() {
			t.Errorf("%s makes %d mechanisms", m.Name, len(n))
		}
		if m.Travels {
			travels++
		}
	}
	if travels != 4 {
		t.Errorf("%d travel", travels)
	}
}

// TestParameters compares parameters with the standard's structures (PKCS#11 v2.40,
// sections 2.11.1 and 2.12.3), on a machine of 64 bits.
func TestParameters(t *testing.T) {
	words := map[uint][]uint64{
		pkcs11.CKM_AES_CTR:      {128, 0, 0},
		pkcs11.CKM_AES_CBC_PAD:  {0, 0},
		pkcs11.CKM_DES3_CBC_PAD: {0},
		pkcs11.CKM_AES_KEY_WRAP: {},
	}
	sizes := []uint64{32, 67, 138}
	for _, m := range Table {
		got := m.Make()[0].Parameter
		want, known := words[m.Number()]
		if m.Number() == pkcs11.CKM_AES_CCM { // length, nonce and its length, data and its length, tag
			address := binary.LittleEndian.Uint64(got[8:])
			if address == 0 {
				t.Errorf("%s has no nonce", m.Name)
			}
			want, known, sizes = []uint64{sizes[0], address, 12, 0, 0, 16}, true, sizes[1:]
		}
		if !known {
			continue
		}
		var raw []byte
		for _, w := range want {
			raw = binary.LittleEndian.AppendUint64(raw, w)
		}
		if string(got) != string(raw) {
			t.Errorf("%s: %x, want %x", m.Name, got, raw)
		}
	}
	if len(sizes) > 0 {
		t.Errorf("no CKM_AES_CCM of %d bytes", sizes)
	}
}
