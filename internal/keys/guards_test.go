package keys_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/keys"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/officer"
	"byok/internal/testkit/rig"
)

// generateKind makes a key before the quorum.
func generateKind(t *testing.T, r *rig.Rig, ident, kind string) {
	t.Helper()
	rig.OK(t, quorum(r, func(s keys.Quorum) error {
		_, err := s.Generate(keys.Generation{Ident: ident, Spec: hsm.Spec{Kind: rig.Kind(t, kind)}})
		return err
	}))
}

// TestByKM: with guard trust-by-tool a key goes to a vault by way of KM. The
// officer is not called, and nothing that wraps for the vault is ever on the
// token.
func TestByKM(t *testing.T) {
	r := rig.NewToolWorld(t)
	one, two := rig.NewKEK(t, "KEK1"), rig.NewKEK(t, "KEK2")
	kinds := []string{"P-256", "RSA-2048", "AES-256"}
	for i, kind := range kinds {
		generateKind(t, r, fmt.Sprint("key", i), kind)
	}
	var list []keys.Transfer
	for i := range kinds {
		ident := fmt.Sprint("key", i)
		list = append(
			list,
			transferOf(t, r, one, ident, fmt.Sprint("Name", i)),
			transferOf(t, r, two, ident, fmt.Sprint("Name", i)),
		)
	}
	files, err := approve(r, list...)
	rig.OK(t, err)
	for i, f := range files {
		opens(t, f, []rig.KEK{one, two}[i%2].Open(t, f.Copy.Ciphertext))
	}
	halves(t, files, one, two)
	r.Whole(t)
	r.Attack(t, r.Label, rig.ToolPIN, func(a *rig.Attacker) {
		trusted := a.Find("", pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
		if len(trusted) != 1 {
			t.Errorf("%d objects are trusted", len(trusted))
		}
	})
}

// halves exchanges the parts of packages: none opens.
func halves(t *testing.T, files []*kmdata.Key, keks ...rig.KEK) {
	t.Helper()
	for i, a := range files {
		for j, b := range files {
			if i == j {
				continue
			}
			n := keks[i%2].Private.Size()
			aes, err := rsa.DecryptOAEP(sha1.New(), nil, keks[i%2].Private, a.Copy.Ciphertext[:n], nil)
			rig.OK(t, err)
			if _, err := keywrap.Unwrap(aes, b.Copy.Ciphertext[n:]); err == nil {
				t.Errorf("the first part of package %d opens the second of %d", i, j)
			}
		}
	}
}

// TestToolKeys: what the module lacks is done otherwise, or refused.
func TestToolKeys(t *testing.T) {
	r := rig.NewToolWorld(t)
	generateKind(t, r, "first", "P-256")
	if _, err := retire(r, "first"); err != nil {
		t.Fatal(err)
	}
	rig.OK(t, restore(r, "first"))
	r.Whole(t)
	r.Refused(
		t,
		freeze(r, "first"),
		exitcode.HSM,
		`token "test world" (serial SERIAL) offers no C_CopyObject, which copying `+
			"the public half of key_simple_first needs",
		"",
	)
	rig.OK(t, alone(r, "second"))
	r.Whole(t)
}

// TestAttackByTool: what somebody with the user PIN could do, and could not.
func TestAttackByTool(t *testing.T) {
	r := rig.NewToolWorld(t)
	generateKind(t, r, "first", "P-256")
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	rig.OK(t, err)
	var id []byte
	r.Attack(t, r.Label, rig.ToolPIN, func(a *rig.Attacker) {
		key := a.One("key_simple_first", pkcs11.CKO_PRIVATE_KEY)
		mine, err := a.CreateObject(a.Handle, wrappingKey("mine", &own.PublicKey, false))
		rig.OK(t, err)
		id = []byte("mine")
		if _, err := a.WrapKey(a.Handle, p11.RSAAES(), mine, key); err != pkcs11.Error(pkcs11.CKR_KEY_NOT_WRAPPABLE) {
			t.Errorf("wrapped under an own key: %v", err)
		}
		if _, err := a.CreateObject(a.Handle, wrappingKey("trusted", &own.PublicKey, true)); err == nil {
			t.Error("the user made a trusted key")
		}
		for _, attribute := range []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true), pkcs11.NewAttribute(pkcs11.CKA_WRAP_WITH_TRUSTED, false),
		} {
			for _, o := range []pkcs11.ObjectHandle{mine, key} {
				if a.SetAttributeValue(a.Handle, o, []*pkcs11.Attribute{attribute}) == nil {
					t.Errorf("attribute 0x%x was set", attribute.Type)
				}
			}
		}
		km := a.Find("", pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
		blob, err := a.WrapKey(a.Handle, p11.RSAAES(), km[0], key)
		rig.OK(t, err) // a backup, which opens to the quorum alone
		if _, err := rsa.DecryptOAEP(sha1.New(), nil, own, blob[:own.Size()], nil); err == nil {
			t.Error("a backup opens to the operator")
		}
	})
	rig.OK(t, quorum(r, func(keys.Quorum) error { return nil }))
	// The officer and the operator together export at any time, as the guard's
	// description says.
	rig.OK(t, r.Trust(officer.Order{Object: officer.Object{ID: id}}))
	r.Attack(t, r.Label, rig.ToolPIN, func(a *rig.Attacker) {
		blob, err := a.WrapKey(
			a.Handle,
			p11.RSAAES(),
			a.One("mine", pkcs11.CKO_PUBLIC_KEY),
			a.One("key_simple_first", pkcs11.CKO_PRIVATE_KEY),
		)
		rig.OK(t, err)
		aes, err := rsa.DecryptOAEP(sha1.New(), nil, own, blob[:own.Size()], nil)
		rig.OK(t, err)
		if _, err := keywrap.Unwrap(aes, blob[own.Size():]); err != nil {
			t.Error(err)
		}
	})
	// It is seen by the next session, as long as that object is there.
	err = quorum(r, func(keys.Quorum) error { return nil })
	r.Refused(
		t,
		err,
		exitcode.Check,
		`token "test world" (serial SERIAL) holds trusted objects that this world did not make: `+
			`trusted public key "mine"`,
		"stop: each could wrap any key of this world; byok-offline world check shows more",
	)
}

// TestTakenBackMeanwhile: an officer who takes the trust back while the card
// holders look is said by name, and nothing is signed.
func TestTakenBackMeanwhile(t *testing.T) {
	r := rig.NewToolWorld(t)
	generateKind(t, r, "first", "P-256")
	km := r.IDOf(t, "byok-km-"+r.Chain(t).Modules()[0].Module+"-1")
	before := r.Chain(t).Last().Number()
	r.People.Approve = func(string) error { return r.Untrust(km) }
	_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	r.Refused(
		t,
		err,
		exitcode.Check,
		`token "test world" (serial SERIAL) does not trust KM (byok-km-MODULE-1): its crypto officer `+
			"has never trusted it, or has taken that back",
		"ask the officer why; if it is to go on, have that one object trusted again with the vendor's tool",
	)
	if last := r.Chain(t).Last().Number(); last != before {
		t.Errorf("statement %d was signed", last)
	}
}

// TestAttackOtherKM: a key of the operator's under KM's label is not wrapped
// under, whoever trusts it.
func TestAttackOtherKM(t *testing.T) {
	r := rig.NewToolWorld(t)
	generateKind(t, r, "first", "P-256")
	own, err := rsa.GenerateKey(rand.Reader, 3072)
	rig.OK(t, err)
	r.Attack(t, r.Label, rig.ToolPIN, func(a *rig.Attacker) {
		km := a.Find("", pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))[0]
		shown, err := a.GetAttributeValue(a.Handle, km, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil), pkcs11.NewAttribute(pkcs11.CKA_ID, nil),
		})
		rig.OK(t, err)
		rig.OK(t, a.DestroyObject(a.Handle, km))
		forged := wrappingKey(string(shown[0].Value), &own.PublicKey, false)
		forged[5] = shown[1]
		_, err = a.CreateObject(a.Handle, forged) // with KM's CKA_ID, which the officer has trusted
		rig.OK(t, err)
	})
	err = quorum(r, func(keys.Quorum) error { return nil })
	r.Refused(
		t,
		err,
		exitcode.Check,
		`token "test world" (serial SERIAL) holds trusted objects that this world did not make: `+
			`trusted public key "byok-km-MODULE-1"`,
		"stop: each could wrap any key of this world; byok-offline world check shows more",
	)
}

// wrappingKey is an RSA public key on the token, whose CKA_ID is its label.
func wrappingKey(label string, key *rsa.PublicKey, trusted bool) []*pkcs11.Attribute {
	t := []*pkcs11.Attribute{
		pkcs11.NewAttribute(
			pkcs11.CKA_CLASS,
			pkcs11.CKO_PUBLIC_KEY,
		), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, key.N.Bytes()),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(label)),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
		pkcs11.NewAttribute(pkcs11.CKA_WRAP, true),
	}
	if trusted {
		t = append(t, pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
	}
	return t
}
