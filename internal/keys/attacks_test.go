package keys_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// forged makes a backup of a key of the attacker's own, without any token: KM
// is public.
func forged(t *testing.T, r *rig.Rig) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rig.OK(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(own)
	rig.OK(t, err)
	km, err := r.Chain(t).Set().KM.ModuleKey()
	rig.OK(t, err)
	layer := make([]byte, 32)
	_, _ = rand.Read(layer)
	outer, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, km, layer, nil)
	rig.OK(t, err)
	inner, err := keywrap.Wrap(layer, der)
	rig.OK(t, err)
	return own, slices.Concat(outer, inner)
}

// identityOf is how a key is known.
func identityOf(t *testing.T, key *ecdsa.PrivateKey) statement.Identity {
	t.Helper()
	id, err := statement.IdentityOf(&key.PublicKey, 0, nil)
	rig.OK(t, err)
	return id
}

// restoring says what is shown before a card is read, and then restores.
func restoring(t *testing.T, r *rig.Rig, ident string) (origin string, err error) {
	t.Helper()
	list, err := keys.Restorables(r.Chain(t), []string{ident})
	if err != nil {
		return "", err
	}
	return list[0].Origin, restore(r, ident)
}

// TestAttackForgedBackup: a key of known value cannot come in as generated. Under
// another name or another identity its origin is unproved, before a card is
// read and for ever; under the genuine identity it does not prove itself.
func TestAttackForgedBackup(t *testing.T) {
	for _, c := range []struct {
		name  string
		forge func(own statement.Identity, k *kmdata.Key)
		text  string
	}{
		{"of an own key", func(own statement.Identity, k *kmdata.Key) { k.Identity = own }, ""},
		{"of the genuine key", func(statement.Identity, *kmdata.Key) {},
			"the restored key on token \"test world\" (serial SERIAL) is not the key that its public key describes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewKeyWorld(t)
			lose(t, r, "first")
			own, backup := forged(t, r)
			rewrite(t, r, "first", func(k *kmdata.Key) {
				k.Backup = base64.StdEncoding.EncodeToString(backup)
				c.forge(identityOf(t, own), k)
			})
			origin, err := restoring(t, r, "first")
			if c.text != "" {
				r.Refused(t, err, exitcode.Check, c.text,
					"the backup holds a different key than DIR/local/key_simple_first says: keep the file for the auditor")
				r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
					if len(a.Find("key_simple_first")) > 0 {
						t.Error("the forged key is on the token")
					}
				})
				return
			}
			rig.OK(t, err)
			if origin != statement.OriginUnproved {
				t.Errorf("shown before: %s", origin)
			}
			r.Finds(t, "key_simple_first", "pass: P-256; origin unproved: the operator may know its value (restored)")
			files, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
			rig.OK(t, err)
			_, a, err := r.Chain(t).Authorization(files[0].Copy.Number)
			rig.OK(t, err)
			if p := a.Pairs[0]; p.Origin != statement.OriginUnproved || !p.Restored {
				t.Errorf("authorized as %s", p.Origin)
			}
		})
	}
}

// TestAttackRelabelledFile: the file of an unproved key gets the name of a key
// that a quorum has vouched for, and KML signs it. The origin stays unproved.
func TestAttackRelabelledFile(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "mine"))
	mine, err := r.Chain(t).Key("mine")
	rig.OK(t, err)
	lose(t, r, "first")
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Relabel("key_simple_mine", "key_simple_first") })
	rewrite(t, r, "first", func(k *kmdata.Key) {
		k.Identity, k.Backup, k.Origin = mine.Identity, mine.Backup, statement.OriginQuorum
	})
	r.Finds(t, "key_simple_first", "pass: P-256; origin unproved: the operator may know its value")
	files, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	rig.OK(t, err)
	r.Heard(t, r.People.Said, "   origin unproved: the operator may know its value")
	_, a, err := r.Chain(t).Authorization(files[0].Copy.Number)
	rig.OK(t, err)
	if a.Pairs[0].Origin != statement.OriginUnproved {
		t.Errorf("authorized as %s", a.Pairs[0].Origin)
	}
}

// TestAttackExchangedHalves: KW is one for all, so that the halves of two backups
// open together; what comes out does not prove itself.
func TestAttackExchangedHalves(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "b"))
	b, err := r.Chain(t).Key("b")
	rig.OK(t, err)
	lose(t, r, "first")
	rewrite(t, r, "first", func(k *kmdata.Key) {
		mine, err := base64.StdEncoding.DecodeString(k.Backup)
		rig.OK(t, err)
		other, err := base64.StdEncoding.DecodeString(b.Backup)
		rig.OK(t, err)
		k.Backup = base64.StdEncoding.EncodeToString(slices.Concat(mine[:384], other[384:]))
	})
	r.Refused(t, restore(r, "first"), exitcode.Check,
		"the restored key on token \"test world\" (serial SERIAL) is not the key that its public key describes",
		"the backup holds a different key than DIR/local/key_simple_first says: keep the file for the auditor")
}

// TestAttackExchangeWhileShown: while the card holders read the list, somebody
// with the user PIN exchanges the key. What is wrapped is the key that was shown,
// or nothing.
func TestAttackExchangeWhileShown(t *testing.T) {
	const other = "first: key_simple_first on token \"test world\" (serial SERIAL) is not the key that its public key describes"
	const stop = "the key was exchanged while the card holders looked: stop, and keep kmdata for the auditor"
	for _, c := range []struct {
		name   string
		attack func(a *rig.Attacker)
		code   exitcode.Code
		text   string
		hint   string
	}{
		{"labels of both halves", func(a *rig.Attacker) {
			a.Relabel("key_simple_first", "hidden")
			a.Relabel("key_simple_mine", "key_simple_first")
		}, exitcode.Check, other, stop},
		{"the private half, under the public one", func(a *rig.Attacker) {
			genuine, mine := a.One("key_simple_first", pkcs11.CKO_PRIVATE_KEY), a.One("key_simple_mine", pkcs11.CKO_PRIVATE_KEY)
			id, err := a.GetAttributeValue(a.Handle, genuine, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_ID, nil)})
			rig.OK(t, err)
			set(a, genuine, pkcs11.NewAttribute(pkcs11.CKA_LABEL, "hidden"), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte{9}))
			set(a, mine, pkcs11.NewAttribute(pkcs11.CKA_LABEL, "key_simple_first"), pkcs11.NewAttribute(pkcs11.CKA_ID, id[0].Value))
		}, exitcode.Check, other, stop},
		{"a second key of the label", func(a *rig.Attacker) { a.Relabel("key_simple_mine", "key_simple_first") }, exitcode.HSM,
			"first: 2 objects on token \"test world\" (serial SERIAL) are labelled key_simple_first instead of one", ""},
		{"the key itself", func(a *rig.Attacker) { a.Remove("key_simple_first") }, exitcode.HSM,
			"first: key_simple_first is not on the token \"test world\" (serial SERIAL)", ""},
		{"nothing", func(*rig.Attacker) {}, exitcode.Done, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewKeyWorld(t)
			rig.OK(t, alone(r, "mine"))
			k := rig.NewKEK(t, "KEK1")
			r.People.Approve = func(string) error {
				r.Attack(t, r.Label, rig.UserPIN, c.attack)
				return nil
			}
			files, err := approve(r, transferOf(t, r, k, "first", "First"))
			if c.text == "" {
				rig.OK(t, err)
				opens(t, files[0], k.Open(t, files[0].Copy.Ciphertext))
				return
			}
			r.Refused(t, err, c.code, c.text, c.hint)
			if n := r.Chain(t).Last().Number(); n != 3 {
				t.Errorf("statement %d was signed", n)
			}
			if copies, err := r.Chain(t).Copies("first"); err != nil || len(copies) > 0 {
				t.Errorf("%v %v", copies, err)
			}
		})
	}
}

func set(a *rig.Attacker, o pkcs11.ObjectHandle, to ...*pkcs11.Attribute) {
	a.Helper()
	rig.OK(a, a.SetAttributeValue(a.Handle, o, to))
}

// TestAttackTrustedWhileShown: somebody who knows the SO PIN makes a trusted key
// while the holders read. Nothing is wrapped.
func TestAttackTrustedWhileShown(t *testing.T) {
	r := rig.NewKeyWorld(t)
	var pin string
	rig.OK(t, quorum(r, func(s keys.Quorum) error {
		so, err := s.Present(pins.SO)
		rig.OK(t, err)
		defer so.Wipe()
		pin = strings.Clone(so.Text())
		return nil
	}))
	r.People.Approve = func(string) error {
		r.AttackAsSO(t, r.Label, pin, func(a *rig.Attacker) {
			a.Secret("evil", make([]byte, 32), pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
		})
		return nil
	}
	_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	r.Refused(t, err, exitcode.Check,
		`token "test world" (serial SERIAL) holds trusted objects that this world did not make: trusted secret key "evil"`,
		"stop: each could wrap any key of this world; byok-offline world check shows more")
	if copies, err := r.Chain(t).Copies("first"); err != nil || len(copies) > 0 {
		t.Errorf("%v %v", copies, err)
	}
}

// TestAttackTrustedKeysCopied: no copy of KW or KM can do more than they, with
// the user PIN. The control is an object without the restriction.
func TestAttackTrustedKeysCopied(t *testing.T) {
	r := rig.NewKeyWorld(t)
	labels := trustedLabels(r.Chain(t))
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		km, kw := a.One(labels[0], pkcs11.CKO_PUBLIC_KEY), a.One(labels[1], pkcs11.CKO_SECRET_KEY)
		plain := a.Secret("control", make([]byte, 32))
		for _, use := range []uint{pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP, pkcs11.CKA_ENCRYPT, pkcs11.CKA_SIGN, pkcs11.CKA_DERIVE} {
			for _, token := range []bool{true, false} {
				with := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, token), pkcs11.NewAttribute(use, true)}
				if _, err := a.CopyObject(a.Handle, plain, with); err != nil {
					t.Errorf("the control cannot be copied with 0x%X: %v", use, err)
				}
				if _, err := a.CopyObject(a.Handle, kw, with); err == nil {
					t.Errorf("KW was copied with 0x%X true", use)
				}
			}
			if a.SetAttributeValue(a.Handle, kw, []*pkcs11.Attribute{pkcs11.NewAttribute(use, true)}) == nil {
				t.Errorf("0x%X of KW was set", use)
			}
		}
		for _, o := range []pkcs11.ObjectHandle{km, kw} {
			if a.SetAttributeValue(a.Handle, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, "mine")}) == nil {
				t.Error("a trusted key was relabelled")
			}
		}
	})
}

// TestAttackNothingWrapsOnTheToken: before, while and after a transfer is
// approved, the user finds no trusted key beside KM, KW and the anchor, and none
// of them gives away a key that he can open.
func TestAttackNothingWrapsOnTheToken(t *testing.T) {
	r := rig.NewKeyWorld(t)
	look := func() (found []string) {
		r.Attack(t, r.Label, "", func(a *rig.Attacker) {
			for _, o := range a.Find("", pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true)) {
				v, err := a.GetAttributeValue(a.Handle, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil)})
				rig.OK(t, err)
				found = append(found, string(v[0].Value[:9]))
			}
		})
		slices.Sort(found)
		return found
	}
	want := []string{"byok-anch", "byok-km-0"[:8], "byok-kw-0"[:8]}
	same := func(when string) {
		t.Helper()
		got := look()
		if len(got) != 3 || got[0] != want[0] || !strings.HasPrefix(got[1], want[1]) || !strings.HasPrefix(got[2], want[2]) {
			t.Errorf("%s: %q", when, got)
		}
	}
	same("before")
	r.People.Approve = func(string) error { same("while the list is read"); return nil }
	_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	rig.OK(t, err)
	same("after")
}
