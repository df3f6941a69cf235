package world_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestReplaceCards makes everything new: cards, KNSO, KM, KW, SO PIN, backups.
func TestReplaceCards(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "alone"))
	before, module := r.Chain(t), r.Chain(t).Modules()[0]
	sopin := officer(t, r)
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	chain := r.Chain(t)
	set := chain.Set()
	if set.Cards.Number != 2 || chain.HKNSO() == before.HKNSO() || set.KM.PublicKey == before.Set().KM.PublicKey {
		t.Errorf("%+v", set)
	}
	m := chain.Modules()[0]
	if m.CardSet != 2 || m.KML != module.KML || m.KW == module.KW || m.Module != module.Module || len(m.Findings) != 10 {
		t.Errorf("%+v", m)
	}
	if c := chain.Entries()[slices.IndexFunc(chain.Entries(), isCards)].Statement.(*statement.Cards); !slices.Equal(c.Own, statement.OwnPassphrases{1, 2, 3}) || len(c.PINs) != 1 {
		t.Errorf("%+v", c)
	}
	r.Whole(t)
	for _, ident := range []string{"first", "alone"} {
		k, err := chain.Key(ident)
		rig.OK(t, err)
		if k.CardSet != 2 {
			t.Errorf("%s: its backup is under card set %d", ident, k.CardSet)
		}
	}
	if now := officer(t, r); now == sopin {
		t.Error("the SO PIN is the same")
	}
	oldGone(t, r, module.Module, sopin)
	rig.OK(t, quorum(r, func(s world.Quorum) error { // and the new backups open
		k, err := s.Chain.Key("first")
		rig.OK(t, err)
		list, err := keys.Restorables(s.Chain, []string{"first", "alone"})
		rig.OK(t, err)
		if list[0].Origin != "quorum" || list[1].Origin != "unproved" {
			t.Errorf("%s, %s", list[0].Origin, list[1].Origin)
		}
		return s.AsUser(func() error { return s.ProveBackup(k.Identity, list[0].Backup) })
	}))
	r.Heard(t, r.People.Said, "backup of alone wrapped again, 1 of 2", "backup of first wrapped again, 2 of 2")
}

func isCards(e kmdata.Entry) bool {
	_, is := e.Statement.(*statement.Cards)
	return is
}

// officer is the SO PIN of the module at hand.
func officer(t *testing.T, r *rig.Rig) (pin string) {
	t.Helper()
	rig.OK(t, quorum(r, func(s world.Quorum) error {
		so, err := s.Present(pins.SO)
		rig.OK(t, err)
		defer so.Wipe()
		pin = strings.Clone(so.Text())
		return nil
	}))
	return pin
}

// oldGone: nothing of the earlier card set is on the token, and its PIN does
// not log in.
func oldGone(t *testing.T, r *rig.Rig, module, pin string) {
	t.Helper()
	r.Attack(t, r.Label, "", func(a *rig.Attacker) {
		if a.Login(a.Handle, pkcs11.CKU_SO, pin) == nil {
			t.Error("the old cards' SO PIN still logs in")
		}
	})
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		if n := len(a.Find(statement.KMLabel(module, 1))) + len(a.Find(statement.KWLabel(module, 1))); n > 0 {
			t.Errorf("%d trusted keys of the old set are left", n)
		}
	})
}

// TestReplaceFromBackups: a key that only its backup holds, and a frozen one,
// come from their backups.
func TestReplaceFromBackups(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "retired"))
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		_, err := keys.Operator{Operator: o}.Retire("retired")
		return err
	}))
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{Quorum: s}.Freeze("first")
		return err
	}))
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	r.Whole(t)
	rig.OK(t, restore(r, "retired"))
	r.Whole(t)
}

// TestReplaceRefused changes nothing.
func TestReplaceRefused(t *testing.T) {
	r := rig.NewWorld(t)
	for _, c := range []struct {
		name   string
		change func(p *world.Replacement)
		code   exitcode.Code
		text   string
		hint   string
	}{
		{"a card too few", func(p *world.Replacement) { p.Media = p.Media[:2] }, exitcode.Usage,
			"quorum 2/3 needs 3 cards and as many holders; given: 2 cards and 3 holders", ""},
		{"a card that is not blank", func(p *world.Replacement) {
			rig.OK(t, os.WriteFile(filepath.Join(r.Folders[0], cards.CardFile), []byte("card"), 0o600))
		}, exitcode.Refused, "card 1: CARD1/byok-card.age: this card is not blank, and cards are never overwritten",
			"insert a blank medium, or remove that file if no world needs it"},
	} {
		p, old := replacement(t, r)
		c.change(&p)
		r.Refused(t, replace(r, p, old), c.code, c.text, c.hint)
		r.Folders = old
	}
	r.Whole(t)
	if n := r.Chain(t).Set().Cards.Number; n != 1 {
		t.Errorf("card set %d", n)
	}
}

// replacing prepares a replacement of the cards of a world with a key.
func replacing(t *testing.T) func() (*rig.Rig, func() error) {
	return func() (*rig.Rig, func() error) {
		r := rig.NewKeyWorld(t)
		p, old := replacement(t, r)
		return r, func() error {
			r.People.Paper = r.Paper(t)
			return replace(r, p, old)
		}
	}
}

// TestReplaceCutShort goes on wherever it died: before the new cards are in
// force with blank cards, later with the new ones.
func TestReplaceCutShort(t *testing.T) { dying(t, replacing(t)) }

// TestReplaceQuestionsRefused: so does one in which somebody gave up.
func TestReplaceQuestionsRefused(t *testing.T) { refusing(t, replacing(t)) }

// dealt are people around a replacement who start something when the last new
// card is dealt.
func dealt(r *rig.Rig, start func()) rig.Hearing {
	return rig.Hearing{People: r.People, Text: "written and read back, 3 of 3", Do: start}
}

// TestReplaceOnEveryModule: a module that was absent is behind, is named,
// takes no work, and is reached by the same command; two replacements later
// still.
func TestReplaceOnEveryModule(t *testing.T) {
	r := rig.NewKeyWorld(t)
	r.People.Paper = r.Paper(t)
	first := r.Plugged(t)[0]
	_, err := world.Recover(r.Recovery("second"))
	rig.OK(t, err)
	second := r.Plugged(t)[slices.IndexFunc(r.Plugged(t), func(n string) bool { return n != first })]
	r.Unplug(t, second)
	for range 2 {
		p, old := replacement(t, r)
		rig.OK(t, replace(r, p, old))
		r.Heard(t, r.People.Warned, "still open to the old cards: SoftHSM project SoftHSM v2, serial SERIAL")
		r.Finds(t, "module "+r.Chain(t).Modules()[1].Token.String(), "FAIL: it is still open to the old cards")
	}
	r.Unplug(t, first)
	r.Plug(t, second)
	behind(t, r)
	old := r.Folders
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		return world.Quorum{Quorum: s}.ReplaceCards(world.Replacement{CardOrder: r.Order(2), NewUI: r.People, OldUI: r.People})
	}))
	if m := r.Chain(t).Modules()[1]; m.CardSet != 3 || len(r.Chain(t).Behind()) > 0 || !slices.Equal(old, r.Folders) {
		t.Errorf("card set %d", m.CardSet)
	}
	r.Whole(t)
}

// behind: whatever needs the set in force is refused on a module that is behind.
func behind(t *testing.T, r *rig.Rig) {
	t.Helper()
	const text = "SoftHSM project SoftHSM v2, serial SERIAL is still open to the cards of set 1"
	const hint = "byok-offline world replace-cards --card DIR … finishes the replacement on it"
	refused := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: not refused", what)
			return
		}
		r.Refused(t, err, exitcode.Refused, text, hint)
	}
	refused("generate", generate(r, "new"))
	refused("generate alone", alone(r, "new"))
	refused("restore", restore(r, "first"))
	refused("freeze", r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{Quorum: s}.Freeze("first")
		return err
	}))
	refused("approve", r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{Quorum: s}.Approve(nil)
		return err
	}))
	refused("accept", quorum(r, func(s world.Quorum) error { return s.Accept() }))
	for _, what := range []string{"trusted objects", "guard", "anchor", "other objects"} {
		r.Finds(t, what, "not checked: the card replacement has not reached the module")
	}
	rig.OK(t, quorum(r, seal)) // with the PIN that was passed on
}

// TestReplaceHalfway: while a replacement is cut short on one module, another
// one cannot begin: that module's PIN would be lost.
func TestReplaceHalfway(t *testing.T) {
	r := rig.NewWorld(t)
	r.People.Paper = r.Paper(t)
	first := r.Plugged(t)[0]
	_, err := world.Recover(r.Recovery("second"))
	rig.OK(t, err)
	second := r.Plugged(t)[slices.IndexFunc(r.Plugged(t), func(n string) bool { return n != first })]
	r.Unplug(t, second)
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	r.Unplug(t, first)
	r.Plug(t, second)
	t.Setenv("SHIM_DO", "fail-after=0x30")
	t.Setenv("SHIM_AT", "C_SetPIN")
	err = r.Quorum(func(s *session.Quorum) error {
		return world.Quorum{Quorum: s}.ReplaceCards(world.Replacement{CardOrder: r.Order(2), NewUI: r.People, OldUI: r.People})
	})
	if err == nil {
		t.Error("the call did not fail")
	}
	t.Setenv("SHIM_AT", "")
	r.Unplug(t, second)
	r.Plug(t, first)
	again, now := replacement(t, r)
	r.Refused(t, replace(r, again, now), exitcode.Refused,
		"the last card replacement was interrupted on SoftHSM project SoftHSM v2, serial SERIAL",
		"connect that module and run byok-offline world replace-cards to its end, or strike it off")
	r.Folders = now
	r.Unplug(t, first)
	r.Plug(t, second)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		return world.Quorum{Quorum: s}.ReplaceCards(world.Replacement{CardOrder: r.Order(2), NewUI: r.People, OldUI: r.People})
	}))
	r.Whole(t)
}

// TestReplaceNeedsOldCards: once the new set is in force, backups that are
// still under the old one need its cards too.
func TestReplaceNeedsOldCards(t *testing.T) {
	r := rig.NewKeyWorld(t)
	r.People.Paper = r.Paper(t)
	p, old := replacement(t, r)
	p.NewUI = dealt(r, func() {
		t.Setenv("SHIM_DO", "fail=0x30")
		t.Setenv("SHIM_AT", "C_Login+")
	})
	if err := replace(r, p, old); err == nil {
		t.Error("the call did not fail")
	}
	t.Setenv("SHIM_AT", "")
	p.NewUI = r.People
	without := p
	without.Old = nil
	err := replace(r, without, old)
	r.Refused(t, err, exitcode.Refused, "cards of set 1: 0 given, 2 needed",
		"backups of first are still under the old set: give its cards with --card too")
	rig.OK(t, replace(r, p, old))
	r.Whole(t)
}

// TestReplaceKeepsCardsInForce: a note that was left behind removes no card of
// the set in force, whatever media are given.
func TestReplaceKeepsCardsInForce(t *testing.T) {
	r := rig.NewWorld(t)
	path := filepath.Join(r.Dir, "local", ".world-replace-cards.pending")
	var note []byte
	p, old := replacement(t, r)
	p.NewUI = dealt(r, func() {
		var err error
		note, err = os.ReadFile(path)
		rig.OK(t, err)
	})
	rig.OK(t, replace(r, p, old))
	rig.OK(t, os.WriteFile(path, note, 0o600))
	p.NewUI = r.People
	err := r.Quorum(func(s *session.Quorum) error { return world.Quorum{Quorum: s}.ReplaceCards(p) })
	r.Refused(t, err, exitcode.Refused, "card 1: CARD1/byok-card.age: this card is not blank, and cards are never overwritten",
		"insert a blank medium, or remove that file if no world needs it")
	rig.OK(t, quorum(r, nothing))
}
