package hsm

import (
	"cmp"
	"crypto/rsa"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

// Spec says what key to generate.
type Spec struct {
	Kind     keykind.Kind
	Exponent uint32 // RSA public exponent; 0 means 65537
}

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
	return s.generate(viaSession{s}, spec, label, place)
}

// GenerateKML generates the module signing key, EC on P-256, as a token object
// that cannot be extracted.
func (s *Session) GenerateKML(label string) (Key, error) {
	return s.generateKML(viaSession{s}, label)
}

func (s *Session) generate(by maker, spec Spec, label string, place Place) (Key, error) {
	if s.Rights && place == SessionObject {
		return s.generateOnDevice(by, spec, label)
	}
	if spec.Kind.Type == keykind.AES {
		return s.generateSecret(by, spec, label, place)
	}
	isRSA := spec.Kind.Type == keykind.RSA
	return s.generatePair(by, spec, label, templates.PublicKey(place, isRSA),
		s.kept(templates.PrivateKey(place, isRSA)))
}

func (s *Session) generateKML(by maker, label string) (Key, error) {
	p256, err := keykind.Lookup(keykind.EC, 0, "P-256")
	if err != nil {
		return Key{}, err
	}
	public, private := templates.PublicKey(TokenObject, false), templates.ModuleSigningKey()
	return s.generatePair(by, Spec{Kind: p256}, label, public, private)
}

func (s *Session) generatePair(by maker, spec Spec, label string, public, private p11.Template) (Key, error) {
	k := Key{Label: label, id: p11.NewID()}
	publicTemplate := public.Raw(append(p11.Naming(label, k.id), templates.Parameters(spec.Kind, spec.Exponent)...)...)
	o, err := s.raw.Made(p11.Making{
		Call:      "C_GenerateKeyPair of " + label,
		Object:    nameKept,
		Template:  private,
		Mechanism: p11.NoMechanism,
		Make: func(t []*pkcs11.Attribute) (o Object, err error) {
			k.public, o, err = by.pair(spec, publicTemplate, append(p11.Naming(label, k.id), t...))
			return o, err
		},
	})
	if err != nil {
		return Key{}, err
	}
	k.object = o
	return s.finished(k, spec, private)
}

// finished reads back what was generated, and destroys it if it does not show
// what it should.
func (s *Session) finished(k Key, spec Spec, t p11.Template) (Key, error) {
	done, err := s.readBack(k, spec.Kind.KeyType, t)
	if err == nil {
		err = spec.granted(done)
	}
	if err != nil {
		s.Discard(k.object)
		s.Discard(k.public)
		return Key{}, err
	}
	return done, nil
}

func (s *Session) readBack(k Key, keyType uint, t p11.Template) (Key, error) {
	if err := s.raw.Shows(k.object, k.Label, t); err != nil || k.secret() {
		return k, err
	}
	return s.pair(k, keyType)
}

func (s *Session) generateSecret(by maker, spec Spec, label string, place Place) (Key, error) {
	k := Key{Label: label, Kind: spec.Kind, id: p11.NewID()}
	size := pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, spec.Kind.Bits/8)
	template := s.kept(templates.SecretKey(place))
	o, err := s.raw.Made(p11.Making{
		Call:      "C_GenerateKey of " + label,
		Object:    nameKept,
		Template:  template,
		Mechanism: p11.NoMechanism,
		Make: func(t []*pkcs11.Attribute) (Object, error) {
			return by.secret(spec, slices.Concat(p11.Naming(label, k.id), []*pkcs11.Attribute{size}, t))
		},
	})
	if err != nil {
		return Key{}, err
	}
	k.object = o
	return s.finished(k, spec, template)
}

// nameKept names keys for a vault in [Session.LeftOut].
const nameKept = "a key"

// granted refuses a key that is not what was asked for: modules exist that take a
// public exponent, a size or a curve and make another.
func (spec Spec) granted(k Key) error {
	if k.Kind != spec.Kind {
		return exitcode.Errorf(exitcode.HSM, "the module made %s as %v, and %v was asked for", k.Label, k.Kind, spec.Kind).
			Hint("nothing was kept; ask for a kind that the module makes")
	}
	exponent := cmp.Or(spec.Exponent, templates.DefaultExponent)
	if key, ok := k.Public.(*rsa.PublicKey); ok && key.E != int(exponent) {
		return exitcode.Errorf(exitcode.HSM, "the module made %s with public exponent %d, and %d was asked for",
			k.Label, key.E, exponent).
			Hint("nothing was kept; leave --pubexp out for 65537, which every module and vault takes")
	}
	return nil
}

// viaSession generates with the session's own handle.
type viaSession struct{ *Session }

func (v viaSession) pair(spec Spec, public, private []*pkcs11.Attribute) (publicHalf, privateHalf Object, err error) {
	return v.raw.GeneratePair(spec.Kind.Generation, public, private)
}

func (v viaSession) secret(spec Spec, template []*pkcs11.Attribute) (Object, error) {
	return v.raw.Generate(spec.Kind.Generation, template)
}
