package keys_test

import (
	"os"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// follow makes a key that follows another, before the quorum.
func follow(r *rig.Rig, ident, old, kind string) (k *kmdata.Key, err error) {
	err = quorum(r, func(s keys.Quorum) (err error) {
		g := keys.Generation{Ident: ident, Spec: hsm.Spec{Kind: mustKind(kind)}, Replaces: old}
		if err := g.Check(s.Chain); err != nil {
			return err
		}
		k, err = s.Generate(g)
		return err
	})
	return k, err
}

// TestReplaces: the origin statement says which key is followed, also once the
// new key was restored, and the quorum that approves it sees and signs it.
func TestReplaces(t *testing.T) {
	r := rig.NewKeyWorld(t)
	second, err := follow(r, "second", "first", "P-384")
	rig.OK(t, err)
	first, err := r.Chain(t).Key("first")
	rig.OK(t, err)
	want := &statement.Replaced{Ident: "first", Identity: first.Identity}
	if o, _ := r.Chain(t).Origin("second"); !o.Replaces.Same(want) || !second.Replaces.Same(want) {
		t.Errorf("the origin says %+v, the file %+v", o.Replaces, second.Replaces)
	}
	if got := r.Chain(t).Followers("first"); len(got) != 1 || got[0] != "second" {
		t.Errorf("first is followed by %q", got)
	}
	_, err = retire(r, "second")
	rig.OK(t, err)
	rig.OK(t, restore(r, "second"))
	if o, _ := r.Chain(t).Origin("second"); !o.Restored || !o.Replaces.Same(want) {
		t.Errorf("after restoring the origin says %+v", o)
	}
	files, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "second", "First"))
	rig.OK(t, err)
	mark, err := first.Identity.Fingerprint()
	rig.OK(t, err)
	r.Heard(t, r.People.Said, "   after  first, P-256, "+mark.FirstWords(4)+": its next version in the vault")
	_, a, err := r.Chain(t).Authorization(files[0].Copy.Number)
	rig.OK(t, err)
	if !a.Pairs[0].Replaces.Same(want) {
		t.Errorf("approved as %+v", a.Pairs[0].Replaces)
	}
	r.Whole(t)
}

// TestReplacesChecked has a key a row that does not follow another.
func TestReplacesChecked(t *testing.T) {
	r := rig.NewKeyWorld(t)
	_, err := follow(r, "second", "first", "P-256")
	rig.OK(t, err)
	_, err = follow(r, "larger", "second", "P-384")
	rig.OK(t, err)
	for _, c := range []struct {
		ident, old, kind string
		code             exitcode.Code
		text, hint       string
	}{
		{"new", "none", "P-256", exitcode.Usage, "DIR/local/key_simple_none: there is no such key in this world",
			"byok-offline key list shows the keys that --replaces can name"},
		{"new", "new", "P-256", exitcode.Usage, "--replaces new: a key does not follow itself", ""},
		{"new", "first", "P-256", exitcode.Refused, "--replaces first: second follows that key already",
			"--replaces second, or first byok-offline key retire --ident second"},
		{"new", "larger", "P-256", exitcode.Refused, "--replaces larger: P-256 does not follow P-384, which is larger",
			"generate a key of the same type, and at least as large"},
		{"new", "larger", "RSA-4096", exitcode.Refused,
			"--replaces larger: a key of type RSA does not follow one of type EC",
			"generate a key of the same type, and at least as large"},
		{"new", "../x", "P-256", exitcode.Usage, `key identifier "../x": expected digits, dashes and lower-case letters`,
			"byok-offline key list shows the keys that --replaces can name"},
	} {
		_, err := follow(r, c.ident, c.old, c.kind)
		r.Refused(t, err, c.code, c.text, c.hint)
	}
	_, err = retire(r, "larger")
	rig.OK(t, err)
	_, err = follow(r, "another", "second", "P-384")
	rig.OK(t, err)
	chain := r.Chain(t)
	rig.OK(t, os.Remove(chain.KeyPath("second")))
	g := keys.Generation{Ident: "second", Spec: hsm.Spec{Kind: mustKind("P-384")}, Replaces: "another"}
	r.Refused(t, g.Check(r.Chain(t)), exitcode.Refused, "--replaces another: that key follows second itself", "")
}

// TestReplacesAlone: without the quorum the key file alone names the key that is
// followed, and the quorum that approves the new key signs it.
func TestReplacesAlone(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, operator(r, func(o keys.Operator) error {
		k, err := o.Generate(keys.Generation{Ident: "second", Spec: p256, Replaces: "first"})
		if err == nil && (k.Replaces == nil || k.Replaces.Ident != "first" || o.Chain.SignedReplaces(k) != nil) {
			t.Errorf("%+v", k.Replaces)
		}
		return err
	}))
	if got := r.Chain(t).Followers("first"); len(got) != 1 || got[0] != "second" {
		t.Errorf("first is followed by %q", got)
	}
	files, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "second", "First"))
	rig.OK(t, err)
	_, a, err := r.Chain(t).Authorization(files[0].Copy.Number)
	rig.OK(t, err)
	if p := a.Pairs[0].Replaces; p == nil || p.Ident != "first" {
		t.Errorf("approved as %+v", p)
	}
}

// TestReplacesUnproved: what no statement names must be on the token, where it
// proves itself.
func TestReplacesUnproved(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, alone(r, "mine"))
	_, err := follow(r, "second", "mine", "P-256")
	rig.OK(t, err)
	rig.OK(t, alone(r, "lost"))
	lose(t, r, "lost")
	_, err = follow(r, "third", "lost", "P-256")
	r.Refused(t, err, exitcode.HSM, `key_simple_lost is not on the token "test world" (serial SERIAL)`,
		"no statement names lost, so the token must hold it: byok-offline key restore --ident lost --card DIR …")
}

// TestAttackReplacesChanged: the operator signs a key file again, with another key
// that it follows, or none. The quorum's word stands, and nothing is approved.
func TestAttackReplacesChanged(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, generate(r, "payroll"))
	_, err := follow(r, "second", "first", "P-256")
	rig.OK(t, err)
	payroll, err := r.Chain(t).Key("payroll")
	rig.OK(t, err)
	for _, c := range []struct {
		name, ident string
		to          *statement.Replaced
	}{
		{"another", "second", &statement.Replaced{Ident: "payroll", Identity: payroll.Identity}},
		{"none", "second", nil},
		{"of a key that follows none", "payroll", &statement.Replaced{Ident: "first", Identity: firstOf(t, r)}},
	} {
		before, err := r.Chain(t).Key(c.ident)
		rig.OK(t, err)
		rewrite(t, r, c.ident, func(k *kmdata.Key) { k.Replaces = c.to })
		transfer := transferOf(t, r, rig.NewKEK(t, "KEK1"), c.ident, "First")
		if _, err := transfer.Check(r.Chain(t)); exitcode.Of(err) != exitcode.Check {
			t.Errorf("%s: before anyone is asked: %v", c.name, err)
		}
		_, err = approve(r, transfer)
		r.Refused(t, err, exitcode.Check,
			"DIR/local/key_simple_"+c.ident+": field replaces: the key's origin statement says otherwise",
			"put that file and its .sig back from your copy of kmdata")
		rewrite(t, r, c.ident, func(k *kmdata.Key) { *k = *before })
	}
}

func firstOf(t *testing.T, r *rig.Rig) statement.Identity {
	t.Helper()
	k, err := r.Chain(t).Key("first")
	rig.OK(t, err)
	return k.Identity
}

// TestReplacesInARow: of keys that are made in one session each follows one that is
// there by then, and two do not follow the same.
func TestReplacesInARow(t *testing.T) {
	r := rig.NewKeyWorld(t)
	of := func(ident, old string) keys.Generation {
		return keys.Generation{Ident: ident, Spec: p256, Replaces: old}
	}
	err := quorum(r, func(s keys.Quorum) error {
		list := []keys.Generation{of("second", "first"), of("third", "second"), of("fork", "second")}
		return s.GenerateAll(list, func(keys.Generation) {})
	})
	r.Refused(t, err, exitcode.Refused, "fork: --replaces second: third follows that key already",
		"--replaces third, or first byok-offline key retire --ident third")
	if o, found := r.Chain(t).Origin("third"); !found || o.Replaces == nil || o.Replaces.Ident != "second" {
		t.Errorf("%+v", o)
	}
	r.Whole(t)
}
