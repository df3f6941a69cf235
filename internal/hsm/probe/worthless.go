package probe

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// Label is the label of what the probes make. Objects with it protect nothing;
// the next probe destroys one that a crash has left on the token.
const Label = "byok-probe"

// labelled is a template under the label of the probes.
func labelled(t p11.Template, before ...*pkcs11.Attribute) []*pkcs11.Attribute {
	return t.Raw(append(p11.Naming(Label, p11.NewID()), before...)...)
}

// worthless is a secret key to try things with: any key can wrap it.
func worthless(place p11.Place) p11.Template {
	return p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, place == p11.TokenObject, "as the key it stands for"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "can be made in an SO session as well"),
		p11.Has(pkcs11.CKA_SENSITIVE, true, "modules under FIPS rules make no others"),
		p11.Has(pkcs11.CKA_EXTRACTABLE, true, "is to be wrapped"),
		p11.Has(pkcs11.CKA_WRAP, true, "is to wrap"),
	}
}

func (p *Prober) worthlessAES() (p11.Object, error) {
	return p.generateAES(worthless(p11.SessionObject), 32)
}

func (p *Prober) generateAES(t p11.Template, size int) (p11.Object, error) {
	o, err := p.s.Generate(pkcs11.CKM_AES_KEY_GEN, labelled(t, pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, size)))
	if err != nil {
		return 0, p11.Fail("C_GenerateKey of a worthless session key", err)
	}
	return o, nil
}

// opener returns an AES key that may unwrap and decrypt, made on first use.
func (p *Prober) opener() (p11.Object, error) {
	return p.object("opener", func() (p11.Object, error) {
		return p.generateAES(worthless(p11.SessionObject).With(
			p11.Has(pkcs11.CKA_UNWRAP, true, "is to unwrap"), p11.Has(pkcs11.CKA_DECRYPT, true, "is to decrypt")), 32)
	})
}

func (p *Prober) withOpener(try func(p11.Object) error) error {
	o, err := p.opener()
	if err != nil {
		return err
	}
	return try(o)
}

// attackerRSA puts the public half of the attacker's RSA key into the session.
func (p *Prober) attackerRSA() (p11.Object, error) {
	key, err := attackerKey()
	if err != nil {
		return 0, err
	}
	t := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "can be made in an SO session as well"),
		p11.Has(pkcs11.CKA_WRAP, true, "is to wrap"),
	}
	o, err := p.s.Create(labelled(t, p11.RSAPublic(&key.PublicKey)...))
	if err != nil {
		return 0, p11.Fail("C_CreateObject of a worthless RSA key", err)
	}
	return o, nil
}

// worthlessKind is the kind of the worthless private key.
const worthlessKind = "P-256"

// worthlessPair generates an EC session key that any key can wrap, and returns
// its private half.
func (p *Prober) worthlessPair() (p11.Object, error) {
	kind, err := keykind.Parse(worthlessKind)
	if err != nil {
		return 0, err
	}
	return p.generatePair(kind)
}

func (p *Prober) generatePair(kind keykind.Kind) (p11.Object, error) {
	private := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		p11.Has(pkcs11.CKA_PRIVATE, true, "as the key it stands for"),
		p11.Has(pkcs11.CKA_SENSITIVE, true, "as the key it stands for"),
		p11.Has(pkcs11.CKA_EXTRACTABLE, true, "is to be wrapped"),
	}
	public := p11.Template{p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session")}
	half, o, err := p.s.GeneratePair(kind.Generation,
		labelled(public, pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, kind.ECParams())), labelled(private))
	if err != nil {
		return 0, p11.Fail("C_GenerateKeyPair of a worthless key", err)
	}
	p.s.Discard(half)
	return o, nil
}
