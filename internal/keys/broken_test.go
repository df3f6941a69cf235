package keys_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/session"
	"byok/internal/testkit/rig"
)

const noRestrictions = `token "test world" (serial SERIAL) does not enforce its restrictions: `

const untrusted = " can be wrapped with CKM_AES_KEY_WRAP under an AES key that is not trusted"

// TestBrokenToken: a token that keeps a promise while its session begins, and
// breaks it for the key at hand, gets no key recorded and none wrapped.
func TestBrokenToken(t *testing.T) {
	lost := func(t *testing.T, r *rig.Rig) { lose(t, r, "first") }
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, r *rig.Rig)
		do      func(r *rig.Rig, broken func()) error
		weak    string
		text    string
	}{
		{"generate", nothing, func(r *rig.Rig, broken func()) error {
			return quorum(r, func(s keys.Quorum) error {
				broken()
				_, err := s.Generate(keys.Generation{Ident: "second", Spec: p256})
				return err
			})
		}, "wrap-with-trusted", noRestrictions + "key_simple_second" + untrusted},
		{"generate alone", nothing, func(r *rig.Rig, broken func()) error {
			return operator(r, func(o keys.Operator) error {
				broken()
				_, err := o.Generate(keys.Generation{Ident: "second", Spec: p256})
				return err
			})
		}, "wrap-with-trusted", noRestrictions + "key_simple_second" + untrusted},
		{"restore", lost, func(r *rig.Rig, broken func()) error {
			return quorum(r, func(s keys.Quorum) error {
				list, err := keys.Restorables(s.Chain, []string{"first"})
				if err != nil {
					return err
				}
				broken()
				return s.Restore(list)
			})
		}, "wrap-with-trusted", noRestrictions + "the restored key" + untrusted},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewKeyWorld(t)
			c.prepare(t, r)
			before := r.Chain(t).Last().Number()
			err := c.do(r, func() { t.Setenv("SHIM_WEAK", c.weak) })
			t.Setenv("SHIM_WEAK", "")
			r.Refused(t, err, exitcode.HSM, c.text, exitcode.HintOf(err))
			if after := r.Chain(t).Last().Number(); after != before {
				t.Errorf("statement %d was signed", after)
			}
		})
	}
}

// TestBrokenCopy: a transfer copy that any key may wrap is not wrapped.
func TestBrokenCopy(t *testing.T) {
	r := rig.NewKeyWorld(t)
	r.People.Approve = func(string) error {
		t.Setenv("SHIM_UNTRUSTED_WRAP", "0x210A") // CKM_AES_KEY_WRAP_PAD
		return nil
	}
	_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	t.Setenv("SHIM_UNTRUSTED_WRAP", "")
	r.Refused(t, err, exitcode.HSM, "first: "+noRestrictions+strings.ReplaceAll("the transfer copy"+untrusted, "KEY_WRAP", "KEY_WRAP_PAD"), exitcode.HintOf(err))
	r.Whole(t)
}

// TestBackupThatDoesNotOpen: a key whose backup would not come back is not
// kept, and not vouched for.
func TestBackupThatDoesNotOpen(t *testing.T) {
	r := rig.NewOneCallWorld(t)
	before := r.Chain(t).Last().Number()
	err := quorum(r, func(s keys.Quorum) error {
		t.Setenv("SHIM_RSA_AES_HASH", "0x250") // OAEP with SHA-256, whatever is asked for
		_, err := s.Generate(keys.Generation{Ident: "first", Spec: p256})
		return err
	})
	t.Setenv("SHIM_RSA_AES_HASH", "")
	r.Refused(t, err, exitcode.Check, "the backup does not open with these cards",
		"use the key file as it was when it was written; byok-offline world check names what was altered")
	if after := r.Chain(t).Last().Number(); after != before {
		t.Errorf("statement %d was signed", after)
	}
	r.Whole(t)
}

// removing runs f in a session during which somebody with the user PIN destroys
// KM when a text is heard. The session's own login is what he needs.
func removing(t *testing.T, r *rig.Rig, at string, f func(s keys.Quorum) error) error {
	t.Helper()
	km := trustedLabels(r.Chain(t))[0]
	a := r.Access()
	a.UI = rig.Hearing{People: r.People, Text: at, Do: func() {
		r.Attack(t, r.Label, "", func(a *rig.Attacker) { a.Remove(km) })
	}}
	return r.With(a, r.Folders[:2], func(s *session.Quorum) error { return f(keys.Quorum{Quorum: s}) })
}

// TestTrustedKeyGoesMeanwhile: the trusted objects are the world's after a key
// was wrapped, too, or nothing is signed.
func TestTrustedKeyGoesMeanwhile(t *testing.T) {
	const text, hint = `token "test world" (serial SERIAL) lacks byok-km-MODULE-1`,
		"byok-offline world replace-cards makes the trusted keys again; world check shows more"
	t.Run("generate", func(t *testing.T) {
		r := rig.NewWorld(t)
		err := removing(t, r, "proved possession of the key", func(s keys.Quorum) error {
			_, err := s.Generate(keys.Generation{Ident: "first", Spec: p256})
			return err
		})
		r.Refused(t, err, exitcode.Check, text, hint)
		if n := r.Chain(t).Last().Number(); n != 2 {
			t.Errorf("statement %d was signed", n)
		}
	})
	t.Run("approve", func(t *testing.T) {
		r := rig.NewKeyWorld(t)
		transfer := transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First")
		r.People.Approve = func(string) error {
			t.Setenv("SHIM_DO", "fail=0x54") // it copies no keys, which is said
			t.Setenv("SHIM_AT", "C_CopyObject+")
			return nil
		}
		err := removing(t, r, "copies no keys", func(s keys.Quorum) error {
			_, err := s.Approve([]keys.Transfer{transfer})
			return err
		})
		r.Refused(t, err, exitcode.Check, text, hint)
		if n := r.Chain(t).Last().Number(); n != 3 {
			t.Errorf("statement %d was signed", n)
		}
	})
}

// TestAttackTrustedBeforeWrapping: while a trusted object is on the token that
// this world did not make, no call wraps.
func TestAttackTrustedBeforeWrapping(t *testing.T) {
	r := rig.NewKeyWorld(t)
	pin := officerPIN(t, r)
	log := filepath.Join(t.TempDir(), "calls")
	r.People.Approve = func(string) error {
		r.AttackAsSO(t, r.Label, pin, trustedKey)
		t.Setenv("SHIM_LOG", log)
		return nil
	}
	_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	t.Setenv("SHIM_LOG", "")
	if exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v", err)
	}
	if calls := shim.Calls(t, log); !slices.Contains(calls, "C_Login") || slices.Contains(calls, "C_WrapKey") {
		t.Errorf("calls %q", calls)
	}
}

// TestApproveOfAnotherFile: a key file that KML signed for another key is no
// reason to wrap the one on the token.
func TestApproveOfAnotherFile(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "mine"))
	mine, err := r.Chain(t).Key("mine")
	rig.OK(t, err)
	rewrite(t, r, "first", func(k *kmdata.Key) { k.Identity = mine.Identity })
	_, err = approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	r.Refused(t, err, exitcode.Check,
		`key_simple_first on token "test world" (serial SERIAL) is not the key that its file describes`,
		"byok-offline world check shows what differs")
}

// TestCopiesOnTheToken: neither retiring nor freezing is believed while a key
// that this world did not make is on the token: it may be a copy.
func TestCopiesOnTheToken(t *testing.T) {
	r := rig.NewKeyWorld(t)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Secret("copy", make([]byte, 32)) })
	const text = `token "test world" (serial SERIAL) holds keys that this world did not make: secret key "copy"`
	const hint = "byok-offline world check names them; a copy of the key may be among them"
	_, err := retire(r, "first")
	r.Refused(t, err, exitcode.Check, text, hint)
	r.Refused(t, freeze(r, "first"), exitcode.Check, text, hint)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		if len(a.Find("key_simple_first")) != 2 || a.Remove("copy") != 1 {
			t.Error("something was destroyed")
		}
	})
	rig.OK(t, freeze(r, "first"))
}

// TestFreezeWithoutBackup: the only copy that can be wrapped stays while its
// backup does not open.
func TestFreezeWithoutBackup(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rewrite(t, r, "first", func(k *kmdata.Key) { k.Backup = k.Backup[:len(k.Backup)-8] + "AAAAAAA=" })
	r.Refused(t, freeze(r, "first"), exitcode.Check, "the backup does not open with these cards",
		"use the key file as it was when it was written; byok-offline world check names what was altered")
	if k, err := r.Chain(t).Key("first"); err != nil || k.Frozen {
		t.Errorf("%v %v", k, err)
	}
}

// TestGenerateHalfDone: what a copy to the token that failed half-way has left
// is destroyed, and the next run makes another key.
func TestGenerateHalfDone(t *testing.T) {
	r := rig.NewWorld(t)
	err := quorum(r, func(s keys.Quorum) error {
		t.Setenv("SHIM_DO", "fail=0x30")
		t.Setenv("SHIM_AT", "C_CopyObject#2") // the public half is there, the private one is not
		_, err := s.Generate(keys.Generation{Ident: "first", Spec: p256})
		return err
	})
	t.Setenv("SHIM_AT", "")
	if err == nil {
		t.Fatal("the call did not fail")
	}
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		if left := a.Find("key_simple_first"); len(left) > 0 {
			t.Errorf("%d objects are left", len(left))
		}
	})
	r.People.Paper = r.Paper(t)
	rig.OK(t, generate(r, "first"))
	r.Whole(t)
}

// officerPIN is the SO PIN of the module at hand.
func officerPIN(t *testing.T, r *rig.Rig) (pin string) {
	t.Helper()
	rig.OK(t, quorum(r, func(s keys.Quorum) error {
		so, err := s.Present(pins.SO)
		rig.OK(t, err)
		defer so.Wipe()
		pin = strings.Clone(so.Text())
		return nil
	}))
	return pin
}

// trustedKey makes a trusted key of known value.
func trustedKey(a *rig.Attacker) {
	a.Secret("evil", make([]byte, 32), pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
}

// TestGenerateTakenUp: a run that ended while the key was copied to the token
// left one half of it, which proves nothing: it goes, and the key is made again.
func TestGenerateTakenUp(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, generate(r, "first"))
	path := r.Chain(t).KeyPath("first")
	rig.OK(t, errors.Join(os.Remove(path), os.Remove(path+".sig")))
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		rig.OK(t, a.DestroyObject(a.Handle, a.One("key_simple_first", pkcs11.CKO_PRIVATE_KEY)))
	})
	note := "{\n  \"type\": \"byok-pending\",\n  \"version\": 1,\n  \"note\": {\n    \"label\": \"key_simple_first\"\n  }\n}\n"
	rig.OK(t, os.WriteFile(r.Dir+"/local/.key-generate_first.pending", []byte(note), 0o600))
	rig.OK(t, generate(r, "first"))
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		if n := len(a.Find("key_simple_first")); n != 2 {
			t.Errorf("%d objects", n)
		}
	})
	r.Whole(t)
}
