package keys_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/recordcopy"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// plant leaves the note of an interrupted operation: nothing signs it, so that
// whoever writes to kmdata can.
func plant(t *testing.T, r *rig.Rig, verb, ident string) {
	t.Helper()
	note := "{\n  \"type\": \"byok-pending\",\n  \"version\": 1,\n  \"note\": {\n    \"label\": \"key_simple_" + ident + "\"\n  }\n}\n"
	rig.OK(t, os.WriteFile(r.Dir+"/local/."+verb+"_"+ident+".pending", []byte(note), 0o600))
}

// hide takes a key's file away.
func hide(t *testing.T, r *rig.Rig, ident string) {
	t.Helper()
	path := r.Chain(t).KeyPath(ident)
	rig.OK(t, os.Remove(path))
	rig.OK(t, os.Remove(kmdata.SignaturePath(path)))
}

// objects counts what the token holds under a label.
func objects(t *testing.T, r *rig.Rig, label string) (n int) {
	t.Helper()
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { n = len(a.Find(label)) })
	return n
}

// TestAttackPlantedNote: a key's file is hidden, and the note of an interrupted
// generation planted. Whoever then generates a key of that name destroys
// nothing: the key that is there is recorded as it is.
func TestAttackPlantedNote(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "alone"))
	rig.OK(t, alone(r, "approved"))
	_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "approved", "Approved"))
	rig.OK(t, err)
	before := map[string]*kmdata.Key{}
	for _, ident := range []string{"first", "alone", "approved"} {
		before[ident], err = r.Chain(t).Key(ident)
		rig.OK(t, err)
		hide(t, r, ident)
		plant(t, r, "key-generate", ident)
	}
	r.Refused(t, operator(r, func(o keys.Operator) error {
		_, err := o.Generate(keys.Generation{Ident: "alone", Spec: hsm.Spec{Kind: mustKind("AES-256")}})
		return err
	}), exitcode.Refused, `token "test world" (serial SERIAL) holds a key labelled key_simple_alone already`,
		"byok-offline world check says whether this world made it")
	for ident, old := range before {
		rig.OK(t, alone(r, ident))
		after, err := r.Chain(t).Key(ident)
		rig.OK(t, err)
		if n := objects(t, r, "key_simple_"+ident); n != 2 || !after.Identity.Same(old.Identity) || after.Origin != old.Origin {
			t.Errorf("%s: %d objects, origin %s", ident, n, after.Origin)
		}
	}
	r.Whole(t)
}

// TestAttackHiddenFile: a key's file is taken away. A world check, a copy of the
// record and a replacement of the cards see it, whether the token holds the key
// or not, and no new key takes its name.
func TestAttackHiddenFile(t *testing.T) {
	const text = "statement 3 (origin) names key_simple_first, and its file DIR/local/key_simple_first is missing"
	const hint = "bring the file back from a copy of kmdata; byok-offline key generate --ident first --without-quorum records " +
		"it again if the token holds the key, and with cards makes a new one if it does not"
	r := rig.NewKeyWorld(t)
	hide(t, r, "first")
	r.Finds(t, "key_simple_first", "FAIL: "+text)
	_, err := recordcopy.Make(r.Chain(t), filepath.Join(t.TempDir(), "copy"))
	r.Refused(t, err, exitcode.Check, text, hint)
	lose(t, r, "first")
	r.Finds(t, "key_simple_first", "FAIL: "+text)
	r.Refused(t, alone(r, "first"), exitcode.Check, text, hint)
	next := r.Order(2)
	next.Media = cards.Folders([]string{t.TempDir(), t.TempDir(), t.TempDir()})
	r.Refused(t, r.Quorum(func(s *session.Quorum) error {
		return world.Quorum{Quorum: s}.ReplaceCards(world.Replacement{
			NewUI: r.People, CardOrder: next, Old: cards.Folders(r.Folders[:2]), OldUI: r.People,
		})
	}), exitcode.Check, text, hint)
	rig.OK(t, generate(r, "first"))
	r.Whole(t)
}

// TestAttackPlantedKey: what is recorded in place of an interrupted run's key
// must prove that it is the one which its public half describes.
func TestAttackPlantedKey(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "new"))
	rig.OK(t, alone(r, "other"))
	hide(t, r, "new")
	plant(t, r, "key-generate", "new")
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		mine, other := a.One("key_simple_new", pkcs11.CKO_PRIVATE_KEY), a.One("key_simple_other", pkcs11.CKO_PRIVATE_KEY)
		named, err := a.GetAttributeValue(a.Handle, mine, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil), pkcs11.NewAttribute(pkcs11.CKA_ID, nil),
		})
		rig.OK(t, err)
		rig.OK(t, a.DestroyObject(a.Handle, mine))
		rig.OK(t, a.SetAttributeValue(a.Handle, other, named))
	})
	r.Refused(t, alone(r, "new"), exitcode.Check,
		`key_simple_new on token "test world" (serial SERIAL) is not the key that its public key describes`, "")
	if _, err := r.Chain(t).Key("new"); exitcode.Of(err) != exitcode.Usage {
		t.Errorf("a key was recorded: %v", err)
	}
}

// TestAloneTakenUp: what an interrupted run left of a pair is not whole, and
// goes; without a note it stays in the way.
func TestAloneTakenUp(t *testing.T) {
	r := rig.NewKeyWorld(t)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		_, private := a.Pair("key_simple_new", 5)
		rig.OK(t, a.DestroyObject(a.Handle, private))
	})
	plant(t, r, "key-generate", "new")
	rig.OK(t, alone(r, "new"))
	r.Whole(t)
}
