package hsm

import (
	"errors"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

// ErrNoCopy is wrapped by the errors of Reduce, Persist and Freeze when the
// module has no C_CopyObject. Test with errors.Is.
var ErrNoCopy = errors.New("offers no C_CopyObject")

// Persist copies a session object to the token as label, with its public half, and
// destroys it. The copy keeps LOCAL, ALWAYS_SENSITIVE and WRAP_WITH_TRUSTED.
func (s *Session) Persist(k Key, label string) (Key, error) {
	if s.Rights {
		return s.keepOnDevice(k, label)
	}
	kept, err := s.copyToToken(k, label, p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, "kept until retired"),
	})
	if err == nil {
		s.Discard(k.object)
		s.Discard(k.public)
	}
	return kept, err
}

// Freeze copies a key to the token as label, no longer EXTRACTABLE. Destroy
// the original afterwards.
func (s *Session) Freeze(k Key, label string) (Key, error) {
	return s.copyToToken(k, label, p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, "kept until retired"),
		p11.Stays(pkcs11.CKA_EXTRACTABLE, false, "its backup serves instead"),
	})
}

// Reduce copies a key to a transfer copy: a session object that a trusted key
// can wrap and that can do nothing else. Where the module has no C_CopyObject
// the error wraps [ErrNoCopy], and the key itself may be wrapped instead.
func (s *Session) Reduce(k Key) (Key, error) {
	copied := k
	copied.original = k.object
	o, err := s.copied(k.object, copying{nameCopy, k.Label, sessionLabel, k.id}, templates.Reduced(k.secret()))
	if err != nil {
		return Key{}, err
	}
	types := templates.Uses(k.secret())
	values, err := s.raw.ShowsWith(o, nameCopy, s.kept(templates.ReducedShows(k.secret())), types...)
	if copied.object, err = s.raw.Checked(o, err); err != nil {
		return copied, err
	}
	copied.permissions = p11.Truths(types, values)
	return copied, nil
}

// nameCopy names transfer copies in messages and in [Session.LeftOut].
const nameCopy = "the transfer copy"

// copyToToken copies both halves, or neither: the public half first, so that a
// process that ends in between leaves no private key without it.
func (s *Session) copyToToken(k Key, label string, t p11.Template) (Key, error) {
	out := Key{Label: label, Kind: k.Kind, Public: k.Public, id: p11.NewID()}
	if err := s.copyHalves(k, &out, t); err != nil {
		s.Discard(out.object)
		s.Discard(out.public)
		return Key{}, err
	}
	return out, nil
}

func (s *Session) copyHalves(k Key, out *Key, t p11.Template) (err error) {
	if !k.secret() {
		half := copying{nameKept, "the public half of " + k.Label, out.Label, out.id}
		if out.public, err = s.copied(k.public, half, t.Only(pkcs11.CKA_TOKEN)); err != nil {
			return err
		}
	}
	if out.object, err = s.copied(k.object, copying{nameKept, k.Label, out.Label, out.id}, t); err != nil {
		return err
	}
	return s.raw.Shows(out.object, out.Label, s.template(k, TokenObject).With(t...))
}

// template is what a key is generated with.
func (s *Session) template(k Key, place Place) p11.Template {
	if k.secret() {
		return s.kept(templates.SecretKey(place))
	}
	return s.kept(templates.PrivateKey(place, k.Kind.Type == keykind.RSA))
}

// copying names a copy in messages and on the token.
type copying struct {
	object string // for the record of what was left out
	from   string // for errors
	label  string
	id     []byte // CKA_ID
}

func (s *Session) copied(o Object, c copying, t p11.Template) (Object, error) {
	made, err := s.raw.Made(p11.Making{
		Call:      "C_CopyObject of " + c.from,
		Object:    c.object,
		Template:  t,
		Mechanism: p11.NoMechanism,
		Make: func(t []*pkcs11.Attribute) (Object, error) {
			return s.raw.Copy(o, append(p11.Naming(c.label, c.id), t...))
		},
	})
	if p11.Is(err, pkcs11.CKR_FUNCTION_NOT_SUPPORTED) {
		return 0, exitcode.Errorf(exitcode.HSM, "%v %w, which copying %s needs", s.Token, ErrNoCopy, c.from)
	}
	return made, err
}
