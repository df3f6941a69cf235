package keys_test

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

func mustKind(name string) keykind.Kind {
	k, err := keykind.Parse(name)
	if err != nil {
		panic(err)
	}
	return k
}

func identOf(kind keykind.Kind) string {
	return "k-" + strings.ToLower(strings.ReplaceAll(kind.String(), "-", ""))
}

// TestEveryKind takes a key of every kind all the way: generated before the
// quorum, destroyed, restored, approved, and opened as the vault opens it.
func TestEveryKind(t *testing.T) {
	for _, form := range []struct {
		name  string
		make  func(testing.TB) *rig.Rig
		kinds []keykind.Kind
	}{
		{"two steps", rig.NewWorld, keykind.All()},
		{"one call", rig.NewOneCallWorld, []keykind.Kind{mustKind("P-521"), mustKind("RSA-2048"), mustKind("AES-256")}},
	} {
		t.Run(form.name, func(t *testing.T) { everyKind(t, form.make(t), form.kinds) })
	}
}

func everyKind(t *testing.T, r *rig.Rig, kinds []keykind.Kind) {
	var idents []string
	for _, kind := range kinds {
		ident := identOf(kind)
		idents = append(idents, ident)
		rig.OK(t, quorum(r, func(s keys.Quorum) error {
			k, err := s.Generate(keys.Generation{Ident: ident, PlainName: "key of " + kind.String(), Spec: hsm.Spec{Kind: kind}})
			rig.OK(t, err)
			if k.String() != kind.String() || k.Origin != statement.OriginQuorum || k.PlainName != "key of "+kind.String() || k.Frozen {
				t.Errorf("%+v", k)
			}
			origin, restored := s.Chain.OriginOf(ident, k.Identity, s.Module.Module)
			if origin != statement.OriginQuorum || restored {
				t.Errorf("%s: origin %s, restored %t", ident, origin, restored)
			}
			return nil
		}))
	}
	r.Whole(t)
	for _, ident := range idents {
		_, err := retire(r, ident)
		rig.OK(t, err)
	}
	r.Whole(t)
	rig.OK(t, restore(r, idents...))
	r.Whole(t)
	approveAll(t, r, idents)
	r.Whole(t)
}

func approveAll(t *testing.T, r *rig.Rig, idents []string) {
	t.Helper()
	k := rig.NewKEK(t, "KEK1")
	var list []keys.Transfer
	for _, ident := range idents {
		list = append(list, transferOf(t, r, k, ident, "In-the-vault-"+ident))
	}
	files, err := approve(r, list...)
	rig.OK(t, err)
	for i, f := range files {
		if f.Ident != idents[i] || f.Origin != statement.OriginQuorum || slices.Contains(f.Permissions, "SIGN") {
			t.Errorf("%+v", f)
		}
		opens(t, f, k.Open(t, f.Copy.Ciphertext))
		_, a, err := r.Chain(t).Authorization(f.Copy.Number)
		rig.OK(t, err)
		if p := a.Pairs[f.Copy.Index]; p.Origin != statement.OriginQuorum || !p.Restored || !p.Identity.Same(f.Identity) {
			t.Errorf("%+v", p)
		}
	}
}

// opens holds what the vault would unwrap to the key's file.
func opens(t *testing.T, k *kmdata.Key, plain []byte) {
	t.Helper()
	if k.Secret() {
		if !slices.Equal(checkValue(t, plain), k.CheckBytes()) || len(plain)*8 != k.Bits {
			t.Errorf("%s: another AES key of %d bytes", k.Ident, len(plain))
		}
		return
	}
	if k.Curve == "P-256K" {
		return // crypto/x509 does not know it
	}
	private, err := x509.ParsePKCS8PrivateKey(plain)
	rig.OK(t, err)
	if !keykind.SamePublicKey(private.(crypto.Signer).Public(), k.Public()) {
		t.Errorf("%s: another key", k.Ident)
	}
}

// TestGenerateAlone: without the quorum the origin is unproved, and no
// statement is signed.
func TestGenerateAlone(t *testing.T) {
	r := rig.NewWorld(t)
	before := r.Chain(t).Last().Number()
	for _, kind := range []string{"P-256", "P-256K", "AES-256", "RSA-2048"} {
		rig.OK(t, operator(r, func(o keys.Operator) error {
			k, err := o.Generate(keys.Generation{Ident: identOf(mustKind(kind)), Spec: hsm.Spec{Kind: mustKind(kind)}})
			rig.OK(t, err)
			if k.Origin != statement.OriginUnproved || k.PlainName != k.Ident || k.CardSet != 1 {
				t.Errorf("%+v", k)
			}
			return nil
		}))
	}
	if after := r.Chain(t).Last().Number(); after != before {
		t.Errorf("statement %d was signed", after)
	}
	r.Whole(t)
	_, err := retire(r, "k-p256")
	rig.OK(t, err)
	rig.OK(t, restore(r, "k-p256"))
	k, err := r.Chain(t).Key("k-p256")
	rig.OK(t, err)
	if origin, restored := r.Chain(t).OriginOf("k-p256", k.Identity, k.Module); origin != statement.OriginUnproved || !restored {
		t.Errorf("restoring has given it the origin %s (%t)", origin, restored)
	}
	r.Whole(t)
}

// TestGenerateRefused makes nothing where something is in the way.
func TestGenerateRefused(t *testing.T) {
	for _, how := range []struct {
		name     string
		generate func(*rig.Rig, string) error
	}{{"quorum", generate}, {"alone", alone}} {
		t.Run(how.name, func(t *testing.T) {
			r := rig.NewWorld(t)
			r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Pair("key_simple_first", 1) })
			r.Refused(t, how.generate(r, "first"), exitcode.Refused,
				`token "test world" (serial SERIAL) holds a key labelled key_simple_first already`,
				"byok-offline world check says whether this world made it")
			r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Pair("key_simple_first", 2) })
			r.Refused(t, how.generate(r, "first"), exitcode.HSM,
				`2 objects on token "test world" (serial SERIAL) are labelled key_simple_first instead of one`, "")
			r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
				a.Remove("key_simple_first")
				a.Remove(trustedLabels(r.Chain(t))[0])
			})
			r.Refused(t, how.generate(r, "first"), exitcode.Check,
				`token "test world" (serial SERIAL) lacks byok-km-MODULE-1`,
				"byok-offline world replace-cards makes the trusted keys again; world check shows more")
			if _, err := r.Chain(t).Key("first"); exitcode.Of(err) != exitcode.Usage {
				t.Errorf("a key was recorded: %v", err)
			}
		})
	}
}

func trustedLabels(c *kmdata.Chain) []string {
	id := c.Modules()[0].Module
	return []string{statement.KMLabel(id, 1), statement.KWLabel(id, 1)}
}

// TestGenerationOf a key whose file is there already, or cannot be read.
func TestGenerationOfKnownKey(t *testing.T) {
	r := rig.NewKeyWorld(t)
	g := keys.Generation{Ident: "first", Spec: p256}
	r.Refused(t, g.Check(r.Chain(t)), exitcode.Refused,
		"DIR/local/key_simple_first: there is a key of that name already", "choose another --ident, or byok-offline key list")
	rig.OK(t, os.WriteFile(r.Chain(t).KeyPath("first")+".sig", []byte("x"), 0o600))
	if err := g.Check(r.Chain(t)); exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v", err)
	}
}

// TestGenerateCutShort goes on wherever it died.
func TestGenerateCutShort(t *testing.T) {
	dying(t, func(*rig.Rig) {}, func(r *rig.Rig) error { return generate(r, "second") })
}

// TestGenerateUnrecorded: a key whose file cannot be written is not recorded. One
// that the quorum has vouched for stays, and the next run records it; one that
// no one vouched for goes.
func TestGenerateUnrecorded(t *testing.T) {
	for _, c := range []struct {
		name     string
		generate func(*rig.Rig, string) error
		left     int
	}{{"quorum", generate, 2}, {"alone", alone, 0}} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewWorld(t)
			sig := r.Chain(t).KeyPath("second") + ".sig"
			rig.OK(t, os.Mkdir(sig, 0o700)) // in the signature's place
			if err := c.generate(r, "second"); err == nil {
				t.Fatal("the key was recorded")
			}
			r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
				if left := a.Find("key_simple_second"); len(left) != c.left {
					t.Errorf("%d objects are left", len(left))
				}
			})
			rig.OK(t, os.Remove(sig))
			rig.OK(t, c.generate(r, "second"))
			r.Whole(t)
		})
	}
}

// TestGenerateDone: where the interrupted run had come to its end, the next one
// says so and changes nothing.
func TestGenerateDone(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "second"))
	for _, ident := range []string{"first", "second"} {
		note := fmt.Sprintf("{\n  \"type\": \"byok-pending\",\n  \"version\": 1,\n  \"note\": {\n    \"label\": \"key_simple_%s\"\n  }\n}\n", ident)
		rig.OK(t, os.WriteFile(r.Dir+"/local/.key-generate_"+ident+".pending", []byte(note), 0o600))
		rig.OK(t, keys.Generation{Ident: ident}.Check(r.Chain(t)))
	}
	before := r.Chain(t).Last().Number()
	rig.OK(t, generate(r, "first"))
	rig.OK(t, alone(r, "second"))
	if after := r.Chain(t).Last().Number(); after != before {
		t.Errorf("statement %d was signed", after)
	}
	r.Whole(t)
}
