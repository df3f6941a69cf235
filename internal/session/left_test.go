package session_test

import (
	"os"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/quorum"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// TestCardsOpenKNSO: cards that do not open the KNSO of their set begin no
// session, before anything is signed with it.
func TestCardsOpenKNSO(t *testing.T) {
	r := rig.NewWorld(t)
	s := connected(t, r)
	world := s.Chain.World()
	world.KNSO.Sealed = world.KM.Sealed
	r.Refused(t, begin(r, s, r.Folders[:2]), exitcode.Check,
		"the sealed private half of KNSO does not open with these cards", "")
}

// TestCloseWipes: with the session go the user PIN, and what the cards gave.
func TestCloseWipes(t *testing.T) {
	r := rig.NewWorld(t)
	q, err := session.Begin(r.Access(), connected(t, r), r.Order(2).Media[:2])
	rig.OK(t, err)
	pin, world, at := q.PIN(), q.Secret(), q.Set().Cards.Context()
	if pin.Len() == 0 {
		t.Error("there is no PIN to be wiped")
	}
	q.Close()
	if pin.Len() != 0 {
		t.Error("the user PIN is still there")
	}
	if key, err := world.Key(at, quorum.PurposeSealKNSO); err == nil {
		key.Wipe()
		t.Error("the world secret is still there")
	}
}

// TestPutsBack: a key file that an interrupted run had put aside has its name
// again, before anything is done with it.
func TestPutsBack(t *testing.T) {
	r := rig.NewKeyWorld(t)
	path := r.Chain(t).KeyPath("first")
	for _, end := range []string{"", ".sig"} {
		rig.OK(t, os.Rename(path+end, path+".20260101T000000Z"+end))
	}
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		_, err := s.Chain.Key("first")
		return err
	}))
}

// TestBackupOfAnotherKey: a backup that opens is not yet one of the key.
func TestBackupOfAnotherKey(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, generate(r, "second", hsm.Spec{Kind: rig.Kind(t, "P-256")}))
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		first, err := s.Chain.Key("first")
		rig.OK(t, err)
		return s.AsUser(func() error {
			key, err := s.HSM.FindKey("key_simple_second")
			rig.OK(t, err)
			backup, err := s.Backup(key)
			rig.OK(t, err)
			r.Refused(t, s.ProveBackup(first.Identity, backup), exitcode.Check,
				`the restored key on token "test world" (serial SERIAL) is not the key that its public key describes`, "")
			return nil
		})
	}))
}

// TestBreakOnce: the first statement of a session says what the record lacks,
// and no other repeats it.
func TestBreakOnce(t *testing.T) {
	r := rig.NewWorld(t)
	r.Log.Lines = nil
	r.People.Why = "the disk was restored"
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		for range 2 {
			if _, err := s.Sign(&statement.Seal{}); err != nil {
				return err
			}
		}
		return s.Finish()
	}))
	entries := r.Chain(t).Entries()
	first, second := statement.HeaderOf(entries[2].Statement), statement.HeaderOf(entries[3].Statement)
	if first.Break == nil || first.Break.Reason != "the disk was restored" || second.Break != nil {
		t.Errorf("%+v, then %+v", first.Break, second.Break)
	}
}
