package enact

import (
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/templates"
	"byok/internal/policy"
	"byok/internal/policy/token"
)

// Steps that give an object.

func (s *stage) object(d *policy.Derivation, o policy.Object) (any, error) {
	switch d.Step.Op {
	case policy.Create:
		return s.create(d, o)
	case policy.Generate:
		return s.generate(d, o)
	case policy.Copy:
		return s.raw.Copy(s.handle(d.From[0]), d.Step.Template.Raw(naming(o)...))
	case policy.Set:
		of := s.handle(d.From[0])
		return of, s.raw.Set(of, d.Step.Template.Raw())
	case policy.UnwrapKey:
		return s.unwrap(d.Step.Mechanism, s.handle(d.From[0]), s.bytes(d.From[1]), o, d.Step.Template)
	case policy.DeriveKey:
		return s.derive(d)
	case policy.Restore:
		if d.Step.Row == policy.RowUnwrapping {
			return s.opened(d, o)
		}
		return s.restore(d, o)
	}
	return nil, fmt.Errorf("no way to %s an object", d.Step.Op)
}

func naming(o policy.Object) []*pkcs11.Attribute {
	return p11.Naming(fmt.Sprint(o.Value), p11.NewID())
}

// complete is a template with ALLOWED_MECHANISMS, as the ceremony gives it.
func (s *stage) complete(d *policy.Derivation, before ...*pkcs11.Attribute) []*pkcs11.Attribute {
	if m := d.Step.Mechanism; m != p11.NoMechanism && m != 0 {
		before = append(before, pkcs11.NewAttribute(pkcs11.CKA_ALLOWED_MECHANISMS, onSoftHSM(m)))
	}
	return d.Step.Template.Raw(before...)
}

// onSoftHSM is the mechanism as SoftHSM has it: RFC 5649 is CKM_AES_KEY_WRAP_PAD.
func onSoftHSM(m uint) uint {
	if m == p11.KWP {
		return pkcs11.CKM_AES_KEY_WRAP_PAD
	}
	return m
}

func parameters(m uint) []*pkcs11.Mechanism {
	switch m {
	case pkcs11.CKM_RSA_PKCS_OAEP:
		return p11.OAEP()
	case pkcs11.CKM_RSA_AES_KEY_WRAP:
		return p11.RSAAES()
	}
	return p11.Mechanism(onSoftHSM(m))
}

func (s *stage) create(d *policy.Derivation, o policy.Object) (any, error) {
	k, is := o.Value.(token.Key)
	if !is {
		return nil, fmt.Errorf("%v is not to be created", o.Value)
	}
	if o.Class == p11.PublicKey {
		return s.raw.Create(s.complete(d, slices.Concat(naming(o), p11.RSAPublic(s.rsaOf(k)))...))
	}
	return s.raw.Create(s.complete(d, slices.Concat(naming(o), p11.Classed(p11.SecretKey, pkcs11.CKK_AES),
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, ownAES)})...))
}

// ownAES is the value of the attacker's own AES key.
var ownAES = []byte("the attacker knows these bytes..")

func (s *stage) generate(d *policy.Derivation, o policy.Object) (any, error) {
	k, is := o.Value.(token.Key)
	switch {
	case !is:
		return nil, fmt.Errorf("%v is not to be generated", o.Value)
	case o.Class == p11.PublicKey:
		return s.publicHalf(d, o, k)
	case k.Kind == token.AES:
		length := pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)
		return s.raw.Generate(pkcs11.CKM_AES_KEY_GEN, s.complete(d, append(naming(o), length)...))
	}
	mechanism, public := p256().Generation, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curve)}
	if k.Kind == token.RSA {
		mechanism, public = pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, s.bits),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, exponent(65537)),
		}
	}
	half, key, err := s.raw.GeneratePair(mechanism, public, s.complete(d, naming(o)...))
	s.pairs[k] = pair{half}
	return key, err
}

// curve is the object identifier of P-256 in DER.
var curve = []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}

// publicHalf makes the public half of a pair by a template of its own.
func (s *stage) publicHalf(d *policy.Derivation, o policy.Object, k token.Key) (any, error) {
	types, kind := []uint{pkcs11.CKA_EC_PARAMS, pkcs11.CKA_EC_POINT}, uint(pkcs11.CKK_EC)
	if k.Kind == token.RSA {
		types, kind = []uint{pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT}, pkcs11.CKK_RSA
	}
	values, err := s.raw.Attributes(s.pairs[k].public, types...)
	if err != nil {
		return nil, err
	}
	list := append(naming(o), p11.Classed(p11.PublicKey, kind)...)
	for i, v := range values {
		list = append(list, pkcs11.NewAttribute(types[i], v))
	}
	return s.raw.Create(s.complete(d, list...))
}

// unwrap unwraps a blob to an object of the class and type of a value.
func (s *stage) unwrap(m uint, by p11.Object, blob []byte, o policy.Object, t p11.Template) (any, error) {
	kind := uint(pkcs11.CKK_AES)
	if k, is := o.Value.(token.Key); is && k.Kind == token.EC {
		kind = pkcs11.CKK_EC
	} else if is && k.Kind == token.RSA {
		kind = pkcs11.CKK_RSA
	}
	list := slices.Concat(naming(o), p11.Classed(o.Class, kind))
	return s.raw.Unwrap(parameters(m), by, blob, t.Raw(list...))
}

func (s *stage) derive(d *policy.Derivation) (any, error) {
	other := pkcs11.NewAttribute(0, uint(s.handle(d.From[1]))).Value // a CK_OBJECT_HANDLE
	list := p11.Classed(p11.SecretKey, pkcs11.CKK_GENERIC_SECRET)
	m := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_CONCATENATE_BASE_AND_KEY, other)}
	return s.raw.Ctx.DeriveKey(s.raw.Handle, m, s.handle(d.From[0]), d.Step.Template.Raw(list...))
}

// opened is the first half of a restore: KM opens a backup's first half, whose
// AES key is encrypted for a fresh pair of the token's, which unwraps it.
func (s *stage) opened(d *policy.Derivation, o policy.Object) (any, error) {
	km := s.privateOf(token.Key{Name: "KM", Kind: token.RSA})
	aes := s.openOAEP(km, s.bytes(d.From[0])[:km.Size()])
	public, private, err := s.raw.GeneratePair(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, 2048), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, exponent(65537)),
	}, templates.Unwrapping().Raw())
	if err != nil {
		return nil, err
	}
	return s.unwrap(pkcs11.CKM_RSA_PKCS_OAEP, private, s.sealOAEP(s.modulus(public), aes), o, d.Step.Template)
}

// restore is the second half: the AES key unwraps the key to a session object,
// which is copied to the token.
func (s *stage) restore(d *policy.Derivation, o policy.Object) (any, error) {
	half := s.privateOf(token.Key{Name: "KM", Kind: token.RSA}).Size()
	restored, err := s.unwrap(p11.KWP, s.handle(d.From[0]), s.bytes(d.From[1])[half:], o, d.Step.Template)
	if err != nil {
		return nil, err
	}
	object, _ := restored.(p11.Object)
	return s.raw.Copy(object, append(naming(o), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true)))
}

func (s *stage) modulus(public p11.Object) *rsa.PublicKey {
	s.Helper()
	values, err := s.raw.Attributes(public, pkcs11.CKA_MODULUS)
	s.must(err)
	return &rsa.PublicKey{N: number(values[0]), E: 65537}
}
