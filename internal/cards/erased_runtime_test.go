//go:build linux && goexperiment.runtimesecret

package cards

import (
	"crypto/rand"
	"runtime"
	"testing"

	"byok/internal/secret"
	"byok/internal/testkit/residue"
)

// holder types back what is drawn, and keeps it in locked memory.
type holder struct {
	person
	words []*secret.Bytes
}

func (h *holder) NewPassphrase(_ Ask, drawn *secret.Bytes) (*secret.Bytes, bool, error) {
	h.words = append(h.words, copyOf(drawn))
	return copyOf(drawn), false, nil
}

func (h *holder) Passphrase(a Ask) (*secret.Bytes, error) { return copyOf(h.words[a.Medium]), nil }

func copyOf(s *secret.Bytes) *secret.Bytes {
	again := secret.New(s.Len())
	copy(again.Reveal(), s.Reveal())
	return again
}

// TestNothingStaysInMemory deals cards, reads them and changes a passphrase,
// wipes what was given out, and searches the process for what was secret.
func TestNothingStaysInMemory(t *testing.T) {
	made, media, h := issue(t, 2, 3), Folders(dirs(t, 3)), &holder{person: person{tries: 1}}
	if _, err := Deal(made, "Contoso", media, testWork, h); err != nil {
		t.Fatal(err)
	}
	q, err := Read(media, setOf(made.Set), h, 2)
	if err != nil {
		t.Fatal(err)
	}
	next := DrawPassphrase()
	if _, err := changePassphrase(media[2], h.words[2], next, testWork); err != nil {
		t.Fatal(err)
	}
	needles := []residue.Needle{residue.Of("the changed passphrase", next)}
	for i, c := range made.Cards {
		needles = append(needles, residue.Of(c.String(), c.Share), residue.OfHex(c.String(), c.Share),
			residue.Of("the passphrase of "+c.String(), h.words[i]))
	}
	found := 0
	for _, n := range needles {
		if n.Count(t) > 0 {
			found++
		}
	}
	if found != 7 { // all but the three in hex
		t.Errorf("%d of 7 secrets are found while they are there: the search proves nothing", found)
	}
	for _, w := range append(h.words, next) {
		w.Wipe()
	}
	q.Wipe()
	made.Wipe()
	for _, n := range needles {
		if count := n.Count(t); count > 0 {
			t.Errorf("%s is still in memory, %d times", n, count)
		}
	}
}

// TestSealAndOpenLeaveNothing has nothing else run before the search, so that
// no later allocation covers up what the libraries left on the heap; and it
// runs often enough for some of that to be left.
func TestSealAndOpenLeaveNothing(t *testing.T) {
	card := issue(t, 1, 1).Cards[0]
	passphrases, sealed := make([]*secret.Bytes, 8), make([][]byte, 8)
	needles := []residue.Needle{residue.OfHex("the share", card.Share)}
	for i := range passphrases {
		passphrases[i] = secret.New(40)
		_, _ = rand.Read(passphrases[i].Reveal())
		needles = append(needles, residue.Of("a passphrase", passphrases[i]))
	}
	for _, c := range []struct {
		name string
		call func(i int) error
	}{
		{"seal", func(i int) (err error) {
			sealed[i], err = Seal(card, passphrases[i], testWork)
			return err
		}},
		{"open", func(i int) error {
			again, err := Open("usb", sealed[i], passphrases[i])
			again.Wipe()
			return err
		}},
	} {
		for i := range passphrases {
			if err := c.call(i); err != nil {
				t.Fatal(err)
			}
		}
		flip(passphrases)
		for _, n := range needles {
			if count := n.Count(t); count > 0 {
				t.Errorf("%s: %s is in memory, %d times", c.name, n, count)
			}
		}
		flip(passphrases)
	}
}

// flip hides secrets in place for the time of a search, and shows them again.
func flip(secrets []*secret.Bytes) {
	for _, s := range secrets {
		for i := range s.Reveal() {
			s.Reveal()[i] ^= 0xff
		}
	}
}

// TestMemoryIsGivenBack: what one card takes is free again before the next is
// tried, so that a quorum costs no more memory than one card.
func TestMemoryIsGivenBack(t *testing.T) {
	const work, takes = 14, 16 << 20 // bytes
	sealed, err := Seal(issue(t, 1, 1).Cards[0], pass("opens it"), work)
	if err != nil {
		t.Fatal(err)
	}
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := inUse()
	for range 3 {
		if _, err := Open("usb", sealed, pass("wrong")); err == nil {
			t.Fatal("a wrong passphrase opens a card")
		}
		if after := inUse(); after > before+takes/4 {
			t.Errorf("%d bytes are in use after a card, %d before", after, before)
		}
	}
}
