package enact

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keywrap"
	"byok/internal/policy"
	"byok/internal/policy/token"
)

// What a way claims, compared with the token itself.

// holds fails the test unless the goal of a way, which was carried out, is
// really reached.
func (s *stage) holds(r policy.Reached) {
	s.Helper()
	switch r.Goal {
	case policy.InTheClear:
		s.isValue(r.Way)
	case policy.Unapproved:
		s.isTaken(r.Way)
	case policy.KnownKey:
		s.isValue(r.Way.From[0])
	case policy.OwnAnchor:
		s.isAnchor(r.Way)
	}
}

// isValue compares what was learned with the key on the token.
func (s *stage) isValue(d *policy.Derivation) {
	s.Helper()
	k, _ := d.Fact.(policy.Knows).Term.(token.Key)
	value := s.bytes(d)
	if k.Kind == token.AES {
		if !k.Own && !s.wrapsAlike(k, value) {
			s.Errorf("the %d bytes learned are not %s", len(value), k.Name)
		}
		return
	}
	public, err := publicOf(value)
	s.must(err)
	if !s.samePublic(k, public) {
		s.Errorf("the key learned is not %s", k.Name)
	}
}

// samePublic compares a public key with what the token generated.
func (s *stage) samePublic(k token.Key, public any) bool {
	s.Helper()
	if k.Kind == token.RSA {
		return s.modulus(s.pairs[k].public).Equal(public.(crypto.PublicKey))
	}
	values, err := s.raw.Attributes(s.pairs[k].public, pkcs11.CKA_EC_POINT)
	s.must(err)
	point, err := public.(*ecdsa.PublicKey).Bytes()
	s.must(err)
	return bytes.HasSuffix(values[0], point) // within a DER octet string
}

// wrapsAlike compares an AES key with the one on the token: both wrap the same
// key to the same bytes, or encrypt the same block.
func (s *stage) wrapsAlike(k token.Key, value []byte) bool {
	s.Helper()
	for d, made := range s.made {
		o, isObject := d.Fact.(policy.Object)
		handle, is := made.(p11.Object)
		if !isObject || !is || o.Value != token.Term(k) || o.Class != p11.SecretKey {
			continue
		}
		if o.Attrs.Has(token.Encrypt) {
			theirs, err := s.encrypted(handle, make([]byte, 16))
			s.must(err)
			ours, err := checkValue(value)
			return err == nil && bytes.Equal(ours, theirs)
		}
		if !o.Attrs.Has(token.Wrap) {
			continue
		}
		own, err := s.raw.Create([]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE, ownAES), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true),
		})
		s.must(err)
		theirs, err := s.raw.Wrap(parameters(p11.KWP), handle, own)
		s.must(err)
		ours, err := keywrap.Unwrap(value, theirs)
		return err == nil && bytes.Equal(ours, ownAES)
	}
	return false
}

// isTaken imports the package, and compares what the vault then holds.
func (s *stage) isTaken(d *policy.Derivation) {
	s.Helper()
	blob, _ := d.Fact.(policy.Knows).Term.(token.Blob)
	k, _ := blob.Second.Inner.(token.Key)
	made, err := s.imports(policy.InVault{KEK: blob.First.To, Value: k}, s.bytes(d))
	s.must(err)
	if k.Kind == token.AES {
		return
	}
	if key, _ := made.(imported); !s.samePublic(k, key.public) {
		s.Errorf("the vault took another key than %s", k.Name)
	}
}

// isAnchor gives the object, or a copy of it, the label of an anchor.
func (s *stage) isAnchor(d *policy.Derivation) {
	s.Helper()
	o := s.handle(d.From[0])
	label := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, "byok-anchor-000099-forged")}
	if err := s.raw.Set(o, label); err != nil {
		o, err = s.raw.Copy(o, label)
		s.must(err)
	}
	values, err := s.raw.Attributes(o, pkcs11.CKA_TRUSTED, pkcs11.CKA_LABEL)
	s.must(err)
	if !p11.Truth(values[0]) || !bytes.Equal(values[1], label[0].Value) {
		s.Error("the object is not trusted, or has another label")
	}
}
