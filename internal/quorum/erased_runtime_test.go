//go:build linux && goexperiment.runtimesecret

package quorum

import (
	"crypto/rand"
	"strings"
	"testing"

	"byok/internal/secret"
	"byok/internal/testkit/residue"
)

// TestNothingStaysInMemory makes cards, encodes, decodes and reads them, seals
// and unseals, wipes what the package gave out, and searches the process for
// what was secret.
func TestNothingStaysInMemory(t *testing.T) {
	made := issue(t, Quorum{2, 3})
	r, err := NewReader(made.Set)
	if err != nil {
		t.Fatal(err)
	}
	var needles []residue.Needle
	for _, c := range made.Cards {
		needles = append(needles, residue.Of(c.String(), c.Share), residue.OfHex(c.String(), c.Share))
		passOn(t, r, c)
	}
	s, err := r.Secret()
	if err != nil {
		t.Fatal(err)
	}
	derived, opened := useSecret(t, s, made.Set.Context())
	needles = append(needles, residue.Of("the world secret", s.scalar))
	for name, b := range derived {
		needles = append(needles, residue.Of(name, b))
	}
	for _, n := range needles {
		if !strings.HasSuffix(n.String(), "hex") && n.Count(t) == 0 {
			t.Errorf("%s is not found while it is there: the search proves nothing", n)
		}
	}
	for _, b := range derived {
		b.Wipe()
	}
	opened.Wipe()
	s.Wipe()
	r.Wipe()
	made.Wipe()
	for _, n := range needles {
		if found := n.Count(t); found > 0 {
			t.Errorf("%s is still in memory, %d times", n, found)
		}
	}
}

// passOn encodes a card, decodes it and adds it to the reader.
func passOn(t *testing.T, r *Reader, c Card) {
	t.Helper()
	text, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	defer text.Wipe()
	card, err := Decode("usb", text)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add("usb", card); err != nil {
		t.Fatal(err)
	}
}

// useSecret derives a PIN and a key, and seals and unseals a random one.
func useSecret(t *testing.T, s *Secret, c Context) (derived map[string]*secret.Bytes, opened *secret.Bytes) {
	t.Helper()
	pin, err := s.PIN(c.For(testModule), PurposeSOPIN, MaxPIN)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Key(c, PurposeSealKNSO)
	if err != nil {
		t.Fatal(err)
	}
	knso := secret.New(48)
	_, _ = rand.Read(knso.Reveal())
	sealed, err := Seal(s, c, PurposeSealKNSO, knso)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err = Unseal(s, c, PurposeSealKNSO, sealed); err != nil {
		t.Fatal(err)
	}
	return map[string]*secret.Bytes{"the SO PIN": pin, "the sealing key": key, "KNSO": knso}, opened
}
