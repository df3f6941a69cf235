package world_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestAttackOldCards: whoever kept the old cards and the old kmdata, with its
// log, opens neither the token nor a backup made since, and signs nothing that
// counts.
func TestAttackOldCards(t *testing.T) {
	r := rig.NewKeyWorld(t)
	kept := *r
	kept.Dir, kept.Log = copied(t, r.Dir), &rig.Log{Lines: slices.Clone(r.Log.Lines)}
	kept.People = rig.NewPeople(3)
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	kept.Folders = old
	kept.People.Why = "so that the session goes on"
	k, err := r.Chain(t).Key("first")
	rig.OK(t, err)
	fresh, err := base64.StdEncoding.DecodeString(k.Backup)
	rig.OK(t, err)
	if err := kept.Quorum(nothingOf); exitcode.Of(err) != exitcode.Check {
		t.Errorf("the token's keys are of another card set: %v", err)
	}
	a := kept.Access()
	a.WithoutUser = true // as if nobody had looked at the token's keys
	rig.OK(t, kept.With(a, old[:2], func(s *session.Quorum) error {
		kept.Refused(t, s.AsSO(func() error { return nil }), exitcode.HSM,
			`the SO PIN of token "test world" (serial SERIAL) is not the one from the cards, and somebody else may know it: `+
				`wrong SO PIN for token "test world" (serial SERIAL) (CKR_PIN_INCORRECT); `+
				"the token counts wrong PINs and will lock it after a few more",
			"byok-offline world recover puts the world on a token whose SO PIN the cards set; keep kmdata for the auditor")
		s.SetPIN(rig.Secret(rig.UserPIN))
		return s.AsUser(func() error {
			kept.Refused(t, s.ProveBackup(k.Identity, fresh), exitcode.Check, "the backup does not open with these cards",
				"use the key file as it was when it was written; byok-offline world check names what was altered")
			return nil
		})
	}))
	r.Whole(t)
}

func nothingOf(*session.Quorum) error { return nil }

// TestAttackOldCardsSign: a statement of the old KNSO with a number above the
// replacement is refused by whoever has the record.
func TestAttackOldCardsSign(t *testing.T) {
	r := rig.NewKeyWorld(t)
	kept := *r
	kept.Dir, kept.Log = copied(t, r.Dir), &rig.Log{Lines: slices.Clone(r.Log.Lines)}
	rig.OK(t, kept.Quorum(func(s *session.Quorum) error { // while the old cards are still good
		_, err := world.Quorum{Quorum: s}.Seal()
		return err
	}))
	r.People.Paper = r.Paper(t)
	r.Log.Add("elsewhere")
	r.People.Why = "a copy was used"
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	last := r.Chain(t).Last().Number()
	data, err := os.ReadFile(filepath.Join(kept.Dir, "local", "statements", "000004-seal.json"))
	rig.OK(t, err)
	sig, err := os.ReadFile(filepath.Join(kept.Dir, "local", "statements", "000004-seal.sig"))
	rig.OK(t, err)
	name := filepath.Join(r.Dir, "local", "statements", "000099-seal")
	rig.OK(t, os.WriteFile(name+".json", data, 0o600))
	rig.OK(t, os.WriteFile(name+".sig", sig, 0o600))
	if _, err := r.Connect(); exitcode.Of(err) != exitcode.Check || last < 5 {
		t.Errorf("%v", err)
	}
}

// TestAttackOtherModuleStaysOpen names a module that the replacement did not
// reach: the old cards still log in there, and that is said.
func TestAttackOtherModuleStaysOpen(t *testing.T) {
	r := rig.NewWorld(t)
	r.People.Paper = r.Paper(t)
	first := r.Plugged(t)[0]
	_, err := world.Recover(r.Recovery("second"))
	rig.OK(t, err)
	second := r.Plugged(t)[slices.IndexFunc(r.Plugged(t), func(n string) bool { return n != first })]
	kept := *r
	kept.Dir, kept.Log = copied(t, r.Dir), &rig.Log{Lines: slices.Clone(r.Log.Lines)}
	kept.People = rig.NewPeople(3)
	r.Unplug(t, second)
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	r.Unplug(t, first)
	r.Plug(t, second)
	kept.Folders = old
	rig.OK(t, kept.Quorum(func(s *session.Quorum) error { return s.AsSO(func() error { return nil }) }))
	r.Heard(t, r.People.Warned, "still open to the old cards: SoftHSM project SoftHSM v2, serial SERIAL")
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		return world.Quorum{Quorum: s}.ReplaceCards(world.Replacement{CardOrder: r.Order(2), NewUI: r.People, OldUI: r.People})
	}))
	err = kept.Quorum(func(s *session.Quorum) error { return s.AsSO(func() error { return nil }) })
	if err == nil {
		t.Error("the old cards still log in")
	}
}

// TestAttackPlantedKML: between two runs of a creation somebody with the user
// PIN plants a module signing key of his own. It is not taken.
func TestAttackPlantedKML(t *testing.T) {
	r := rig.New(t, 3)
	t.Setenv("SHIM_DO", "fail=0x30")
	t.Setenv("SHIM_AT", "C_GenerateKeyPair")
	_, err := world.Create(r.Creation(2))
	if err == nil {
		t.Fatal("the call did not fail")
	}
	t.Setenv("SHIM_AT", "")
	note, err := os.ReadFile(filepath.Join(r.Dir, "local", ".world-create.pending"))
	rig.OK(t, err)
	_, rest, _ := strings.Cut(string(note), `"module": "`)
	label := "byok-kml-" + rest[:32]
	var planted []byte
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		public, _ := a.Pair(label, 1)
		v, err := a.GetAttributeValue(a.Handle, public, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
		rig.OK(t, err)
		planted = v[0].Value
	})
	_, err = world.Create(r.Creation(2))
	rig.OK(t, err)
	r.Whole(t)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		v, err := a.GetAttributeValue(a.Handle, a.One(label, pkcs11.CKO_PUBLIC_KEY),
			[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
		rig.OK(t, err)
		if slices.Equal(v[0].Value, planted) {
			t.Error("the planted key became KML")
		}
	})
}

// TestAttackPendingNote: a note of an interrupted creation, put beside a world,
// does not make it creatable again.
func TestAttackPendingNote(t *testing.T) {
	r := rig.NewWorld(t)
	note := "{\n  \"type\": \"byok-pending\",\n  \"version\": 1,\n  \"note\": {\n    \"label\": \"\",\n    \"rehearsal\": false,\n" +
		"    \"module\": \"\",\n    \"knso\": {\n      \"public_key\": \"\",\n      \"sealed\": \"\"\n    },\n    \"km\": {\n" +
		"      \"public_key\": \"\",\n      \"sealed\": \"\"\n    },\n    \"dealt\": false,\n    \"taken\": false\n  }\n}\n"
	rig.OK(t, os.WriteFile(filepath.Join(r.Dir, "local", ".world-create.pending"), []byte(note), 0o600))
	r.NewCards(t, 3)
	_, err := world.Create(r.Creation(2))
	r.Refused(t, err, exitcode.Refused, "DIR/local/world: a security world already exists and is never overwritten",
		"name another folder with --kmdata, or byok-offline world info")
}

// copied copies a folder to a new one.
func copied(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	rig.OK(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}
