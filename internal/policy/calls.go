package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// The calls that an attacker makes with the user PIN.

// gains are the changes that let a key be used for more.
var gains = []p11.Attribute{
	has(pkcs11.CKA_WRAP, true), has(pkcs11.CKA_UNWRAP, true), has(pkcs11.CKA_ENCRYPT, true),
	has(pkcs11.CKA_DECRYPT, true), has(pkcs11.CKA_DERIVE, true), has(pkcs11.CKA_SENSITIVE, false),
	has(pkcs11.CKA_EXTRACTABLE, true), has(pkcs11.CKA_WRAP_WITH_TRUSTED, false),
	has(pkcs11.CKA_TRUSTED, true), has(pkcs11.CKA_MODIFIABLE, true),
}

// disguises are the changes that make a key look like the ceremony's.
var disguises = []p11.Attribute{has(pkcs11.CKA_SENSITIVE, true), has(pkcs11.CKA_WRAP_WITH_TRUSTED, true)}

// look derives what one object gives: its value, its check value, and for what
// it can be passed off.
func (s *Search) look(d *Derivation, o Object) {
	k, isKey := o.Value.(Key)
	if s.module.reads(o) {
		s.derive(Knows{o.Value}, Step{Who: Attacks, Op: Read, Text: say("%s: CKA_VALUE of %v", Read, o.Value)}, d)
	}
	if isKey && o.Class == p11.SecretKey && o.Attrs.Has(Encrypt) && o.allows(pkcs11.CKM_AES_ECB) {
		c := CheckValue{k}
		s.derive(Knows{c}, Step{Who: Attacks, Op: EncryptBy, Text: say("%s: %v", EncryptBy, c)}, d)
	}
	if by := s.design.OriginByAttributes; by != 0 && isKey && o.Class == p11.PrivateKey && o.Attrs.Has(by) {
		s.derive(Origin{k}, Step{Who: Quorum, Op: State, Text: say("take %v for generated, by its attributes", k)}, d)
	}
	if s.design.Guard.Anchors && o.Class == p11.PublicKey && o.Attrs.Has(Trusted) && s.relabels(o) {
		s.derive(Anchored{o}, Step{Who: Attacks, Op: Set, Text: say("give a trusted object the label of an anchor")}, d)
	}
}

// relabels reports whether the user can give an object, or a copy of it,
// another label.
func (s *Search) relabels(o Object) bool {
	_, _, copied := s.module.copies(o, nil)
	return o.Attrs.Has(Modifiable) || s.module.SetsFrozen || copied
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
		if attrs, may := s.module.sets(o, x); may {
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
	if k, isKey := o.Value.(Key); isKey && k.Own && s.design.OriginByAttributes != 0 {
		all = slices.Concat(gains, disguises)
	}
	for _, x := range all {
		if Exists(x.Type, o.Class) && o.Attrs.Has(bits[x.Type]) != x.Value {
			list = append(list, x)
		}
	}
	return list
}

// Exists reports whether objects of a class have an attribute of the model.
func Exists(attribute uint, class p11.Class) bool {
	switch bit := bits[attribute]; bit {
	case Modifiable, Copyable, Token, Private:
		return true
	case Sensitive, Extractable, WrapWithTrusted, Local, AlwaysSensitive:
		return class != p11.PublicKey
	case Trusted:
		return class != p11.PrivateKey
	default:
		return usesOf(class).Has(bit)
	}
}

func (s *Search) copyWith(d *Derivation, o Object, t p11.Template) {
	attrs, t, may := s.module.copies(o, t)
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
		text := fmt.Sprintf("%s of %v", op, o.name())
		for _, x := range t {
			text += fmt.Sprintf(", %s=%t", x.Name(), x.Value)
		}
		return text
	}
}

// String is the object's name.
func (o Object) String() string { return o.name() }

// name is the object's value; of a KEK or KM the token has the public half alone.
func (o Object) name() string {
	name := o.Value.String()
	if o.Class != p11.PublicKey || strings.HasPrefix(name, "KM") || strings.HasPrefix(name, "KEK") {
		return name
	}
	return "the public half of " + name
}

// together derives what two objects give: one wrapped under the other, or
// joined to it.
func (s *Search) together(under, target *Derivation) {
	w, o := under.object(), target.object()
	if w.Life&o.Life == 0 {
		return
	}
	for _, mechanism := range s.module.mechanisms(w, o) {
		if s.module.wraps(w, o, mechanism) {
			s.derive(Knows{wrapped(w, o, mechanism)}, wrapStep(Attacks, w, o, mechanism), under, target)
		}
	}
	s.join(under, target)
}

// wrapped is the term that a C_WrapKey gives.
func wrapped(w, o Object, mechanism uint) Term {
	switch mechanism {
	case p11.KWP:
		return KWP{o.Value, w.Value}
	case pkcs11.CKM_RSA_PKCS_OAEP:
		return OAEP{o.Value, w.key()}
	}
	once := Key{Name: "the AES key in the blob of " + o.Value.String() + " for " + w.Value.String(), Kind: AES, Once: true}
	return Blob{OAEP{once, w.key()}, KWP{o.Value, once}}
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
	first, isKey := b.Value.(Key)
	second, alike := o.Value.(Key)
	if !isKey || !alike || first.Own && second.Own || b.Class != p11.SecretKey || o.Class != p11.SecretKey {
		return
	}
	attrs, may := s.module.joins(b, o)
	if !may {
		return
	}
	template := open(p11.SecretKey).With(
		has(pkcs11.CKA_SENSITIVE, attrs.Has(Sensitive)), has(pkcs11.CKA_EXTRACTABLE, attrs.Has(Extractable)))
	step := Step{
		Who: Attacks, Op: DeriveKey, Template: template, Mechanism: pkcs11.CKM_CONCATENATE_BASE_AND_KEY,
		Text: say("%s of %v followed by %v", DeriveKey, first, second),
	}
	s.derive(s.owned(Joined{first, second}, p11.SecretKey, attrs, b.Life.onwards()), step, base, other)
}

// use derives what a key does with a value: unwrap it, decrypt it, encrypt it.
func (s *Search) use(d *Derivation, o Object, t *Derivation) {
	known := t.term()
	inner, mechanism, fits := opens(o, known)
	if fits && o.Attrs.Has(Unwrap) && o.allows(mechanism) && !drawn(inner) {
		class := classOf(inner)
		text := say("%s of %v by %v, without restrictions", UnwrapKey, inner, o.Value)
		step := Step{Who: Attacks, Op: UnwrapKey, Text: text, Template: open(class), Mechanism: mechanism}
		s.make(step, inner, class, d, t)
	}
	if fits && o.Attrs.Has(Decrypt) && o.allows(decryption(mechanism)) {
		text := say("%s of %v by %v", DecryptBy, known, o.Value)
		s.derive(Knows{inner}, Step{Who: Attacks, Op: DecryptBy, Text: text, Mechanism: mechanism}, d, t)
	}
	ciphers := o.Class == p11.SecretKey && o.Attrs.Has(Encrypt) && o.allows(pkcs11.CKM_AES_ECB)
	if k, isKey := known.(Key); isKey && k.Own && ciphers {
		text := say("%s: wrap %v by %v", EncryptBy, k, o.Value)
		s.derive(Knows{KWP{k, o.Value}}, Step{Who: Attacks, Op: EncryptBy, Text: text}, d, t)
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
func drawn(t Term) bool {
	k, isKey := t.(Key)
	return isKey && k.Once
}

// opens reports what a term holds that is under the key of an object.
func opens(o Object, t Term) (inner Term, mechanism uint, fits bool) {
	switch x := t.(type) {
	case KWP:
		return x.Inner, p11.KWP, o.Class == p11.SecretKey && x.Under == o.Value
	case OAEP:
		return x.Inner, pkcs11.CKM_RSA_PKCS_OAEP, o.Class == p11.PrivateKey && Term(x.To) == o.Value
	}
	return nil, 0, false
}
