package world

import (
	"slices"
	"testing"

	"byok/internal/hsm"
)

// TestPaddingIsToldOf where it matters: in production, for a key whose
// encoding may not fill whole blocks.
func TestPaddingIsToldOf(t *testing.T) {
	const padding = "SoftHSM v2 2.6 wraps with up to seven zero bytes behind the key: whether the Azure service takes that is not documented, so send it a worthless key first"
	for name, c := range map[string]struct {
		rehearsal bool
		spec      hsm.KeySpec
		want      []string
	}{
		"production": {false, hsm.KeySpec{Type: "EC", Curve: "P-256"}, []string{padding, padding}},
		"an AES key": {false, hsm.KeySpec{Type: "AES", Bits: 256}, nil},
		"rehearsal":  {true, hsm.KeySpec{Type: "EC", Curve: "P-256"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			create := production
			if c.rehearsal {
				create = newWorld
			}
			p, w := create(t)
			kek := newKEK(t, c.rehearsal, "KEKforBYOK")
			p.generate(t, w, "key", c.spec)
			var warned []string
			warn := func(text string) { warned = append(warned, text) }
			change, pack := p.change(t, w, "key", kek), request("key", kek, t.TempDir())
			change.Warn, pack.Warn = warn, warn
			must[KeyFile](t)(w.ModifyACL(p.m, change))
			must[Packed](t)(p.pack(t, w, pack))
			if !slices.Equal(warned, c.want) {
				t.Errorf("warned of %q", warned)
			}
		})
	}
}
