package cards

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"byok/internal/exitcode"
)

// slot is the one place for a stick: a link to the folder that stands for the
// stick which is inside.
type slot struct {
	t      *testing.T
	path   string
	sticks []string
}

func newSlot(t *testing.T, sticks ...string) slot {
	t.Helper()
	s := slot{t, filepath.Join(t.TempDir(), "usb"), sticks}
	s.inside(0)
	return s
}

func (s slot) inside(n int) {
	s.t.Helper()
	_ = os.Remove(s.path)
	must(s.t, os.Symlink(s.sticks[n], s.path))
}

// media are n media that take turns.
func (s slot) media(n int) []Medium {
	var paths []string
	for range n {
		paths = append(paths, s.path)
	}
	return Folders(paths)
}

// person puts the sticks in by order, one whenever the next one is asked for.
func (s slot) person(p *person, order ...int) *person {
	p.insert = func(n int) error {
		if n > len(order) {
			return errGaveUp
		}
		s.inside(order[n-1])
		return nil
	}
	return p
}

const removed = "take the card out of "

// TestOneSocket deals and reads a set through one socket.
func TestOneSocket(t *testing.T) {
	made := issue(t, 2, 3)
	s := newSlot(t, dirs(t, 3)...)
	media := s.media(3)
	must(t, CheckPlaces(media, t.TempDir(), true))
	must(t, CheckBlank(media))
	p := s.person(types("one", "two", "three"), 1, 2)
	for i := range p.answers {
		p.answers[i].own = true
	}
	_, err := Deal(made, "Contoso", media, testWork, p)
	must(t, err)
	if want := removed + s.path + ", insert the medium of card 2 (Bob) and press Enter"; !slices.Contains(p.heard, want) {
		t.Errorf("%q, want %q", p.heard, want)
	}

	s.inside(0)
	p = s.person(types("one", "three"), 2)
	q, err := Read(s.media(2), setOf(made.Set), p, 2)
	must(t, err)
	q.Wipe()
	p.expectHeard(t, "read",
		"ask 0, try 1: passphrase of Alice's card in "+s.path+" (1 of 2)", "say: reading the card in "+s.path+" …",
		"say: card 1 (Alice) read, 1 of 2", removed+s.path+", insert the next card, 2 of 2, and press Enter",
		"ask 1, try 1: passphrase of Carol's card in "+s.path+" (2 of 2)", "say: reading the card in "+s.path+" …",
		"say: card 3 (Carol) read, 2 of 2")

	s.inside(0)
	list, err := Check(s.media(3), made.Set, s.person(types("one", "two", "three"), 1, 2))
	must(t, err)
	for i, c := range list {
		if c.Err != nil {
			t.Errorf("card %d: %v", i+1, c.Err)
		}
	}
	s.inside(0)
	again, err := Reread(made.Set, s.media(3), s.person(types("one", "two", "three"), 1, 2))
	must(t, err)
	again.Wipe()
	s.inside(0)
	must(t, RemoveAll(made.Set, s.media(3))) // of what is inside
	if len(names(t, Folder(s.sticks[0]))) != 0 || len(names(t, Folder(s.sticks[1]))) != 2 {
		t.Error("the card inside stays, or one that is not inside goes")
	}
}

// TestOneSocketRefuses what is inside when it is its turn, before a passphrase is
// asked for.
func TestOneSocketRefuses(t *testing.T) {
	made, other := issue(t, 2, 3), issue(t, 2, 3)
	other.Set.HKNSO[0]++
	for i := range other.Cards {
		other.Cards[i].HKNSO[0]++
	}
	sticks := []string{}
	for _, m := range append(written(t, made), written(t, other)...) {
		sticks = append(sticks, m.String())
	}
	blank, bare := t.TempDir(), written(t, made)[1].String()
	must(t, os.Remove(filepath.Join(bare, HeaderFile)))
	s := newSlot(t, append(sticks, blank, bare)...)
	for _, c := range []struct {
		name  string
		order []int
		want  failure
	}{
		{"blank three times", []int{6, 6, 6}, failure{s.path + ": blank card, no byok-card.age in it", exitcode.Refused,
			"insert the medium with the card, or name the folder the card is in"}},
		{"the same card three times", []int{0, 0, 0}, failure{s.path + ": card 1 (Alice) is inside again", exitcode.Refused,
			"insert another card of the set"}},
		{"of another world", []int{4}, failure{s.path + ": Bob's card in " + s.path + " is not of the set of the first card",
			exitcode.Refused, "use another card of the set"}},
		{"without a header, in a rehearsal", []int{7}, failure{
			s.path + ": the card in " + s.path + " is not of the set of the first card",
			exitcode.Refused, "use another card of the set"}},
		{"nothing more", nil, failure{errGaveUp.Error(), exitcode.Failed, ""}},
	} {
		s.inside(0)
		p := s.person(types("pass 1"), c.order...)
		_, err := Read(s.media(2), setOf(made.Set), p, 2)
		expect(t, c.name, err, c.want)
	}

	s.inside(6)
	media := s.media(2)
	must(t, CheckPlaces(media, t.TempDir(), true))
	p := s.person(types("one"), 0, 0, 0)
	p.answers[0].own = true
	_, err := Deal(issue(t, 1, 2), "Contoso", media, testWork, p)
	expect(t, "a medium that is not blank", err, failure{
		s.path + "/byok-card.age: this card is not blank, and cards are never overwritten; " +
			"the card in " + s.path + " could not be removed: " + s.path + ": another medium is inside now",
		exitcode.Refused, "insert a blank medium, or remove that file if no world needs it"})
	for name, f := range map[string]func() error{
		"Write":   func() error { return media[0].Write(Header{}, nil) },
		"Replace": func() error { return media[0].Replace(nil, nil) },
		"Remove":  media[0].Remove,
		"Read":    func() error { _, _, err := media[0].Read(); return err },
	} {
		expect(t, name, f(), failure{s.path + ": another medium is inside now", exitcode.Refused,
			"insert medium 1 of those that take turns there"})
	}
}
