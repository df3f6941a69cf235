package session_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/keywrap"
	"byok/internal/pins"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// replace gives a world new cards, on the module at hand. The old cards'
// folders are returned.
func replace(t *testing.T, r *rig.Rig) (old []string) {
	t.Helper()
	old = r.Folders
	station, err := r.Connect()
	rig.OK(t, err)
	defer station.Close()
	s, err := session.Begin(r.Access(), station, cards.Folders(old[:2]))
	rig.OK(t, err)
	defer s.Close()
	r.NewCards(t, 3)
	rig.OK(t, world.Quorum{Quorum: s}.ReplaceCards(world.Replacement{
		CardOrder: r.Order(2), NewUI: r.People, Old: cards.Folders(old[:2]), OldUI: r.People,
	}))
	return old
}

// generate makes a key of a kind before the quorum.
func generate(r *rig.Rig, ident string, spec hsm.Spec) error {
	return r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{Quorum: s}.Generate(keys.Generation{Ident: ident, Spec: spec})
		return err
	})
}

func TestOldCards(t *testing.T) {
	r := rig.NewWorld(t)
	old := replace(t, r)
	r.Refused(t, r.QuorumOf(old[:2], nothing), exitcode.Refused, "card 1 (Ada) is of card set 1, which set 2 has replaced",
		"destroy the old card and use the new one")
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		r.Refused(t, s.ReadFormer(cards.Folders(old[:1]), r.People), exitcode.Refused,
			"cards of set 1: 1 given, 2 needed", "give --card once for each of 2 cards")
		r.Refused(t, s.ReadFormer(cards.Folders(r.Folders[:2]), r.People), exitcode.Refused,
			"CARD1: card 1 (Ada) is of card set 2, not of set 1",
			"if set 1 was replaced, use cards of set 2 and kmdata as it was afterwards")
		rig.OK(t, s.ReadFormer(cards.Folders(old[:2]), r.People))
		if s.Former() == nil {
			t.Error("the old cards were read, and open nothing")
		}
		return s.ReadFormer(nil, r.People) // they are read already
	}))
}

// TestBehind: the second module is open to the old cards until the replacement
// has reached it.
func TestBehind(t *testing.T) {
	r, first, second := twoModules(t)
	r.Unplug(t, second)
	replace(t, r)
	r.Unplug(t, first)
	r.Plug(t, second)
	s, err := r.Connect()
	rig.OK(t, err)
	if !s.Behind() {
		t.Error("the module is not behind")
	}
	r.Refused(t, s.Current(), exitcode.Refused,
		"SoftHSM project SoftHSM v2, serial SERIAL is still open to the cards of set 1",
		"byok-offline world replace-cards --card DIR … finishes the replacement on it")
	s.Close()
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		if s.Former() != nil {
			t.Error("old cards were read")
		}
		rig.OK(t, s.AsSO(func() error { return nil })) // with the PIN that the replacement passed on
		former, err := s.FormerPIN(pins.SO, s.Module.Module)
		rig.OK(t, err)
		defer former.Wipe()
		next, err := s.NewPIN(pins.SO, s.Module.Module)
		rig.OK(t, err)
		defer next.Wipe()
		rig.OK(t, s.As(hsm.RoleSO, former, func() error { return s.HSM.ChangePIN(former, next) }))
		rig.OK(t, s.AsSO(func() error { return nil })) // an interrupted run has changed it already
		_, err = s.FormerPIN(pins.SO, "0123456789abcdef0123456789abcdef")
		r.Refused(t, err, exitcode.Check, "statement 4, the card replacement, does not name the module MODULE", "")
		return nil
	}))
}

// TestPINOf derives the PIN of every module of the world.
func TestPINOf(t *testing.T) {
	r, first, _ := twoModules(t)
	r.Unplug(t, first)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		var texts []string
		for _, m := range s.Chain.Modules() {
			pin, err := s.PINOf(pins.SO, m)
			rig.OK(t, err)
			texts = append(texts, pin.Text())
			if pin.Len() != 40 {
				t.Errorf("%d characters", pin.Len())
			}
		}
		if len(texts) != 2 || texts[0] == texts[1] {
			t.Error("two modules have one PIN")
		}
		return nil
	}))
}

// TestSealedPIN: a PIN that was not derived comes out of its seal.
func TestSealedPIN(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		m := *s.Module
		m.SOPIN.Sealed = s.Set().KM.Sealed
		_, err := pins.SO.Current(s.Secret(), s.Set().Cards, &m)
		if exitcode.Of(err) != exitcode.Check {
			t.Errorf("the seal on KM opened as a PIN: %v", err)
		}
		return nil
	}))
}

// TestBackups open with the cards of their set, and with no others.
func TestBackups(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, generate(r, "ec", hsm.Spec{Kind: rig.Kind(t, "P-256")}))
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		k, err := s.Chain.Key("ec")
		rig.OK(t, err)
		return s.AsUser(func() error {
			key, err := s.HSM.FindKey(k.Name())
			rig.OK(t, err)
			backup, err := s.Backup(key)
			rig.OK(t, err)
			rig.OK(t, s.ProveBackup(k.Identity, backup))
			const text, hint = "the backup does not open with these cards",
				"use the key file as it was when it was written; byok-offline world check names what was altered"
			for _, bad := range [][]byte{nil, backup[:384], flipped(backup, 3), flipped(backup, 400)} {
				r.Refused(t, s.ProveBackup(k.Identity, bad), exitcode.Check, text, hint)
			}
			other := k.Identity
			other.KeyType = "DSA"
			if err := s.ProveBackup(other, backup); err == nil {
				t.Error("a key of no kind was restored")
			}
			return nil
		})
	}))
}

func flipped(b []byte, at int) []byte {
	out := append([]byte{}, b...)
	out[at] ^= 1
	return out
}

// TestOneCallBackups are wrapped and opened alike.
func TestOneCallBackups(t *testing.T) {
	r := rig.NewOneCallWorld(t)
	if form := r.Chain(t).Modules()[0].Form; form != keywrap.OneCall {
		t.Fatalf("form %s", form)
	}
	rig.OK(t, generate(r, "ec", hsm.Spec{Kind: rig.Kind(t, "P-256")}))
}

// TestMixed keeps rehearsals and production apart.
func TestMixed(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, session.Mixed(r.Chain(t), "it", true))
	r.Refused(t, session.Mixed(r.Chain(t), "it", false), exitcode.Refused,
		"it is from production, and this is a rehearsal world (DIR)", "")
}

// TestCheckHeaders compares what cards say in clear, before a library is loaded.
func TestCheckHeaders(t *testing.T) {
	r := rig.NewWorld(t)
	chain := r.Chain(t)
	rig.OK(t, session.CheckHeaders(chain, cards.Folders(r.Folders)))
	const hint = "name that world's folder with --kmdata, or use a card of this world"
	path := filepath.Join(r.Folders[1], cards.HeaderFile)
	genuine, err := os.ReadFile(path)
	rig.OK(t, err)
	for _, c := range []struct {
		name   string
		header string
		text   string
		hint   string
	}{
		{"another world's", strings.Replace(string(genuine), chain.HKNSO().String(), strings.Repeat("0a", 32), 1),
			"CARD2: card 2 (Ben) belongs to a different security world than DIR (hknso HKNSO, not HKNSO)", hint},
		{"production's", strings.Replace(string(genuine), `"rehearsal": true`, `"rehearsal": false`, 1),
			"CARD2: card 2 (Ben) belongs to a different security world than DIR (hknso HKNSO, not HKNSO)", hint},
		{"missing", "", "CARD2: the card's header is missing, so nothing says that it is of a rehearsal",
			"copy the header back beside the card, or use another card of the set"},
	} {
		rig.OK(t, os.Remove(path))
		if c.header != "" {
			rig.OK(t, os.WriteFile(path, []byte(c.header), 0o600))
		}
		r.Refused(t, session.CheckHeaders(chain, cards.Folders(r.Folders)), exitcode.Refused, c.text, c.hint)
		rig.OK(t, os.WriteFile(path, genuine, 0o600))
	}
	if err := session.CheckHeaders(chain, cards.Folders([]string{t.TempDir()})); exitcode.Of(err) != exitcode.Refused {
		t.Errorf("%v", err)
	}
}
