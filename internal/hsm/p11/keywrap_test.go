package p11

import (
	"fmt"
	"slices"
	"testing"

	"byok/internal/testkit/softhsm"
)

// TestKeyWraps: a vendor's number is tried on that vendor's tokens alone.
func TestKeyWraps(t *testing.T) {
	const kwp, pad, luna, cavium = "CKM_AES_KEY_WRAP_KWP", "CKM_AES_KEY_WRAP_PAD", "CKM_AES_KWP (0x80000171)",
		"CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD (0x8000216F)"
	both := []uint{0x80000171, 0x8000216F}
	for _, c := range []struct {
		makers []string
		listed []uint
		want   []string
	}{
		{nil, both, []string{kwp, pad}},
		{[]string{"SoftHSM project"}, both, []string{kwp, pad}},
		{[]string{"SafeNet, Inc."}, nil, []string{kwp, pad}},
		{[]string{"SafeNet, Inc."}, both, []string{kwp, pad, luna}},
		{[]string{"THALES"}, both, []string{kwp, pad, luna}},
		{[]string{"Gemalto"}, both, []string{kwp, pad, luna}},
		{[]string{"not SafeNet"}, both, []string{kwp, pad}},
		{[]string{"", "Safe"}, both, []string{kwp, pad}},
		{[]string{"SafeNet"}, both[1:], []string{kwp, pad}},
		{[]string{"Cavium, Inc"}, both, []string{kwp, pad, cavium}},
		{[]string{"Marvell Semiconductors"}, both, []string{kwp, pad, cavium}},
		{[]string{"a library's", "AWS CloudHSM"}, both, []string{kwp, pad, cavium}},
	} {
		var got []string
		for _, w := range KeyWraps(func(m uint) bool { return slices.Contains(c.listed, m) }, func() []string { return c.makers }) {
			got = append(got, w.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, %x: %q", c.makers, c.listed, got)
		}
	}
	for number, want := range map[uint]string{KWP: kwp, 0x80000171: luna, 0x8000210A: "0x8000210A"} {
		if got := KeyWrapName(number); got != want {
			t.Errorf("0x%X: %s", number, got)
		}
	}
}

// TestMakers: the library's own, and the token's.
func TestMakers(t *testing.T) {
	p, slot, _ := softhsm.Session(t, softhsm.New(t))
	if got := fmt.Sprint(Makers(p, slot)); got != "[SoftHSM SoftHSM project]" {
		t.Error(got)
	}
	if got := Makers(p, slot+1000); len(got) != 1 {
		t.Errorf("%q", got)
	}
}
