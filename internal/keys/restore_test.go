package keys_test

import (
	"os"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// lose destroys the objects of keys, as if the token had been lost.
func lose(t *testing.T, r *rig.Rig, idents ...string) {
	t.Helper()
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		for _, ident := range idents {
			if a.Remove("key_simple_"+ident) == 0 {
				t.Errorf("%s was not there", ident)
			}
		}
	})
}

func TestRestoreAll(t *testing.T) {
	r := rig.NewKeyWorld(t)
	for _, ident := range []string{"two", "three"} {
		rig.OK(t, generate(r, ident))
	}
	lose(t, r, "first", "three")
	rig.OK(t, quorum(r, func(s keys.Quorum) error {
		list, err := keys.Restorables(s.Chain, []string{"first", "two", "three"})
		rig.OK(t, err)
		missing, err := s.Missing(list)
		rig.OK(t, err)
		var idents []string
		for _, m := range missing {
			idents = append(idents, m.Key.Ident)
		}
		if !slices.Equal(idents, []string{"first", "three"}) {
			t.Errorf("missing %q", idents)
		}
		return s.Restore(missing)
	}))
	r.Heard(t, r.People.Said, "key_simple_first restored; origin quorum: generated with the card holders present (restored)",
		"key_simple_three restored; origin quorum: generated with the card holders present (restored)")
	r.Whole(t)
	o, found := r.Chain(t).Origin("first")
	if !found || !o.Restored || o.Origin != statement.OriginQuorum || slices.Contains(o.Attributes, "LOCAL") {
		t.Errorf("%+v", o)
	}
}

// TestRestoreHalfLost: where the private half alone was lost, the public half
// that is left goes when the key comes back, whether it is asked for by its name
// or as what is missing.
func TestRestoreHalfLost(t *testing.T) {
	r := rig.NewKeyWorld(t)
	halve := func() {
		r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
			rig.OK(t, a.DestroyObject(a.Handle, a.One("key_simple_first", pkcs11.CKO_PRIVATE_KEY)))
		})
	}
	halve()
	rig.OK(t, restore(r, "first"))
	r.Whole(t)
	halve()
	rig.OK(t, quorum(r, func(s keys.Quorum) error {
		list, err := keys.Restorables(s.Chain, []string{"first"})
		rig.OK(t, err)
		missing, err := s.Missing(list)
		rig.OK(t, err)
		if len(missing) != 1 {
			t.Errorf("%d keys are missing", len(missing))
		}
		return s.Restore(missing)
	}))
	r.Whole(t)
	if n := objects(t, r, "key_simple_first"); n != 2 {
		t.Errorf("%d objects are left", n)
	}
}

func TestRestoreRefused(t *testing.T) {
	r := rig.NewKeyWorld(t)
	r.Refused(t, restore(r, "first"), exitcode.Refused, `key_simple_first is on token "test world" (serial SERIAL) already`,
		"byok-offline key retire --ident first destroys it first")
	r.Refused(t, restore(r, "none"), exitcode.Usage, "DIR/local/key_simple_none: there is no such key in this world",
		"byok-offline key generate --ident none")
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Pair("key_simple_first", 3) })
	r.Refused(t, restore(r, "first"), exitcode.HSM,
		`2 objects on token "test world" (serial SERIAL) are labelled key_simple_first instead of one`, "")
	lose(t, r, "first")
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Remove(trustedLabels(r.Chain(t))[1]) })
	r.Refused(t, restore(r, "first"), exitcode.Check, `token "test world" (serial SERIAL) lacks byok-kw-MODULE-1`,
		"byok-offline world replace-cards makes the trusted keys again; world check shows more")
}

// TestRestoreCutShort goes on wherever it died.
func TestRestoreCutShort(t *testing.T) {
	dying(t, func(r *rig.Rig) {
		_, err := retire(r, "first")
		rig.OK(t, err)
	}, func(r *rig.Rig) error {
		return quorum(r, func(s keys.Quorum) error {
			list, err := keys.Restorables(s.Chain, []string{"first"})
			if err != nil {
				return err
			}
			if list, err = s.Missing(list); err != nil {
				return err
			}
			return s.Restore(list)
		})
	})
}

// TestRestoreHalfDone: an interrupted run left the public half alone, which is
// taken for what it is.
func TestRestoreHalfDone(t *testing.T) {
	r := rig.NewKeyWorld(t)
	lose(t, r, "first")
	for _, c := range []struct{ name, do string }{{"the copy fails", "fail=0x30"}, {"its answer is lost", "fail-after=0x30"}} {
		t.Setenv("SHIM_DO", c.do)
		armed := false
		r.People.Approve = nil
		err := quorum(r, func(s keys.Quorum) error {
			list, err := keys.Restorables(s.Chain, []string{"first"})
			rig.OK(t, err)
			t.Setenv("SHIM_AT", "C_CopyObject#2")
			armed = true
			return s.Restore(list)
		})
		t.Setenv("SHIM_AT", "")
		if !armed || err == nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		r.People.Paper = r.Paper(t)
		rig.OK(t, restore(r, "first"))
		r.Whole(t)
		lose(t, r, "first")
	}
}

// TestRestoreFrozen: what comes back from the backup can be wrapped again.
func TestRestoreFrozen(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, freeze(r, "first"))
	_, err := retire(r, "first")
	rig.OK(t, err)
	rig.OK(t, restore(r, "first"))
	r.Whole(t)
	k := rig.NewKEK(t, "KEK1")
	files, err := approve(r, transferOf(t, r, k, "first", "First"))
	rig.OK(t, err)
	opens(t, files[0], k.Open(t, files[0].Copy.Ciphertext))
}

// TestRestorables says before a card is read what restoring gives.
func TestRestorables(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "alone"))
	list, err := keys.Restorables(r.Chain(t), []string{"first", "alone"})
	rig.OK(t, err)
	if list[0].Origin != statement.OriginQuorum || list[1].Origin != statement.OriginUnproved || len(list[0].Backup) < 384 {
		t.Errorf("%s, %s", list[0].Origin, list[1].Origin)
	}
	rewrite(t, r, "alone", func(k *kmdata.Key) { k.Backup = "not base64" })
	_, err = keys.Restorables(r.Chain(t), []string{"alone"})
	r.Refused(t, err, exitcode.Check, "DIR/local/key_simple_alone: field backup: expected base64", "")
	rewrite(t, r, "first", func(k *kmdata.Key) { k.CardSet = 7 })
	_, err = keys.Restorables(r.Chain(t), []string{"first"})
	r.Refused(t, err, exitcode.Refused, "key_simple_first: its backup is under card set 7, and set 1 is in force",
		"byok-offline world replace-cards finishes the replacement and wraps it again")
}

// rewrite changes a key's file and has KML sign it again, as the operator can.
func rewrite(t *testing.T, r *rig.Rig, ident string, change func(k *kmdata.Key)) {
	t.Helper()
	rig.OK(t, operator(r, func(o keys.Operator) error {
		k, err := o.Chain.Key(ident)
		rig.OK(t, err)
		path := o.Chain.KeyPath(ident)
		rig.OK(t, os.Remove(path))
		rig.OK(t, os.Remove(path+".sig"))
		change(k)
		return o.Chain.WriteKey(k, o)
	}))
}

func TestRetire(t *testing.T) {
	r := rig.NewKeyWorld(t)
	record, err := retire(r, "first")
	rig.OK(t, err)
	k, err := r.Chain(t).Key("first")
	rig.OK(t, err)
	if record.Destroyed != 2 || record.Ident != "first" || !record.Identity.Same(k.Identity) {
		t.Errorf("%+v", record)
	}
	r.Whole(t)
	_, err = retire(r, "first")
	r.Refused(t, err, exitcode.Refused, "key_simple_first was retired on "+record.Created.Format("2006-01-02")+
		", and is not on the HSM", "byok-offline key restore --ident first --card DIR … brings it back from its backup")
	_, err = retire(r, "none")
	r.Refused(t, err, exitcode.Usage, "DIR/local/key_simple_none: there is no such key in this world",
		"byok-offline key generate --ident none")
}

// TestRetireCutShort counts what each of the runs has destroyed.
func TestRetireCutShort(t *testing.T) {
	r := rig.NewKeyWorld(t)
	sig := r.Chain(t).RetiredPath("first") + ".sig"
	rig.OK(t, os.Mkdir(sig, 0o700)) // in the signature's place
	if _, err := retire(r, "first"); err == nil {
		t.Fatal("the record was written")
	}
	rig.OK(t, os.Remove(sig))
	record, err := retire(r, "first")
	rig.OK(t, err)
	if record.Destroyed != 2 {
		t.Errorf("%d objects", record.Destroyed)
	}
	r.Whole(t)
	note := "{\n  \"type\": \"byok-pending\",\n  \"version\": 1,\n  \"note\": {\n    \"label\": \"key_simple_first\",\n    \"destroyed\": 2\n  }\n}\n"
	rig.OK(t, os.WriteFile(r.Dir+"/local/.key-retire_first.pending", []byte(note), 0o600))
	again, err := retire(r, "first") // all was done
	rig.OK(t, err)
	if again.Destroyed != 2 {
		t.Errorf("%+v", again)
	}
	rig.OK(t, os.WriteFile(r.Dir+"/local/.key-retire_first.pending", []byte("torn"), 0o600))
	if _, err = retire(r, "first"); exitcode.Of(err) != exitcode.Usage {
		t.Errorf("%v", err)
	}
}

func TestFreeze(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "two"))
	rig.OK(t, freeze(r, "first"))
	k, err := r.Chain(t).Key("first")
	rig.OK(t, err)
	if !k.Frozen || slices.Contains(k.Permissions, "EXTRACTABLE") {
		t.Errorf("%+v", k.Permissions)
	}
	r.Whole(t)
	r.Refused(t, freeze(r, "first"), exitcode.Refused, "key_simple_first is frozen already", "")
	lose(t, r, "two")
	r.Refused(t, freeze(r, "two"), exitcode.HSM, `key_simple_two is not on the token "test world" (serial SERIAL)`, "")
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Pair("key_simple_two", 4) })
	r.Refused(t, freeze(r, "two"), exitcode.Check,
		`key_simple_two on token "test world" (serial SERIAL) is not the key that its public key describes`, "")
	r.Refused(t, freeze(r, "none"), exitcode.Usage, "DIR/local/key_simple_none: there is no such key in this world",
		"byok-offline key generate --ident none")
}

// TestFreezeCutShort: each call that changes the token fails once, or its
// answer is lost; the next run comes to the end.
func TestFreezeCutShort(t *testing.T) {
	const lost = "fail-after=0x30"
	for at, list := range map[string][]string{
		"C_CopyObject": {lost}, "C_CopyObject#2": {"fail=0x30", lost}, "C_DestroyObject#2": {"fail=0x30", lost},
		"C_DestroyObject#3": {lost},
	} {
		for _, do := range list {
			t.Run(at+" "+do, func(t *testing.T) {
				r := rig.NewKeyWorld(t)
				err := quorum(r, func(s keys.Quorum) error {
					t.Setenv("SHIM_DO", do)
					t.Setenv("SHIM_AT", at)
					defer t.Setenv("SHIM_AT", "")
					_, err := s.Freeze("first")
					return err
				})
				r.People.Paper = r.Paper(t)
				if err != nil {
					rig.OK(t, freeze(r, "first"))
				}
				r.Whole(t)
			})
		}
	}
}

func TestIdents(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "alone"))
	idents, err := keys.Idents(r.Chain(t))
	rig.OK(t, err)
	if !slices.Equal(idents, []string{"alone", "first"}) {
		t.Errorf("%q", idents)
	}
	list, err := keys.Restorables(r.Chain(t), idents)
	rig.OK(t, err)
	if files := keys.Files(list); len(files) != 2 || files[1].Ident != "first" {
		t.Errorf("%v", files)
	}
	rig.OK(t, os.WriteFile(r.Chain(t).KeyPath("first"), []byte("torn"), 0o600))
	if _, err := keys.Idents(r.Chain(t)); exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v", err)
	}
}
