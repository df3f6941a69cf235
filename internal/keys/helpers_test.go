package keys_test

import (
	"crypto/aes"
	"testing"

	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/packing"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// quorumOf runs f in a quorum session at work on keys.
func quorum(r *rig.Rig, f func(s keys.Quorum) error) error {
	return r.Quorum(func(s *session.Quorum) error { return f(keys.Quorum{Quorum: s}) })
}

// operator runs f with the user logged in, at work on keys.
func operator(r *rig.Rig, f func(o keys.Operator) error) error {
	return r.Operator(func(o *session.Operator) error { return f(keys.Operator{Operator: o}) })
}

// generate makes a P-256 key before the quorum.
func generate(r *rig.Rig, ident string) error {
	return quorum(r, func(s keys.Quorum) error {
		_, err := s.Generate(keys.Generation{Ident: ident, Spec: p256})
		return err
	})
}

// alone makes a P-256 key without the quorum.
func alone(r *rig.Rig, ident string) error {
	return operator(r, func(o keys.Operator) error {
		_, err := o.Generate(keys.Generation{Ident: ident, Spec: p256})
		return err
	})
}

var p256 = hsm.Spec{Kind: mustKind("P-256")}

// transferOf asks for the approval of a key under a name.
func transferOf(t testing.TB, r *rig.Rig, k rig.KEK, ident, name string) keys.Transfer {
	t.Helper()
	file, err := r.Chain(t).Key(ident)
	rig.OK(t, err)
	kind, err := file.Kind()
	rig.OK(t, err)
	return keys.Transfer{Ident: ident, KEK: k.KEK, Target: statement.Target{Vault: k.ID().Vault, Name: name, KeyOps: kind.KeyOps()}}
}

// approve has the quorum approve one key for a KEK.
func approve(r *rig.Rig, list ...keys.Transfer) (files []*kmdata.Key, err error) {
	err = quorum(r, func(s keys.Quorum) (err error) {
		files, err = s.Approve(list)
		return err
	})
	return files, err
}

// restore brings keys back to the token.
func restore(r *rig.Rig, idents ...string) error {
	return quorum(r, func(s keys.Quorum) error {
		list, err := keys.Restorables(s.Chain, idents)
		if err != nil {
			return err
		}
		return s.Restore(list)
	})
}

func retire(r *rig.Rig, ident string) (record *kmdata.Retired, err error) {
	err = operator(r, func(o keys.Operator) (err error) {
		record, err = o.Retire(ident)
		return err
	})
	return record, err
}

func freeze(r *rig.Rig, ident string) error {
	return quorum(r, func(s keys.Quorum) error {
		_, err := s.Freeze(ident)
		return err
	})
}

// dying runs an operation that dies at things that it says, in a world of its own
// each time; then the same operation must come to its end, and leave the world
// whole. Every third place is tried, and every place where BYOK_FAULTS is "all".
func dying(t *testing.T, prepare func(r *rig.Rig), op func(r *rig.Rig) error) {
	t.Helper()
	step := rig.Step(3)
	for at := step; ; at += step {
		r := rig.NewKeyWorld(t)
		prepare(r)
		r.People = rig.NewPeople(3)
		r.People.DieAt = at
		died, err := rig.Survive(func() error { return op(r) })
		if !died {
			rig.OK(t, err)
			return
		}
		last := append(r.People.Said, r.People.Warned...)
		r.People = rig.NewPeople(3)
		r.People.Paper = r.Paper(t) // the token may carry no anchor
		if err := op(r); err != nil {
			t.Errorf("after it died at %q: %v", last, err)
		}
		r.Whole(t)
	}
}

// checkValue is AES-ECB of the zero block.
func checkValue(t testing.TB, key []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	rig.OK(t, err)
	out := make([]byte, 16)
	block.Encrypt(out, out)
	return out
}

const subscription = "11111111-2222-4333-8444-555555555555"

// packOne writes one package.
func packOne(o keys.Operator, r packing.Request) (packing.Packed, error) {
	packed, err := o.Packer().Pack([]packing.Request{r}, nil)
	if err != nil {
		return packing.Packed{}, err
	}
	return packed[0], nil
}
