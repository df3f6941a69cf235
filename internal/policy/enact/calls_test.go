package enact

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy"
	"byok/internal/policy/token"
)

// What SoftHSM answers, call by call, compared with the model.

// agrees tries every call of the model on some objects in which one of those
// that are looked at takes part. It returns how many there were.
func (s *stage) agrees(objects []*policy.Derivation, looked func(*policy.Derivation) bool) int {
	s.Helper()
	facts := make([]policy.Object, len(objects))
	for i, d := range objects {
		facts[i] = d.Fact.(policy.Object)
	}
	tried := 0
	for _, c := range policy.Calls(token.SoftHSM(), facts) {
		on, other := objects[c.On], objects[c.Other]
		if !looked(on) && !looked(other) {
			continue
		}
		err := s.try(c, facts[c.On], s.handle(on), s.handle(other))
		if errors.Is(err, errSkipped) {
			continue
		}
		tried++
		if err == nil != c.Allowed || err != nil && !refusal(err) {
			s.Errorf("%s on %s (%s), other %s (%s), %v: SoftHSM says %v, the model that it is allowed: %t",
				c.Op, facts[c.On].Value, on.Step.Row, facts[c.Other].Value, other.Step.Row, c.Change, p11.Named(err), c.Allowed)
		}
	}
	return tried
}

// refusal reports whether an error is the token's way to say no. A mechanism
// that ALLOWED_MECHANISMS leaves out is CKR_MECHANISM_INVALID on SoftHSM.
func refusal(err error) bool {
	return p11.Refusal(err) || p11.Is(err, pkcs11.CKR_MECHANISM_INVALID, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID)
}

var errSkipped = errors.New("not tried")

func (s *stage) try(c policy.Call, fact policy.Object, on, other p11.Object) error {
	switch c.Op {
	case policy.Read:
		return s.tryRead(fact, on)
	case policy.WrapKey:
		_, err := s.raw.Wrap(parameters(c.Mechanism), on, other)
		return err
	case policy.EncryptBy:
		_, err := s.encrypted(on, make([]byte, 16))
		return err
	case policy.DecryptBy:
		return s.tryDecrypt(c, fact, on)
	case policy.UnwrapKey:
		return s.tryUnwrap(c, fact, on)
	case policy.Copy:
		o, err := s.raw.Copy(on, append(ofSession(), c.Change.Raw()...))
		s.raw.Discard(o)
		return err
	case policy.Set:
		return s.raw.Set(on, c.Change.Raw())
	}
	return fmt.Errorf("no way to try %s", c.Op)
}

func ofSession() []*pkcs11.Attribute {
	return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false)}
}

func (s *stage) tryRead(fact policy.Object, on p11.Object) error {
	secret := uint(pkcs11.CKA_VALUE)
	if k, is := fact.Value.(token.Key); is && k.Kind == token.RSA {
		secret = pkcs11.CKA_PRIVATE_EXPONENT
	}
	_, err := s.raw.Read(on, secret)
	return err
}

func (s *stage) tryDecrypt(c policy.Call, fact policy.Object, on p11.Object) error {
	if c.Mechanism == pkcs11.CKM_AES_ECB {
		_, err := s.ecb(on, make([]byte, 16))
		return err
	}
	if err := s.raw.Ctx.DecryptInit(s.raw.Handle, p11.OAEP(), on); err != nil {
		return err
	}
	_, err := s.raw.Ctx.Decrypt(s.raw.Handle, s.sealed(fact))
	return err
}

// sealed is a random AES key, encrypted for a key of the token.
func (s *stage) sealed(fact policy.Object) []byte {
	aes := make([]byte, 32)
	_, _ = rand.Read(aes)
	return s.sealOAEP(s.modulus(s.pairs[fact.Value.(token.Key)].public), aes)
}

// tryUnwrap unwraps a true blob: for AES, what the key itself wraps.
func (s *stage) tryUnwrap(c policy.Call, fact policy.Object, on p11.Object) error {
	t := append(ofSession(), p11.Classed(p11.SecretKey, pkcs11.CKK_AES)...)
	var blob []byte
	if c.Mechanism == pkcs11.CKM_RSA_PKCS_OAEP {
		blob = s.sealed(fact)
	} else {
		own, err := s.raw.Create(append(append(ofSession(), p11.Classed(p11.SecretKey, pkcs11.CKK_AES)...),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE, ownAES), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true)))
		s.must(err)
		defer s.raw.Discard(own)
		if blob, err = s.raw.Wrap(parameters(p11.KWP), on, own); err != nil {
			if _, err := s.raw.Unwrap(parameters(c.Mechanism), on, make([]byte, 40), t); refusal(err) {
				return err
			}
			return errSkipped // it wraps nothing that it could unwrap
		}
	}
	o, err := s.raw.Unwrap(parameters(c.Mechanism), on, blob, t)
	s.raw.Discard(o)
	return err
}
