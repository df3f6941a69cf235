// Package enact carries the ways that package policy finds out on SoftHSM and
// the rehearsal vault, step by step, and compares what SoftHSM answers with
// what the model says.
package enact

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/native"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
	"byok/internal/policy"
	"byok/internal/policy/token"
	"byok/internal/testkit/softhsm"
)

// stage is a token, and what stands on it for the facts of the model.
type stage struct {
	testing.TB
	whole testing.TB // the test that the stage lasts for
	raw   *p11.Session
	made  map[*policy.Derivation]any // p11.Object or []byte, by the step that gave it
	pairs map[token.Key]pair         // what was generated, for the truth
	vault *vaultUser                 // opened where it is needed
	role  uint
	bits  int  // of RSA keys that the ceremony generates
	exact bool // the library is SoftHSM itself: objects show what the model says
}

// pair is the public half of a pair and where it is. EC keys have a point,
// RSA keys a modulus.
type pair struct{ public p11.Object }

// newStage makes a token of a library; the officer is logged in.
func newStage(t testing.TB, library string) *stage {
	t.Helper()
	ctx, _, handle := softhsm.Session(t, library)
	wrapper, err := native.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wrapper.Close)
	s := &stage{
		TB: t, whole: t,
		raw: &p11.Session{
			Ctx: ctx, Native: wrapper, Handle: handle, Token: label("the token"), Omitted: map[string][]uint{},
		},
		role: pkcs11.CKU_SO,
		bits: 2048,
	}
	s.forget()
	return s
}

type label string

func (l label) String() string { return string(l) }

// forget lets the stage begin again, on the same token.
func (s *stage) forget() {
	s.made, s.pairs = map[*policy.Derivation]any{}, map[token.Key]pair{}
}

// login changes the role. Session objects that are not private survive it.
func (s *stage) login(role uint) {
	s.Helper()
	if s.role == role {
		return
	}
	s.must(s.raw.Ctx.Logout(s.raw.Handle))
	pin := map[uint]string{pkcs11.CKU_SO: softhsm.SOPIN, pkcs11.CKU_USER: softhsm.UserPIN}[role]
	s.must(s.raw.Ctx.Login(s.raw.Handle, role, pin))
	s.role = role
}

// clear destroys every object.
func (s *stage) clear() {
	s.Helper()
	s.login(pkcs11.CKU_USER)
	objects, err := s.raw.Find()
	s.must(err)
	for _, o := range objects {
		s.must(s.raw.Destroy("an object", o))
	}
	s.forget()
	s.login(pkcs11.CKU_SO)
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(p11.Named(err))
	}
}

// roleOf is who is logged in for a step. What the officer does comes first.
func roleOf(d *policy.Derivation) uint {
	if d.Step.Who == policy.Officer || d.Step.Who == policy.Former {
		return pkcs11.CKU_SO
	}
	return pkcs11.CKU_USER
}

// carryOut does the steps of a way, the officer's first.
func (s *stage) carryOut(ways ...*policy.Derivation) {
	s.Helper()
	for _, role := range []uint{pkcs11.CKU_SO, pkcs11.CKU_USER} {
		for _, way := range ways {
			for _, d := range way.Steps() {
				if roleOf(d) == role && s.made[d] == nil {
					s.login(role)
					s.do(d)
				}
			}
		}
	}
}

// do does one step, which must work.
func (s *stage) do(d *policy.Derivation) {
	s.Helper()
	result, err := s.attempt(d)
	if err != nil {
		s.Fatalf("%s: %s: %v", d.Step.Who, d.Step.Text, p11.Named(err))
	}
	s.made[d] = result
	if o, is := d.Fact.(policy.Object); is {
		s.matches(d, o, s.handle(d))
	}
}

// attempt does one step whose premises are there.
func (s *stage) attempt(d *policy.Derivation) (any, error) {
	for _, from := range d.From {
		if s.made[from] == nil {
			return nil, fmt.Errorf("%s before %s", d.Step.Text, from.Step.Text)
		}
	}
	if f, is := d.Fact.(policy.Object); is {
		return s.object(d, f)
	}
	if f, is := d.Fact.(policy.Knows); is {
		return s.value(d, f.Term)
	}
	if f, is := d.Fact.(policy.InVault); is {
		return s.imports(f, s.bytes(d.From[0]))
	}
	return true, nil // a statement
}

func (s *stage) handle(d *policy.Derivation) p11.Object {
	s.Helper()
	o, is := s.made[d].(p11.Object)
	if !is {
		s.Fatalf("%s gave no object", d.Step.Text)
	}
	return o
}

func (s *stage) bytes(d *policy.Derivation) []byte {
	s.Helper()
	b, is := s.made[d].([]byte)
	if !is {
		s.Fatalf("%s gave no value", d.Step.Text)
	}
	return b
}

// RSA keys of 2048 bits that the whole test program uses.
var (
	kmKey  = sync.OnceValue(newRSA)
	oldKM  = sync.OnceValue(newRSA)
	ownKey = sync.OnceValue(newRSA)
)

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// rsaOf is the pair of a key of the model that is made in software.
func (s *stage) rsaOf(k token.Key) *rsa.PublicKey {
	s.Helper()
	switch {
	case k.Own:
		return &ownKey().PublicKey
	case k.Name == "KM":
		return &kmKey().PublicKey
	case k.Name == "KM of the replaced cards":
		return &oldKM().PublicKey
	}
	return s.vaultKEK(k).Public
}

// privateOf is the private half of one that somebody in the model opens.
func (s *stage) privateOf(k token.Key) *rsa.PrivateKey {
	s.Helper()
	for _, key := range []*rsa.PrivateKey{ownKey(), kmKey(), oldKM()} {
		if s.rsaOf(k).Equal(&key.PublicKey) {
			return key
		}
	}
	s.Fatalf("%s stays in the vault", k.Name)
	return nil
}

// p256 generates on the curve P-256.
func p256() keykind.Kind {
	k, err := keykind.Lookup(keykind.EC, 0, "P-256")
	if err != nil {
		panic(err)
	}
	return k
}

func exponent(e int) []byte { return big.NewInt(int64(e)).Bytes() }
