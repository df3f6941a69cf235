package worldcheck_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/worldcheck"
)

// TestCopyOfAnotherPair: KML can sign that a wrapped copy is of another pair or
// another authorization. Neither approved it.
func TestCopyOfAnotherPair(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		_, err := keys.Operator{Operator: o}.Generate(keys.Generation{Ident: "second", Spec: hsm.Spec{Kind: rig.Kind(t, "P-256")}})
		return err
	}))
	k := rig.NewKEK(t, "KEK1")
	target := func(name string) statement.Target {
		return statement.Target{Vault: k.ID().Vault, Name: name, KeyOps: []string{"sign"}}
	}
	var files []*kmdata.Key
	rig.OK(t, r.Quorum(func(s *session.Quorum) (err error) {
		files, err = keys.Quorum{Quorum: s}.Approve([]keys.Transfer{
			{Ident: "first", KEK: k.KEK, Target: target("First")}, {Ident: "second", KEK: k.KEK, Target: target("Second")},
		})
		return err
	}))
	r.Whole(t)
	for _, c := range []struct {
		name   string
		change func(c *kmdata.Copy)
		want   string
	}{
		{"another pair", func(c *kmdata.Copy) { c.Index = 1 }, "-1"},
		{"another authorization", func(c *kmdata.Copy) { c.Authorization = fingerprint.Of(nil) }, "-0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			on := *r
			on.Dir = copiedTo(t, r.Dir)
			path := filepath.Join(kmdata.Local(on.Dir), files[0].Name())
			rig.OK(t, errors.Join(os.Remove(path), os.Remove(path+".sig")))
			rig.OK(t, on.Operator(func(o *session.Operator) error {
				other, moved := *files[0], *files[0].Copy
				c.change(&moved)
				other.Copy = &moved
				return o.Chain.WriteKey(&other, o)
			}))
			on.Finds(t, "files of kmdata", "FAIL: DIR/local/key_xferacld_first_000004"+c.want+
				" does not belong to statement 4 (authorization)")
		})
	}
}

// TestCopyMissing: an authorization whose wrapped copy is gone is named, until
// the key is approved again for the same name; it fails no check.
func TestCopyMissing(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k := rig.NewKEK(t, "KEK1")
	approve := func(name string) string {
		var files []*kmdata.Key
		rig.OK(t, r.Quorum(func(s *session.Quorum) (err error) {
			target := statement.Target{Vault: k.ID().Vault, Name: name, KeyOps: []string{"sign"}}
			files, err = keys.Quorum{Quorum: s}.Approve([]keys.Transfer{{Ident: "first", KEK: k.KEK, Target: target}})
			return err
		}))
		return files[0].Name()
	}
	rows := func() (found []worldcheck.Row) {
		all, err := r.Rows(t)
		rig.OK(t, err)
		return slices.DeleteFunc(all, func(row worldcheck.Row) bool { return row.Outcome == worldcheck.Pass })
	}
	name := approve("First")
	path := filepath.Join(kmdata.Local(r.Dir), name)
	rig.OK(t, errors.Join(os.Remove(path), os.Remove(path+".sig")))
	want := worldcheck.Row{What: name, Outcome: worldcheck.Warning, Detail: "statement 4 (authorization) approved " +
		"key_simple_first as First in " + k.ID().Vault + ", and its wrapped copy is not here: run byok-offline acl modify again"}
	approve("Second")
	if got := rows(); !slices.Equal(got, []worldcheck.Row{want}) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	approve("First")
	if got := rows(); len(got) > 0 {
		t.Errorf("approved again: %+v", got)
	}
}
