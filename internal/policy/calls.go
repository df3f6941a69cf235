package policy

import (
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy/token"
)

// The calls that an attacker makes with the user PIN.

// gains are the changes that let a key be used for more.
var gains = []p11.Attribute{
	token.Has(pkcs11.CKA_WRAP, true), token.Has(pkcs11.CKA_UNWRAP, true), token.Has(pkcs11.CKA_ENCRYPT, true),
	token.Has(pkcs11.CKA_DECRYPT, true), token.Has(pkcs11.CKA_DERIVE, true), token.Has(pkcs11.CKA_SENSITIVE, false),
	token.Has(pkcs11.CKA_EXTRACTABLE, true), token.Has(pkcs11.CKA_WRAP_WITH_TRUSTED, false),
	token.Has(pkcs11.CKA_TRUSTED, true), token.Has(pkcs11.CKA_MODIFIABLE, true),
}

// disguises are the changes that make a key look like the ceremony's.
var disguises = []p11.Attribute{token.Has(pkcs11.CKA_SENSITIVE, true), token.Has(pkcs11.CKA_WRAP_WITH_TRUSTED, true)}

// look derives what one object gives: its value, its check value, and for what
// it can be passed off.
func (s *Search) look(d *Derivation, o Object) {
	k, isKey := o.Value.(token.Key)
	if s.module.Reads(o.Object) {
		s.derive(Knows{o.Value}, Step{Who: Attacks, Op: Read, Text: say("%s: CKA_VALUE of %v", Read, o.Value)}, d)
	}
	if isKey && o.Class == p11.SecretKey && o.Attrs.Has(token.Encrypt) && o.Allows(pkcs11.CKM_AES_ECB) {
		c := token.CheckValue{Of: k}
		s.derive(Knows{c}, Step{Who: Attacks, Op: EncryptBy, Text: say("%s: %v", EncryptBy, c)}, d)
	}
	if by := s.design.OriginByAttributes; by != 0 && isKey && o.Class == p11.PrivateKey && o.Attrs.Has(by) {
		s.derive(Origin{k}, Step{Who: Quorum, Op: State, Text: say("take %v for generated, by its attributes", k)}, d)
	}
	if s.design.Guard.Anchors && o.Class == p11.PublicKey && o.Attrs.Has(token.Trusted) && s.relabels(o) {
		s.derive(Anchored{o}, Step{Who: Attacks, Op: Set, Text: say("give a trusted object the label of an anchor")}, d)
	}
}

// relabels reports whether the user can give an object, or a copy of it,
// another label.
func (s *Search) relabels(o Object) bool {
	_, _, copied := s.module.Copy(o.Object, nil)
	return o.Attrs.Has(token.Modifiable) || s.module.SetsFrozen || copied
}

// alter derives the object with one attribute changed.
func (s *Search) alter(d *Derivation, o Object) {
	if o.Life.onwards() != o.Life {
		s.copyWith(d, o, nil)
	}
	if d.moved == Bounds.Changes {
		return
	}
	for _, x := range s.moves(o) {
		if attrs, may := s.module.Set(o.Object, x); may {
			next := o
			next.Attrs = s.plain(attrs)
			s.moved(d, next, Step{Who: Attacks, Op: Set, Text: changing(Set, o, x), Template: p11.Template{x}})
		}
		s.copyWith(d, o, p11.Template{x})
	}
}

// moves lists the changes worth a try.
func (s *Search) moves(o Object) (list []p11.Attribute) {
	all := gains
	if k, isKey := o.Value.(token.Key); isKey && k.Own && s.design.OriginByAttributes != 0 {
		all = slices.Concat(gains, disguises)
	}
	for _, x := range all {
		if o.Differs(x) {
			list = append(list, x)
		}
	}
	return list
}

func (s *Search) copyWith(d *Derivation, o Object, t p11.Template) {
	attrs, t, may := s.module.Copy(o.Object, t)
	if !may {
		return
	}
	next := o
	next.Attrs, next.Life = s.plain(attrs), o.Life.onwards()
	s.moved(d, next, Step{Who: Attacks, Op: Copy, Text: changing(Copy, o, t...), Template: t})
}

func (s *Search) moved(d *Derivation, o Object, step Step) {
	next := s.derive(o, step, d)
	if len(step.Template) > 0 {
		next.moved = d.moved + 1
	}
}

func changing(op Op, o Object, t ...p11.Attribute) Text {
	return func() string {
		text := fmt.Sprintf("%s of %v", op, o)
		for _, x := range t {
			text += fmt.Sprintf(", %s=%t", x.Name(), x.Value)
		}
		return text
	}
}

// together derives what two objects give: one wrapped under the other, or
// joined to it.
func (s *Search) together(under, target *Derivation) {
	w, o := under.object(), target.object()
	if w.Life&o.Life == 0 {
		return
	}
	for _, mechanism := range s.module.Mechanisms(w.Object, o.Object) {
		if s.module.Wraps(w.Object, o.Object, mechanism) {
			s.derive(Knows{wrapped(w, o, mechanism)}, wrapStep(Attacks, w, o, mechanism), under, target)
		}
	}
	s.join(under, target)
}

// wrapped is the term that a C_WrapKey gives.
func wrapped(w, o Object, mechanism uint) token.Term {
	switch mechanism {
	case p11.KWP:
		return token.KWP{Inner: o.Value, Under: w.Value}
	case pkcs11.CKM_RSA_PKCS_OAEP:
		return token.OAEP{Inner: o.Value, To: w.key()}
	}
	once := token.Key{
		Name: fmt.Sprintf("the AES key in the blob of %v for %v", o.Value, w.Value),
		Kind: token.AES,
		Once: true,
	}
	return blob(o.Value, once, w.key())
}

// blob is a value under a key of one call, and that key for a pair.
func blob(value token.Term, once, to token.Key) token.Blob {
	return token.Blob{
		First:  token.OAEP{Inner: once, To: to},
		Second: token.KWP{Inner: value, Under: once},
	}
}

func wrapStep(who Who, w, o Object, mechanism uint) Step {
	text := say("%s of %v under %v, %v", WrapKey, o.Value, w, wrapping(mechanism))
	return Step{Who: who, Op: WrapKey, Text: text, Mechanism: mechanism}
}

// wrapping is a mechanism of C_WrapKey.
type wrapping uint

func (m wrapping) String() string {
	switch m {
	case p11.KWP:
		return "AES key wrap"
	case pkcs11.CKM_RSA_PKCS_OAEP:
		return "OAEP"
	}
	return "RSA_AES"
}

// join derives a key by C_DeriveKey: one of the two at least is not the
// attacker's own.
func (s *Search) join(base, other *Derivation) {
	b, o := base.object(), other.object()
	first, isKey := b.Value.(token.Key)
	second, alike := o.Value.(token.Key)
	if !isKey || !alike || first.Own && second.Own || b.Class != p11.SecretKey || o.Class != p11.SecretKey {
		return
	}
	attrs, may := s.module.Join(b.Object, o.Object)
	if !may {
		return
	}
	template := token.Unrestricted(p11.SecretKey).With(
		token.Has(pkcs11.CKA_SENSITIVE, attrs.Has(token.Sensitive)),
		token.Has(pkcs11.CKA_EXTRACTABLE, attrs.Has(token.Extractable)))
	step := Step{
		Who: Attacks, Op: DeriveKey, Template: template, Mechanism: pkcs11.CKM_CONCATENATE_BASE_AND_KEY,
		Text: say("%s of %v followed by %v", DeriveKey, first, second),
	}
	joined := token.Joined{First: first, Second: second}
	s.derive(s.owned(joined, p11.SecretKey, attrs, b.Life.onwards()), step, base, other)
}

// use derives what a key does with a value: unwrap it, decrypt it, encrypt it.
func (s *Search) use(d *Derivation, o Object, t *Derivation) {
	known := t.term()
	inner, mechanism, fits := opens(o, known)
	if fits && o.Attrs.Has(token.Unwrap) && o.Allows(mechanism) && !drawn(inner) {
		class := classOf(inner)
		text := say("%s of %v by %v, without restrictions", UnwrapKey, inner, o.Value)
		step := Step{Who: Attacks, Op: UnwrapKey, Text: text, Template: token.Unrestricted(class), Mechanism: mechanism}
		s.make(step, inner, class, d, t)
	}
	if fits && o.Attrs.Has(token.Decrypt) && o.Allows(decryption(mechanism)) {
		text := say("%s of %v by %v", DecryptBy, known, o.Value)
		s.derive(Knows{inner}, Step{Who: Attacks, Op: DecryptBy, Text: text, Mechanism: mechanism}, d, t)
	}
	ciphers := o.Class == p11.SecretKey && o.Attrs.Has(token.Encrypt) && o.Allows(pkcs11.CKM_AES_ECB)
	if k, isKey := known.(token.Key); isKey && k.Own && ciphers {
		text := say("%s: wrap %v by %v", EncryptBy, k, o.Value)
		s.derive(Knows{token.KWP{Inner: k, Under: o.Value}}, Step{Who: Attacks, Op: EncryptBy, Text: text}, d, t)
	}
}

// decryption is the mechanism of C_Decrypt that undoes a wrap.
func decryption(mechanism uint) uint {
	if mechanism == p11.KWP {
		return pkcs11.CKM_AES_ECB
	}
	return mechanism
}

// drawn reports whether a term is a key of one call.
func drawn(t token.Term) bool {
	k, isKey := t.(token.Key)
	return isKey && k.Once
}

// opens reports what a term holds that is under the key of an object.
func opens(o Object, t token.Term) (inner token.Term, mechanism uint, fits bool) {
	switch x := t.(type) {
	case token.KWP:
		return x.Inner, p11.KWP, o.Class == p11.SecretKey && x.Under == o.Value
	case token.OAEP:
		return x.Inner, pkcs11.CKM_RSA_PKCS_OAEP, o.Class == p11.PrivateKey && token.Term(x.To) == o.Value
	}
	return nil, 0, false
}
