package hsm

import (
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/keykind"
)

// Spec says what key to generate.
type Spec struct {
	Kind     keykind.Kind
	Exponent uint32 // RSA public exponent; 0 means 65537
}

// defaultExponent is Fermat's fourth number.
const defaultExponent = 65537

// maker generates keys from complete templates: the session itself, or
// crypto11.
type maker interface {
	pair(spec Spec, public, private []*pkcs11.Attribute) (publicHalf, privateHalf Object, err error)
	secret(spec Spec, template []*pkcs11.Attribute) (Object, error)
}

// Generate generates a key that only a trusted key can ever wrap: SENSITIVE,
// EXTRACTABLE, WRAP_WITH_TRUSTED and SIGN (AES: ENCRYPT) from birth. Its
// public half, if it has one, has the same label and CKA_ID.
func (s *Session) Generate(spec Spec, label string, place Place) (Key, error) {
	return s.generate(raw{s}, spec, label, place)
}

// GenerateKML generates the module signing key, EC on P-256, as a token object
// that cannot be extracted.
func (s *Session) GenerateKML(label string) (Key, error) {
	return s.generateKML(raw{s}, label)
}

func (s *Session) generate(by maker, spec Spec, label string, place Place) (Key, error) {
	if spec.Kind.Type == keykind.AES {
		return s.generateSecret(by, spec, label, place)
	}
	isRSA := spec.Kind.Type == keykind.RSA
	return s.generatePair(by, spec, label, publicKey(place, isRSA), privateKey(place, isRSA))
}

func (s *Session) generateKML(by maker, label string) (Key, error) {
	p256, err := keykind.Lookup(keykind.EC, 0, "P-256")
	if err != nil {
		return Key{}, err
	}
	return s.generatePair(by, Spec{Kind: p256}, label, publicKey(TokenObject, false), moduleSigningKey())
}

func (s *Session) generatePair(by maker, spec Spec, label string, public, private Template) (Key, error) {
	k := Key{Label: label, id: newID()}
	publicTemplate := public.raw(append(naming(label, k.id), spec.parameters()...)...)
	o, err := s.made(making{
		what:      "C_GenerateKeyPair of " + label,
		object:    nameKept,
		template:  private,
		mechanism: noMechanism,
		make: func(t []*pkcs11.Attribute) (o Object, err error) {
			k.public, o, err = by.pair(spec, publicTemplate, append(naming(label, k.id), t...))
			return o, err
		},
	})
	if err != nil {
		return Key{}, err
	}
	k.object = o
	if err := s.shows(o, label, private); err != nil {
		return Key{}, err
	}
	return s.pair(k)
}

func (s *Session) generateSecret(by maker, spec Spec, label string, place Place) (Key, error) {
	k := Key{Label: label, Kind: spec.Kind, id: newID()}
	size := pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, spec.Kind.Bits/8)
	template := secretKey(place)
	o, err := s.made(making{
		what:      "C_GenerateKey of " + label,
		object:    nameKept,
		template:  template,
		mechanism: noMechanism,
		make: func(t []*pkcs11.Attribute) (Object, error) {
			return by.secret(spec, slices.Concat(naming(label, k.id), []*pkcs11.Attribute{size}, t))
		},
	})
	if err != nil {
		return Key{}, err
	}
	k.object = o
	return k, s.shows(o, label, template)
}

// nameKept names keys for a vault in [Session.LeftOut].
const nameKept = "a key"

// parameters are what the public half is generated from.
func (spec Spec) parameters() []*pkcs11.Attribute {
	if spec.Kind.Type == keykind.EC {
		return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, spec.Kind.ECParams())}
	}
	exponent := spec.Exponent
	if exponent == 0 {
		exponent = defaultExponent
	}
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, spec.Kind.Bits),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, exponentBytes(exponent)),
	}
}

// raw generates with the session's own handle.
type raw struct{ *Session }

func (r raw) pair(spec Spec, public, private []*pkcs11.Attribute) (Object, Object, error) {
	return r.p.GenerateKeyPair(r.h, mechanism(spec.Kind.Generation), public, private)
}

func (r raw) secret(spec Spec, template []*pkcs11.Attribute) (Object, error) {
	return r.p.GenerateKey(r.h, mechanism(spec.Kind.Generation), template)
}
