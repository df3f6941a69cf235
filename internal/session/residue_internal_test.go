//go:build goexperiment.runtimesecret

package session

import (
	"crypto/ecdsa"
	"testing"

	"byok/internal/secret"
	"byok/internal/testkit/residue"
)

// TestSignLeavesNothing: KNSO's private half is nowhere in memory once it has
// signed, and crypto/ecdsa keeps no copy.
func TestSignLeavesNothing(t *testing.T) {
	a := make1(t)
	k, err := NewKNSO(a.issue.Secret, a.set)
	if err != nil {
		t.Fatal(err)
	}
	var needle residue.Needle
	err = k.withSigner(func(private *ecdsa.PrivateKey) error {
		d, err := private.Bytes()
		if err != nil {
			return err
		}
		scalar := secret.Take(d)
		defer scalar.Wipe()
		needle = residue.Of("KNSO's private half", scalar)
		if needle.Count(t) == 0 {
			t.Error("it is not found while it is there")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Sign([]byte("text")); err != nil {
		t.Fatal(err)
	}
	if n := needle.Count(t); n != 0 {
		t.Errorf("%v is found %d times", needle, n)
	}
}
