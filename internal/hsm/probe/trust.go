package probe

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/wrapping"
	"byok/internal/keykind"
)

// route is a way to come by a trusted wrapping key.
type route struct {
	call string
	kind wrapping.Key
	make func(*Prober, wish) (p11.Object, error)
}

// wish is what a route is to make: a wrapping key that is trusted, or, for the
// control, one that is not.
type wish struct {
	place   p11.Place
	trusted bool
}

// routes are all ways that PKCS#11 has. A module that leaves one of them open
// to the user leaves them all open.
var routes = []route{
	{"C_CreateObject", wrapping.UnderAES, createAES},
	{"C_CreateObject", wrapping.UnderRSA, createRSA},
	{"C_GenerateKey", wrapping.UnderAES, generateAES},
	{"C_GenerateKeyPair", wrapping.UnderRSA, generateRSA},
	{"C_UnwrapKey", wrapping.UnderAES, unwrapAES},
	{"C_CopyObject", wrapping.UnderAES, copiedFrom(p11.SecretKey)},
	{"C_CopyObject", wrapping.UnderRSA, copiedFrom(p11.PublicKey)},
	{"C_SetAttributeValue", wrapping.UnderAES, setOn(generateAES)},
	{"C_SetAttributeValue", wrapping.UnderRSA, setOn(createRSA)},
}

// Trust tries, as user, to make a trusted wrapping key, AES and RSA, as a
// session object and on the token, by every route. A route that the module
// does not offer without trust either leads nowhere; one for each kind of key,
// at least, must be refused where it works without trust.
func (p *Prober) Trust() error {
	tries := map[wrapping.Key]*several{wrapping.UnderAES: {}, wrapping.UnderRSA: {}}
	for _, r := range routes {
		for _, place := range []p11.Place{p11.SessionObject, p11.TokenObject} {
			if err := tries[r.kind].add(p.refusesTrust(r, place)); err != nil {
				return err
			}
		}
	}
	if err := tries[wrapping.UnderAES].outcome(); err != nil {
		return err
	}
	return tries[wrapping.UnderRSA].outcome()
}

func (p *Prober) refusesTrust(r route, place p11.Place) error {
	if err := p.sweep(); err != nil {
		return err
	}
	o, err := r.make(p, wish{place, true})
	if err == nil {
		defer p.s.Discard(o)
		if trusted, err := p.s.Flag(o, pkcs11.CKA_TRUSTED); err != nil || !trusted {
			return err
		}
	}
	return p.refused(attempt{
		gain: fmt.Sprintf("the user can make %s trusted with %s, as a %v object", r.kind, r.call, place),
		err:  err,
		name: fmt.Sprintf("%s %s %v", r.call, r.kind, place),
		control: func() error {
			o, err := r.make(p, wish{place, false})
			if err == nil {
				p.s.Discard(o)
			}
			return err
		},
	})
}

// template is that of the wrapping key.
func (w wish) template() p11.Template {
	const why = "what the user must not have"
	t := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, w.place == p11.TokenObject, why),
		p11.Has(pkcs11.CKA_PRIVATE, false, why),
		p11.Has(pkcs11.CKA_WRAP, true, why),
	}
	if w.trusted {
		t = append(t, p11.Has(pkcs11.CKA_TRUSTED, true, why))
	}
	return t
}

func createAES(p *Prober, w wish) (p11.Object, error) {
	value := pkcs11.NewAttribute(pkcs11.CKA_VALUE, p11.Random(32))
	return p.s.Create(labelled(w.template(), append(p11.Classed(p11.SecretKey, pkcs11.CKK_AES), value)...))
}

func createRSA(p *Prober, w wish) (p11.Object, error) {
	key, err := attackerKey()
	if err != nil {
		return 0, err
	}
	return p.s.Create(labelled(w.template(), p11.RSAPublic(&key.PublicKey)...))
}

func generateAES(p *Prober, w wish) (p11.Object, error) {
	size := pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)
	return p.s.Generate(pkcs11.CKM_AES_KEY_GEN, labelled(w.template(), size))
}

func generateRSA(p *Prober, w wish) (p11.Object, error) {
	private := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "only the public half is wanted"),
		p11.Has(pkcs11.CKA_PRIVATE, true, "only the public half is wanted"),
	}
	o, half, err := p.s.GeneratePair(keykind.CKM_RSA_PKCS_KEY_PAIR_GEN, labelled(w.template(),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, 2048),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, p11.Exponent(65537))), labelled(private))
	if err == nil {
		p.s.Discard(half)
	}
	return o, err
}

// unwrapAES unwraps what an AES key that may do both has wrapped.
func unwrapAES(p *Prober, w wish) (p11.Object, error) {
	opener, err := p.opener()
	if err != nil {
		return 0, err
	}
	return p.throughWrap(opener, labelled(w.template(), p11.Classed(p11.SecretKey, pkcs11.CKK_AES)...))
}

func copiedFrom(class p11.Class) func(*Prober, wish) (p11.Object, error) {
	return func(p *Prober, w wish) (p11.Object, error) {
		plain, err := p.plain(class)
		if err != nil {
			return 0, err
		}
		return p.s.Copy(plain, labelled(w.template().Without(pkcs11.CKA_PRIVATE)))
	}
}

// setOn makes an object without trust and sets TRUSTED afterwards; the control
// sets WRAP.
func setOn(create func(*Prober, wish) (p11.Object, error)) func(*Prober, wish) (p11.Object, error) {
	return func(p *Prober, w wish) (p11.Object, error) {
		o, err := create(p, wish{w.place, false})
		if err != nil {
			return 0, err
		}
		attribute := uint(pkcs11.CKA_WRAP)
		if w.trusted {
			attribute = pkcs11.CKA_TRUSTED
		}
		if err := p.s.Set(o, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, true)}); err != nil {
			p.s.Discard(o)
			return 0, err
		}
		return o, nil
	}
}
