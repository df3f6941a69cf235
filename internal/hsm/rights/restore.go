package rights

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/publickey"
	"byok/internal/hsm/restoring"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

// Opener is the RSA wrap key of the session, which the token has generated: what
// is encrypted for its public half the token alone can open.
type Opener struct {
	public  *rsa.PublicKey
	private p11.Object
}

// Blob is a backup to be restored.
type Blob struct {
	Kind   keykind.Kind
	Public crypto.PublicKey // nil for AES
	Seal   func(session *rsa.PublicKey) ([]byte, error)
	Inner  []byte // the second part
	ID     []byte // the CKA_ID that the key gets
}

// Restore unwraps a backup by one C_UnwrapKey, for the time of the login: Seal
// encrypts its AES key for an RSA wrap key that the token has generated. half is
// the public half, 0 for AES. Nothing is known yet of whose key it is.
func (t *Token) Restore(b Blob) (key, half p11.Object, err error) {
	wrapKey, err := t.Opener()
	if err != nil {
		return 0, 0, err
	}
	sealed, err := b.Seal(wrapKey.public)
	if err != nil {
		return 0, 0, err
	}
	key, err = t.session.Unwrap(p11.RSAAES(), wrapKey.private, slices.Concat(sealed, b.Inner), b.attributes())
	if err != nil {
		return 0, 0, p11.Fail("C_UnwrapKey of the backup", err)
	}
	t.Holds(key)
	if b.Kind.Type != keykind.AES {
		if half, err = t.half(b, key); err != nil {
			return 0, 0, err
		}
	}
	if err := t.called(b, key, half); err != nil {
		return 0, 0, err
	}
	return key, half, t.session.Shows(key, restoring.Name, b.uses())
}

// attributes is the template: what the restored key may do. What it leaves out that
// can never be, and some of it the library refuses even to be told so; label and
// CKA_ID are ignored, and given afterwards.
func (b Blob) attributes() []*pkcs11.Attribute {
	size, class := pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, b.Kind.Bits/8), p11.SecretKey
	switch b.Kind.Type {
	case keykind.RSA:
		size, class = pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, b.Kind.Bits), p11.PrivateKey
	case keykind.EC:
		size, class = pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, b.Kind.ECParams()), p11.PrivateKey
	}
	var granted p11.Template
	for _, a := range b.uses() {
		if a.Type == pkcs11.CKA_DECRYPT && class == p11.PrivateKey {
			a.Type = pkcs11.CKA_ENCRYPT // as the library calls it in this call alone
		}
		if a.Value {
			granted = append(granted, a)
		}
	}
	return granted.Raw(append(p11.Classed(class, b.Kind.KeyType), size)...)
}

// uses is what the restored key may do and must show. DERIVE is refused for AES.
func (b Blob) uses() p11.Template {
	if b.Kind.Type == keykind.AES {
		return templates.SecretKey(p11.TokenObject).Without(pkcs11.CKA_WRAP_WITH_TRUSTED, pkcs11.CKA_DERIVE)
	}
	return templates.PrivateKey(p11.TokenObject, b.Kind.Type == keykind.RSA).Without(pkcs11.CKA_WRAP_WITH_TRUSTED)
}

// half is the public half that the token shows beside a restored private key, or,
// where it shows none, one that is made of what the record says.
func (t *Token) half(b Blob, key p11.Object) (p11.Object, error) {
	values, err := t.session.Attributes(key, pkcs11.CKA_ID)
	if err != nil {
		return 0, err
	}
	found, err := t.session.Find(pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_ID, values[0]))
	if err != nil || len(found) == 1 {
		return append(found, 0)[0], err
	}
	if len(found) > 1 {
		return 0, errors.New("two public keys belong to " + restoring.Name)
	}
	half, err := restoring.Half(t.session, b.Public, p11.TokenObject, nil)
	t.Holds(half)
	return half, err
}

// called gives what was restored its CKA_ID and the label of a session's objects.
func (t *Token) called(b Blob, objects ...p11.Object) error {
	for _, o := range slices.DeleteFunc(objects, func(o p11.Object) bool { return o == 0 }) {
		if err := t.name(o, p11.Naming(Label, b.ID)...); err != nil {
			return err
		}
	}
	return nil
}

// Opener returns the session's RSA wrap key, generated on first use.
func (t *Token) Opener() (*Opener, error) {
	if t.opener != nil {
		return t.opener, nil
	}
	kind, err := keykind.Lookup(keykind.RSA, restoring.Bits, "")
	if err != nil {
		return nil, err
	}
	naming := p11.Naming(Label, p11.NewID())
	uses := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, "the token has no session objects"),
		p11.Has(pkcs11.CKA_UNWRAP, true, "unwraps a backup"),
	}
	half, private, err := t.session.GeneratePair(kind.Generation,
		slices.Concat(naming, templates.Parameters(kind, 0)), uses.Raw(naming...))
	if err != nil {
		return nil, p11.Fail("C_GenerateKeyPair of an RSA wrap key", err)
	}
	t.Holds(private)
	public, err := publickey.ReadRSA(t.session, half)
	if err != nil {
		return nil, err
	}
	t.opener = &Opener{public, private}
	return t.opener, nil
}
