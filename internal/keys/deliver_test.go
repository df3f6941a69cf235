package keys_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/packing"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/transfer"
)

// deliver brings keys to vaults in one session.
func deliver(r *rig.Rig, dir string, list ...keys.Transfer) (packed []packing.Packed, err error) {
	err = quorum(r, func(s keys.Quorum) (err error) {
		var deliveries []keys.Delivery
		for _, one := range list {
			to := packing.Request{SubscriptionID: subscription, Dir: dir, Generator: "test"}
			deliveries = append(deliveries, keys.Delivery{Transfer: one, To: to})
		}
		packed, err = s.Deliver(deliveries)
		return err
	})
	return packed, err
}

// TestDeliver: with guard login one session approves, packs, erases and seals.
// The backup brings the key back for the next vault.
func TestDeliver(t *testing.T) {
	for _, rsaAES := range []string{"", "1"} {
		t.Run("SHIM_RSA_AES="+rsaAES, func(t *testing.T) {
			t.Setenv("SHIM_RSA_AES", rsaAES)
			r := rig.NewLoginWorld(t)
			one, two := rig.NewKEK(t, "KEK1"), rig.NewKEK(t, "KEK2")
			kinds := []string{"P-256", "RSA-2048", "AES-256"}
			var list []keys.Transfer
			for i, kind := range kinds {
				ident := fmt.Sprint("key", i)
				generateKind(t, r, ident, kind)
				list = append(
					list,
					transferOf(t, r, one, ident, "One-"+ident),
					transferOf(t, r, two, ident, "Two-"+ident),
				)
			}
			packed, err := deliver(r, t.TempDir(), list...)
			rig.OK(t, err)
			files := copies(t, r, packed)
			for i, p := range packed {
				verified(t, r, p)
				opens(t, files[i], []rig.KEK{one, two}[i%2].Open(t, files[i].Copy.Ciphertext))
			}
			halves(t, files, one, two)
			r.Whole(t)
			if last := r.Chain(t).Last().Statement; fmt.Sprintf("%T", last) != "*statement.Seal" {
				t.Errorf("the last statement is a %T", last)
			}
			if _, err := deliver(r, t.TempDir(), list[0]); exitcode.Of(err) != exitcode.Refused {
				t.Errorf("a key that was erased: %v", err)
			}
			rig.OK(t, restore(r, "key0"))
			_, err = deliver(r, t.TempDir(), list[0])
			rig.OK(t, err)
			r.Whole(t)
		})
	}
}

// copies are the wrapped copies that were packed, in their order.
func copies(t *testing.T, r *rig.Rig, packed []packing.Packed) (files []*kmdata.Key) {
	t.Helper()
	for _, p := range packed {
		all, err := r.Chain(t).Copies(p.Pair.Ident)
		rig.OK(t, err)
		i := slices.IndexFunc(all, func(k *kmdata.Key) bool {
			_, a, err := r.Chain(t).Authorization(k.Copy.Number)
			rig.OK(t, err)
			return a.Pairs[k.Copy.Index].Target.Name == p.Pair.Target.Name
		})
		files = append(files, all[i])
	}
	return files
}

// verified reads a package back and verifies it.
func verified(t *testing.T, r *rig.Rig, p packing.Packed) {
	t.Helper()
	pkg, err := transfer.ReadPackage(p.Paths[0])
	rig.OK(t, err)
	_, err = pkg.Verify(r.Chain(t).HKNSO())
	rig.OK(t, err)
}

// TestDeliverUnproved: a key whose backup does not open stays where it is.
func TestDeliverUnproved(t *testing.T) {
	r := rig.NewLoginWorld(t)
	generateKind(t, r, "first", "P-256")
	generateKind(t, r, "second", "P-256")
	k := rig.NewKEK(t, "KEK1")
	second, err := r.Chain(t).Key("second")
	rig.OK(t, err)
	rewrite(t, r, "first", func(k *kmdata.Key) { k.Backup = second.Backup })
	_, err = deliver(r, t.TempDir(), transferOf(t, r, k, "first", "First"))
	r.Refused(
		t,
		err,
		exitcode.Check,
		`the restored key on token "test world" (serial SERIAL) is not the key that its public key describes`,
		"what was authorized stays so: byok-offline package and key retire, with the cards, finish it",
	)
	if retired, err := r.Chain(t).Retired("first"); err != nil || retired != nil {
		t.Errorf("%v %v", retired, err)
	}
	rig.OK(t, quorum(r, func(keys.Quorum) error { return nil }))
}

// TestAttackLogin: without the cards nobody does anything with the token.
func TestAttackLogin(t *testing.T) {
	r := rig.NewLoginWorld(t)
	generateKind(t, r, "first", "P-256")
	r.Attack(t, r.Label, "", func(a *rig.Attacker) {
		private := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)}
		if found := a.Find("", private...); len(found) != 0 {
			t.Errorf("%d private keys are found without a login", len(found))
		}
		for _, pin := range []string{rig.UserPIN, rig.ToolPIN, "0000"} {
			if err := a.Login(a.Handle, pkcs11.CKU_USER, pin); err == nil {
				t.Errorf("a login with %s", pin)
			}
		}
	})
	r.Folders = r.Folders[:1]
	err := operator(r, func(keys.Operator) error { return nil })
	r.Refused(t, err, exitcode.Refused, "cards of set 1: 1 given, 2 needed", "give --card once for each of 2 cards")
	if key := r.Chain(t).Modules()[0]; key.Guard != statement.GuardLogin ||
		strings.Contains(fmt.Sprint(key), rig.UserPIN) {
		t.Errorf("%+v", key)
	}
}

// TestDeliverCutShort: wherever a delivery dies, the key is on the token or its
// backup is proved, and the cards finish by hand what was authorized.
func TestDeliverCutShort(t *testing.T) {
	k := rig.NewKEK(t, "KEK1")
	step := rig.Step(3)
	for at := step; ; at += step {
		r := rig.NewLoginWorld(t)
		generateKind(t, r, "first", "P-256")
		*r.People = *rig.NewPeople(3)
		r.People.Paper, r.People.DieAt = r.Paper(t), at
		died, err := rig.Survive(func() error {
			_, err := deliver(r, t.TempDir(), transferOf(t, r, k, "first", "First"))
			return err
		})
		*r.People = *rig.NewPeople(3)
		r.People.Paper = r.Paper(t)
		if !died {
			rig.OK(t, err)
			return
		}
		finish(t, r, at)
		r.Whole(t)
	}
}

// finish packs what was authorized, and erases the key.
func finish(t *testing.T, r *rig.Rig, at int) {
	t.Helper()
	retired, err := r.Chain(t).Retired("first")
	rig.OK(t, err)
	copies, err := r.Chain(t).Copies("first")
	rig.OK(t, err)
	rig.OK(t, operator(r, func(o keys.Operator) error {
		if len(copies) > 0 {
			packed, err := packOne(o, packing.Request{
				Ident: "first", SubscriptionID: subscription, Dir: t.TempDir(), Generator: "test",
			})
			if err != nil {
				return err
			}
			verified(t, r, packed)
		}
		if retired != nil {
			return nil
		}
		_, err := o.Retire("first")
		return err
	}))
	if retired != nil && len(copies) == 0 {
		t.Errorf("cut short at %d: erased before anything was authorized", at)
	}
	rig.OK(t, restore(r, "first"))
}
