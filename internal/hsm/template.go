package hsm

import (
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// Attribute is a boolean attribute of a key object and why it has that value.
type Attribute struct {
	Type   uint // CKA_…
	Value  bool
	Frozen bool // an attempt to undo it must fail
	Why    string
}

func (a Attribute) name() string { return names[a.Type] }

// Template is the set of boolean attributes that a kind of object is made
// with. The last to be applied stands last: SoftHSM accepts nothing after
// MODIFIABLE=false.
type Template []Attribute

// optional lists the attributes that a module may not know. They are left out
// where it refuses them, and [Session.LeftOut] names them.
func optional() []uint {
	return []uint{ckaCopyable, pkcs11.CKA_ALLOWED_MECHANISMS, pkcs11.CKA_VERIFY_RECOVER, pkcs11.CKA_SIGN_RECOVER}
}

// The reason of the attribute that all trusted keys end with.
const (
	whyFrozen   = "keeps all of the above"
	whyNoCopy   = "a copy could be given other uses"
	whyWrapOnly = "for wrapping only"
	whyTravels  = "does nothing but travel"
)

func frozen() Template {
	return Template{
		{ckaCopyable, false, false, whyNoCopy},
		{pkcs11.CKA_MODIFIABLE, false, true, whyFrozen},
	}
}

// trustedRSA is the public half of KM, or a KEK.
func trustedRSA(place Place) Template {
	return append(Template{
		{pkcs11.CKA_TOKEN, place == TokenObject, false, "KM outlives the session, a KEK does not"},
		{pkcs11.CKA_PRIVATE, false, false, "an SO session cannot create private objects"},
		{pkcs11.CKA_TRUSTED, true, false, "only a quorum can log in as SO and so trust a key"},
		{pkcs11.CKA_WRAP, true, false, "wraps keys for the backup, or for the vault"},
		{pkcs11.CKA_ENCRYPT, false, true, whyWrapOnly},
		{pkcs11.CKA_VERIFY, false, false, whyWrapOnly},
		{pkcs11.CKA_VERIFY_RECOVER, false, false, whyWrapOnly},
	}, frozen()...)
}

// anchor is the token's memory of the newest statement.
func anchor() Template {
	return trustedRSA(TokenObject).with(Attribute{pkcs11.CKA_WRAP, false, true, "remembers a statement and wraps nothing"})
}

// trustedAES is common to KW and the transfer key.
func trustedAES() Template {
	return Template{
		{pkcs11.CKA_TOKEN, false, false, "no value of it is ever outside the token, and no trace is left"},
		{pkcs11.CKA_PRIVATE, false, false, "an SO session cannot create private objects"},
		{pkcs11.CKA_TRUSTED, true, false, "only a quorum can log in as SO and so trust a key"},
		{pkcs11.CKA_WRAP, true, false, "wraps keys for the backup, or for the vault"},
		{pkcs11.CKA_SENSITIVE, true, true, "never in clear"},
		{pkcs11.CKA_EXTRACTABLE, true, false, "is itself wrapped once, under KM or the KEK"},
		{pkcs11.CKA_WRAP_WITH_TRUSTED, true, true, "only a key that the quorum trusted wraps it"},
		{pkcs11.CKA_UNWRAP, false, true, "nobody opens what it has wrapped"},
		{pkcs11.CKA_ENCRYPT, false, true, "must not encrypt what is unwrapped later"},
		{pkcs11.CKA_DECRYPT, false, true, "wrap, then decrypt would reveal a key (Clulow 2003)"},
		{pkcs11.CKA_SIGN, false, true, whyWrapOnly},
		{pkcs11.CKA_VERIFY, false, false, whyWrapOnly},
		{pkcs11.CKA_DERIVE, false, true, "a derived key could be read in parts"},
	}
}

// transferKey is a transfer key: an AES key for one key and one KEK.
func transferKey() Template { return append(trustedAES(), frozen()...) }

// frozenKW is what KW is frozen to when it is copied to the token.
func frozenKW() Template {
	return append(Template{
		{pkcs11.CKA_TOKEN, true, false, "the world outlives the session"},
		{pkcs11.CKA_EXTRACTABLE, false, true, "has left once, under KM, and never again"},
	}, frozen()...)
}

// kw is what KW must show once it is frozen.
func kw() Template { return trustedAES().with(frozenKW()...) }

// keptKey is common to every private or secret key that is made for a vault:
// only a key trusted by a quorum can ever wrap it.
func keptKey(place Place) Template {
	return Template{
		{pkcs11.CKA_TOKEN, place == TokenObject, false, "kept until retired, or for this session"},
		{pkcs11.CKA_PRIVATE, true, false, "seen only after login"},
		{pkcs11.CKA_SENSITIVE, true, true, "never in clear"},
		{pkcs11.CKA_EXTRACTABLE, true, false, "goes to the backup and to the vault, wrapped"},
		{pkcs11.CKA_WRAP_WITH_TRUSTED, true, true, "only under a key that a quorum has trusted"},
		{pkcs11.CKA_UNWRAP, false, false, "not this key's work"},
		{pkcs11.CKA_DERIVE, false, false, "not this key's work"},
	}
}

// privateKey is for an RSA or EC key.
func privateKey(place Place, decrypts bool) Template {
	return append(keptKey(place), privateUses(decrypts)...)
}

func privateUses(decrypts bool) Template {
	return Template{
		{pkcs11.CKA_SIGN, true, false, "proves possession of the key"},
		{pkcs11.CKA_SIGN_RECOVER, false, false, "not this key's work"},
		{pkcs11.CKA_DECRYPT, decrypts, false, "an RSA key may be used on the token as well"},
	}
}

func publicKey(place Place, encrypts bool) Template {
	return Template{
		{pkcs11.CKA_TOKEN, place == TokenObject, false, "stays with its private key"},
		{pkcs11.CKA_PRIVATE, false, false, "public"},
		{pkcs11.CKA_VERIFY, true, false, "checks the proof of possession"},
		{pkcs11.CKA_ENCRYPT, encrypts, false, "the counterpart of DECRYPT"},
		{pkcs11.CKA_WRAP, false, false, "only KM and a KEK wrap"},
	}
}

// secretKey is for an AES key.
func secretKey(place Place) Template {
	return append(keptKey(place),
		Attribute{pkcs11.CKA_ENCRYPT, true, false, "gives the check value"},
		Attribute{pkcs11.CKA_DECRYPT, true, false, "the key may be used on the token as well"},
		Attribute{pkcs11.CKA_SIGN, false, false, "not this key's work"},
		Attribute{pkcs11.CKA_VERIFY, false, false, "not this key's work"},
		Attribute{pkcs11.CKA_WRAP, false, false, "an untrusted key wraps no key of the world"},
	)
}

// moduleSigningKey is KML: it signs what the operator does and never leaves
// the token.
func moduleSigningKey() Template {
	return append(Template{
		{pkcs11.CKA_TOKEN, true, false, "lives as long as the world does on this token"},
		{pkcs11.CKA_PRIVATE, true, false, "seen only after login"},
		{pkcs11.CKA_SENSITIVE, true, true, "never in clear"},
		{pkcs11.CKA_EXTRACTABLE, false, true, "never leaves the token, not even wrapped"},
		{pkcs11.CKA_UNWRAP, false, false, "signs only"},
		{pkcs11.CKA_DERIVE, false, false, "signs only"},
	}, privateUses(false)...)
}

// reduced is what a transfer copy is reduced to: a trusted key can wrap it and
// that is all it is good for. MODIFIABLE=false must stand in the template of
// the copy itself, or its owner could set the rest back.
func reduced(secretKey bool) Template {
	uses := Template{
		{pkcs11.CKA_TOKEN, false, false, "ends with the session"},
		{pkcs11.CKA_SIGN, false, true, whyTravels},
		{pkcs11.CKA_DECRYPT, false, true, whyTravels},
		{pkcs11.CKA_UNWRAP, false, true, whyTravels},
		{pkcs11.CKA_DERIVE, false, true, whyTravels},
	}
	if secretKey {
		uses = append(uses,
			Attribute{pkcs11.CKA_ENCRYPT, false, true, whyTravels},
			Attribute{pkcs11.CKA_VERIFY, false, true, whyTravels},
			Attribute{pkcs11.CKA_WRAP, false, true, whyTravels})
	} else {
		uses = append(uses, Attribute{pkcs11.CKA_SIGN_RECOVER, false, true, whyTravels})
	}
	return append(uses, frozen()...)
}

// reducedShows is what the copy must show: its reduction and what it inherits.
func reducedShows(secretKey bool) Template {
	kept := keptKey(SessionObject)
	inherits := slices.DeleteFunc(kept, func(a Attribute) bool {
		return !slices.Contains([]uint{pkcs11.CKA_SENSITIVE, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_WRAP_WITH_TRUSTED}, a.Type)
	})
	return append(inherits, reduced(secretKey)...)
}

// with returns the template with other values for some of its attributes. Those that
// it does not have are added behind.
func (t Template) with(changed ...Attribute) Template {
	out := slices.Clone(t)
	for _, a := range changed {
		i := slices.IndexFunc(out, func(b Attribute) bool { return b.Type == a.Type })
		if i < 0 {
			out = append(out, a)
			continue
		}
		out[i] = a
	}
	return out
}

// without returns the template without some attributes.
func (t Template) without(types ...uint) Template {
	return slices.DeleteFunc(slices.Clone(t), func(a Attribute) bool { return slices.Contains(types, a.Type) })
}

// raw gives the template to miekg/pkcs11, behind the other attributes.
func (t Template) raw(before ...*pkcs11.Attribute) []*pkcs11.Attribute {
	list := slices.Clone(before)
	for _, a := range t {
		list = append(list, pkcs11.NewAttribute(a.Type, a.Value))
	}
	return list
}

// shows compares an object's attributes, as the token gives them back, with
// the template. An optional one may be missing: see [Session.LeftOut].
func (s *Session) shows(o Object, label string, t Template) error {
	t = t.without(ckaCopyable)
	types := make([]uint, len(t))
	for i, a := range t {
		types[i] = a.Type
	}
	values, err := s.attributes(o, types...)
	if err != nil {
		return fmt.Errorf("reading the attributes of %s: %w", label, err)
	}
	for i, a := range t {
		if got := truth(values[i]); got != a.Value {
			return exitcode.Errorf(exitcode.HSM, "%v shows CKA_%s=%t on %s instead of %t (%s)",
				s.Token, a.name(), got, label, a.Value, a.Why)
		}
	}
	return nil
}

func naming(label string, id []byte) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, id)}
}

func classed(class, keyType uint) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyType),
	}
}

// newID returns a CKA_ID: 16 random bytes, so that a key is found by what
// no person has typed.
func newID() []byte { return random(16) }

// random returns n random bytes that are not secret.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails (Go 1.24)
	return b
}
