package officer

import (
	"slices"
	"testing"
)

var km = Object{Label: "byok-km-1", Handle: 7, ID: []byte{0x0a, 0xff}, Words: "eating stupendous"}

// TestOrders: each vendor's command names the object as that tool does.
func TestOrders(t *testing.T) {
	const (
		aws = "  cloudhsm-cli key set-attribute --filter attr.class=public-key attr.id=0x0aff --name trusted --value true"
		set = "  azcloudhsm_mgmt_util (or cavium_mgmt_util): setAttribute 7 134 1"
	)
	inAWS := []string{"AWS CloudHSM, as admin:", aws}
	inAzure := []string{"Azure Cloud HSM or LiquidSecurity, as crypto officer, on every node:", set}
	for _, c := range []struct {
		name string
		says []string
		want []string
	}{
		{"AWS by its library", []string{"Marvell Semiconductors, Inc.", "NITROX", "Amazon CloudHSM"}, inAWS},
		{"Azure by its library", []string{"Marvell", "LS2", "Microsoft Azure Cloud HSM"}, inAzure},
		{"either", []string{"Cavium Networks", "NITROX-III"}, slices.Concat(inAWS, inAzure)},
		{"another", []string{"SoftHSM project", "SoftHSM v2"}, []string{"with the vendor's tool, as crypto officer: set " +
			"CKA_TRUSTED (0x86) to true on this object, and on no other"}},
	} {
		if got := For("token A", c.says, km).Tool; !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestLines(t *testing.T) {
	o := For("token A", nil, km)
	want := []string{
		"the crypto officer now trusts one object on token A, and no other:",
		"  label  byok-km-1",
		"  handle 7, CKA_ID 0aff",
		"  public key, SHA-256 eating stupendous",
		o.Tool[0],
	}
	if got := o.Lines(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
