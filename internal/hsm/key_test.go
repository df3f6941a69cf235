package hsm

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/inventory"
	"byok/internal/keykind"
	"byok/internal/keywrap"
)

// TestLives takes each kind of key through its life in a quorum session, in
// both forms, and has openssl judge it: born as a session object, backed up,
// restored, kept; found, reduced, wrapped for a vault; frozen.
func TestLives(t *testing.T) {
	for _, form := range []keywrap.Form{keywrap.TwoSteps, keywrap.OneCall} {
		t.Run(string(form), func(t *testing.T) {
			if form == keywrap.OneCall {
				t.Setenv("SHIM_RSA_AES", "1")
			}
			r := faultyWorld(t)
			if r.form != form {
				t.Fatalf("form %q", r.form)
			}
			vault := r.trustVault(t)
			for _, k := range keykind.All() {
				if k.Bits > 2048 && form == keywrap.OneCall { // they take their time
					continue
				}
				t.Run(k.String(), func(t *testing.T) { r.live(t, k, vault) })
			}
		})
	}
}

func (r *rig) live(t *testing.T, k keykind.Kind, vault Wrapping) {
	born := must[Key](t)(r.s.Generate(Spec{Kind: k}, "key", SessionObject))
	if born.Kind != k || born.Label != "key" {
		t.Fatalf("born %+v", born)
	}
	ok(t, r.s.ProbeKey(born))
	r.judgeSignatures(t, born)
	backup := must[[]byte](t)(r.s.Wrap(r.backup(), born))
	r.judge(t, born, opened(t, r.km, backup))
	restored := r.restore(t, born, backup)
	if _, err := r.s.FindKey("key"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("a session object is on the token: %v", err)
	}
	must[Key](t)(r.s.Persist(restored, "key"))
	found := must[Key](t)(r.s.FindKey("key"))
	ok(t, r.s.Proves(found, r.identity(t, born)))
	ok(t, r.s.ProbeKey(found))
	r.travel(t, found, vault)
	r.freeze(t, found)
}

// restore brings a key back as recovery does: it must prove itself, and be as
// well kept as before. The token no longer vouches for its origin.
func (r *rig) restore(t *testing.T, k Key, backup []byte) Key {
	t.Helper()
	seal := func(public *rsa.PublicKey) ([]byte, error) { return reseal(t, r.km, public, backup), nil }
	restored := must[Key](t)(r.s.Restore(Backup{Kind: k.Kind, Public: k.Public, Seal: seal, Inner: backup[r.km.Size():]}))
	ok(t, r.s.Proves(restored, r.identity(t, k)))
	ok(t, r.s.ProbeKey(restored))
	vouched := func(p string) bool { return p == "LOCAL" || p == "ALWAYS_SENSITIVE" }
	before := slices.DeleteFunc(must[[]string](t)(r.s.Permissions(k)), vouched)
	if now := must[[]string](t)(r.s.Permissions(restored)); !slices.Equal(now, before) {
		t.Errorf("restored with %q, was %q", now, before)
	}
	return restored
}

// travel wraps a reduced copy for the vault.
func (r *rig) travel(t *testing.T, k Key, vault Wrapping) {
	t.Helper()
	reduced := must[Key](t)(r.s.Reduce(k))
	ok(t, r.s.ProbeCopy(reduced))
	got := strings.Join(must[[]string](t)(r.s.Permissions(reduced)), " ")
	if got != "EXTRACTABLE SENSITIVE WRAP_WITH_TRUSTED" {
		t.Errorf("the copy may %s", got)
	}
	r.judge(t, k, opened(t, softKEK(), must[[]byte](t)(r.s.Wrap(vault, reduced))))
	r.s.DiscardCopy(k) // no copy: stays
	r.s.DiscardCopy(reduced)
	if _, err := r.s.raw.Flag(reduced.object, pkcs11.CKA_SENSITIVE); err == nil {
		t.Error("the copy is still there")
	}
	ok(t, r.s.ProbeKey(k))
}

// freeze keeps a key that can no longer leave, in place of the original.
func (r *rig) freeze(t *testing.T, k Key) {
	t.Helper()
	must[Key](t)(r.s.Freeze(k, k.Label))
	if keys := must[[]Key](t)(r.s.FindKeys(k.Label)); len(keys) != 2 {
		t.Errorf("%d keys before the original is destroyed", len(keys))
	}
	must[Key](t)(r.s.Freeze(k, k.Label))
	if n := must[int](t)(r.s.DestroyFrozen(k.Label)); n != 2 {
		t.Errorf("%d frozen copies", n)
	}
	frozen := must[Key](t)(r.s.Freeze(k, k.Label))
	if n := must[int](t)(r.s.DestroyOthers(frozen)); n != 1 && k.secret() || n != 4 && !k.secret() {
		t.Errorf("%d objects beside the frozen key", n)
	}
	if extractable := must[bool](t)(r.s.Extractable(frozen)); extractable {
		t.Error("the frozen key is extractable")
	}
	if _, err := r.s.Wrap(r.backup(), frozen); err == nil {
		t.Error("the frozen key was wrapped")
	}
	ok(t, r.s.Proves(must[Key](t)(r.s.FindKey(k.Label)), r.identity(t, frozen)))
	ok(t, r.s.DestroyKey(frozen))
	if items := inventory.KeysLabelled(must[[]Item](t)(r.s.Inventory()), k.Label); len(items) != 0 {
		t.Errorf("left on the token: %+v", items)
	}
}

// trustVault makes a KEK and a transfer key for this session, and logs the user
// in again.
func (r *rig) trustVault(t *testing.T) Wrapping {
	t.Helper()
	r.asSO(t)
	w := Wrapping{Form: r.form, Outer: must[Object](t)(r.s.TrustKEK(&softKEK().PublicKey, r.form))}
	if r.form == keywrap.TwoSteps {
		w.Inner = must[Object](t)(r.s.TransferKey())
	}
	r.asUser(t)
	return w
}

func TestPermissions(t *testing.T) {
	r := world(t)
	for _, c := range []struct{ kind, want string }{
		{"RSA-2048", "ALWAYS_SENSITIVE DECRYPT EXTRACTABLE LOCAL MODIFIABLE SENSITIVE SIGN WRAP_WITH_TRUSTED"},
		{"P-384", "ALWAYS_SENSITIVE EXTRACTABLE LOCAL MODIFIABLE SENSITIVE SIGN WRAP_WITH_TRUSTED"},
		{"AES-256", "ALWAYS_SENSITIVE DECRYPT ENCRYPT EXTRACTABLE LOCAL MODIFIABLE SENSITIVE WRAP_WITH_TRUSTED"},
	} {
		for _, place := range []Place{SessionObject, TokenObject} {
			k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, c.kind)}, c.kind, place))
			if got := strings.Join(must[[]string](t)(r.s.Permissions(k)), " "); got != c.want {
				t.Errorf("%s as a %v object: %s", c.kind, place, got)
			}
		}
	}
}

func TestExponent(t *testing.T) {
	r := world(t)
	k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "RSA-2048"), Exponent: 3}, "odd", SessionObject))
	if e := k.Public.(*rsa.PublicKey).E; e != 3 {
		t.Errorf("exponent %d", e)
	}
}

// TestKML: the module signing key signs and never leaves the token.
func TestKML(t *testing.T) {
	r := world(t)
	k := must[Key](t)(r.s.GenerateKML("kml"))
	r.judgeSignatures(t, must[Key](t)(r.s.FindKey("kml")))
	if got := strings.Join(must[[]string](t)(r.s.Permissions(k)), " "); got != "ALWAYS_SENSITIVE LOCAL "+
		"MODIFIABLE NEVER_EXTRACTABLE SENSITIVE SIGN" {
		t.Errorf("KML may %s", got)
	}
	_, err := r.s.Wrap(r.backup(), k)
	expect(t, err, failure{"C_WrapKey of kml with CKM_AES_KEY_WRAP_PAD: CKR_KEY_UNEXTRACTABLE", exitcode.HSM, ""})
}

func TestFindKey(t *testing.T) {
	r := world(t)
	_, err := r.s.FindKey("a")
	expect(t, err,
		failure{fmt.Sprintf(`a is not on the token "test world" (serial %s)`, r.token.Serial), exitcode.HSM, ""})
	if !errors.Is(err, ErrNotFound) {
		t.Error("it is not ErrNotFound")
	}
	for _, name := range []string{"AES-128", "P-256"} {
		must[Key](t)(r.s.Generate(Spec{Kind: kind(t, name)}, "twice", TokenObject))
	}
	_, err = r.s.FindKey("twice")
	expect(t, err, failure{fmt.Sprintf("2 objects on %v are labelled twice instead of one", r.token), exitcode.HSM, ""})
	if errors.Is(err, ErrNotFound) {
		t.Error("two are taken for none")
	}
	if keys := must[[]Key](t)(r.s.FindKeys("twice")); len(keys) != 2 {
		t.Errorf("%d keys", len(keys))
	}
	k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "alone", TokenObject))
	ok(t, r.s.raw.Destroy("an object", k.public))
	_, err = r.s.FindKey("alone")
	expect(t, err, failure{fmt.Sprintf("0 public keys belong to alone on %v instead of one", r.token), exitcode.HSM, ""})
	_, err = r.s.FindKeys("alone")
	expect(t, err, failure{fmt.Sprintf("0 public keys belong to alone on %v instead of one", r.token), exitcode.HSM, ""})
}

// TestKeyIn finds in one inventory what FindKey finds by searching.
func TestKeyIn(t *testing.T) {
	r := world(t)
	for _, name := range []string{"AES-128", "P-256", "RSA-2048"} {
		must[Key](t)(r.s.Generate(Spec{Kind: kind(t, name)}, name, TokenObject))
	}
	items := must[[]Item](t)(r.s.Inventory())
	for _, name := range []string{"AES-128", "P-256", "RSA-2048"} {
		k := must[Key](t)(r.s.KeyIn(items, name))
		want := must[Key](t)(r.s.FindKey(name))
		if k.object != want.object || k.public != want.public || k.Kind != want.Kind {
			t.Errorf("%+v, FindKey gives %+v", k, want)
		}
	}
	_, err := r.s.KeyIn(items, "none")
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// TestExchangedKeys: labels and CKA_IDs are the operator's to change, so a key
// that was found may be another than the one whose public half was shown.
func TestExchangedKeys(t *testing.T) {
	r := world(t)
	vault := r.trustVault(t)
	payroll := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "payroll", TokenObject))
	root := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "root", TokenObject))
	exchange := func(a, b Key) {
		for _, c := range []struct {
			o    Object
			like Key
		}{{a.object, b}, {b.object, a}} {
			ok(t, r.s.raw.Set(c.o, []*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_LABEL, c.like.Label), pkcs11.NewAttribute(pkcs11.CKA_ID, c.like.id),
			}))
		}
	}
	found := must[Key](t)(r.s.FindKey("payroll"))
	ok(t, r.s.Proves(found, Identity{Public: payroll.Public}))
	exchange(payroll, root) // by a second process, while the quorum looks on
	r.judge(t, payroll, opened(t, softKEK(), must[[]byte](t)(r.s.Wrap(vault, must[Key](t)(r.s.Reduce(found))))))
	found = must[Key](t)(r.s.FindKey("payroll"))
	if !keykind.SamePublicKey(found.Public, payroll.Public) {
		t.Fatal("the public half shown is another")
	}
	expect(t, r.s.Proves(found, Identity{Public: payroll.Public}),
		failure{fmt.Sprintf("payroll on %v is not the key that its public key describes", r.token), exitcode.Check, ""})
}

// TestProves takes no wrong identity for the right one.
func TestProves(t *testing.T) {
	r := world(t)
	ec := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "ec", SessionObject))
	aes := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "AES-256")}, "aes", SessionObject))
	value := must[[]byte](t)(r.s.CheckValue(aes))
	ok(t, r.s.Proves(aes, Identity{CheckValue: value}))
	other := bytes.Clone(value)
	other[15] ^= 1
	for _, c := range []struct {
		name string
		key  Key
		want Identity
		text string
	}{
		{"no public key", ec, Identity{}, "ec on %v is not the key that its public key describes"},
		{"another public key", ec, Identity{Public: &r.km.PublicKey}, "ec on %v is not the key that its public key describes"},
		{"no check value", aes, Identity{}, "aes on %v is not the key that its check value describes"},
		{"a short check value", aes, Identity{CheckValue: value[:3]}, "aes on %v is not the key that its check value describes"},
		{"another check value", aes, Identity{CheckValue: other}, "aes on %v is not the key that its check value describes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, r.s.Proves(c.key, c.want), failure{fmt.Sprintf(c.text, r.token), exitcode.Check, ""})
		})
	}
}

func TestWrongSignature(t *testing.T) {
	r := faultyWorld(t)
	k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-521")}, "ec", SessionObject))
	t.Setenv("SHIM_WEAK", "signature")
	expect(t, r.s.Proves(k, Identity{Public: k.Public}),
		failure{fmt.Sprintf("ec on %v is not the key that its public key describes", r.token), exitcode.Check, ""})
}
