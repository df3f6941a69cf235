package hsm

import (
	"crypto/rand"
	"slices"

	"github.com/ThalesIgnite/crypto11"
	"github.com/miekg/pkcs11"
)

// Attribute is a boolean attribute of a key object, why it has that value,
// and whether it must stay so for good.
type Attribute struct {
	Type   uint
	Name   string
	Value  bool
	Frozen bool // trying to undo it must fail
	Why    string
}

// Template is the set of boolean attributes a kind of object is made with.
type Template []Attribute

// The templates of design section 3. Each has the reason beside the value.
func moduleKeyTemplate() Template {
	return Template{
		{pkcs11.CKA_TOKEN, "TOKEN", true, false, "the world outlives the session"},
		{pkcs11.CKA_PRIVATE, "PRIVATE", false, false, "an SO session may not create private objects"},
		{pkcs11.CKA_TRUSTED, "TRUSTED", true, true, "only a quorum can log in as SO and so trust a key"},
		{pkcs11.CKA_WRAP, "WRAP", true, false, "wraps keys for backup"},
		{pkcs11.CKA_SENSITIVE, "SENSITIVE", true, true, "never in clear"},
		{pkcs11.CKA_EXTRACTABLE, "EXTRACTABLE", false, true, "comes from the cards and from nowhere else"},
		{pkcs11.CKA_UNWRAP, "UNWRAP", false, true, "an operator must not open a backup blob"},
		{pkcs11.CKA_ENCRYPT, "ENCRYPT", false, true, "must not encrypt what is unwrapped later"},
		{pkcs11.CKA_DECRYPT, "DECRYPT", false, true, "wrap, then decrypt would reveal a key (Clulow 2003)"},
		{pkcs11.CKA_SIGN, "SIGN", false, true, "for wrapping only"},
		{pkcs11.CKA_VERIFY, "VERIFY", false, true, "for wrapping only"},
		{pkcs11.CKA_DERIVE, "DERIVE", false, true, "a derived key could be read in parts"},
		{pkcs11.CKA_MODIFIABLE, "MODIFIABLE", false, true, "keeps all of the above"},
	}
}

// transferKeyTemplate is the module key's, and may itself be wrapped, but by a trusted key only.
func transferKeyTemplate() Template {
	t := moduleKeyTemplate()
	for i := range t {
		switch t[i].Type {
		case pkcs11.CKA_EXTRACTABLE:
			t[i].Value, t[i].Frozen, t[i].Why = true, false, "goes to the vault under the KEK"
		case pkcs11.CKA_WRAP:
			t[i].Why = "wraps the transfer copy"
		case pkcs11.CKA_UNWRAP:
			t[i].Why = "an operator must not unwrap the transfer copy again"
		}
	}
	return append(t, Attribute{pkcs11.CKA_WRAP_WITH_TRUSTED, "WRAP_WITH_TRUSTED", true, true, "only the KEK that the quorum trusted may wrap it"})
}

func kekTemplate() Template {
	return Template{
		{pkcs11.CKA_TOKEN, "TOKEN", true, false, "packaging happens in a later session"},
		{pkcs11.CKA_PRIVATE, "PRIVATE", false, false, "an SO session may not create private objects"},
		{pkcs11.CKA_TRUSTED, "TRUSTED", true, true, "the quorum trusts this vault's KEK"},
		{pkcs11.CKA_WRAP, "WRAP", true, false, "wraps the transfer key for the vault"},
		{pkcs11.CKA_ENCRYPT, "ENCRYPT", false, true, "for wrapping only"},
		{pkcs11.CKA_VERIFY, "VERIFY", false, true, "for wrapping only"},
		{pkcs11.CKA_VERIFY_RECOVER, "VERIFY_RECOVER", false, true, "for wrapping only"},
		{pkcs11.CKA_MODIFIABLE, "MODIFIABLE", false, true, "keeps all of the above"},
	}
}

// keptKeyTemplate is common to every private or secret key that an operator
// makes: nothing but a key trusted by a quorum can ever wrap it.
func keptKeyTemplate() Template {
	return Template{
		{pkcs11.CKA_TOKEN, "TOKEN", true, false, "kept until retired"},
		{pkcs11.CKA_PRIVATE, "PRIVATE", true, false, "seen only after login"},
		{pkcs11.CKA_SENSITIVE, "SENSITIVE", true, true, "never in clear"},
		{pkcs11.CKA_EXTRACTABLE, "EXTRACTABLE", true, false, "goes to the backup and to the vault, wrapped"},
		{pkcs11.CKA_WRAP_WITH_TRUSTED, "WRAP_WITH_TRUSTED", true, true, "only under a key that a quorum has trusted"},
		{pkcs11.CKA_UNWRAP, "UNWRAP", false, false, "not this key's work"},
		{pkcs11.CKA_DERIVE, "DERIVE", false, false, "not this key's work"},
	}
}

// privateKeyTemplate is for a generated RSA or EC key, and for KNSO.
func privateKeyTemplate(decrypts bool) Template {
	return append(keptKeyTemplate(),
		Attribute{pkcs11.CKA_SIGN, "SIGN", true, false, "proves possession of the key"},
		Attribute{pkcs11.CKA_SIGN_RECOVER, "SIGN_RECOVER", false, false, "not this key's work"},
		Attribute{pkcs11.CKA_DECRYPT, "DECRYPT", decrypts, false, "an RSA key may be used on the token as well"},
	)
}

func publicKeyTemplate(encrypts bool) Template {
	return Template{
		{pkcs11.CKA_TOKEN, "TOKEN", true, false, "stays with its private key"},
		{pkcs11.CKA_PRIVATE, "PRIVATE", false, false, "public"},
		{pkcs11.CKA_VERIFY, "VERIFY", true, false, "checks the proof of possession"},
		{pkcs11.CKA_ENCRYPT, "ENCRYPT", encrypts, false, "the counterpart of DECRYPT"},
		{pkcs11.CKA_WRAP, "WRAP", false, false, "only the KEK wraps"},
	}
}

// secretKeyTemplate is for a generated AES key.
func secretKeyTemplate() Template {
	return append(keptKeyTemplate(),
		Attribute{pkcs11.CKA_ENCRYPT, "ENCRYPT", true, false, "gives the check value"},
		Attribute{pkcs11.CKA_DECRYPT, "DECRYPT", true, false, "the key may be used on the token as well"},
		Attribute{pkcs11.CKA_SIGN, "SIGN", false, false, "not this key's work"},
		Attribute{pkcs11.CKA_VERIFY, "VERIFY", false, false, "not this key's work"},
		Attribute{pkcs11.CKA_WRAP, "WRAP", false, false, "an untrusted key wraps nothing of ours"},
	)
}

// transferCopyTemplate is what a copy is reduced to: it can be wrapped by a
// trusted key and do nothing else. MODIFIABLE=false must be in the template of
// the copy itself, or its owner could set the rest back.
func transferCopyTemplate(secretKey bool) Template {
	uses := Template{
		{pkcs11.CKA_SIGN, "SIGN", false, true, "does nothing but travel"},
		{pkcs11.CKA_DECRYPT, "DECRYPT", false, true, "does nothing but travel"},
		{pkcs11.CKA_UNWRAP, "UNWRAP", false, true, "does nothing but travel"},
		{pkcs11.CKA_DERIVE, "DERIVE", false, true, "does nothing but travel"},
	}
	if secretKey {
		uses = append(uses,
			Attribute{pkcs11.CKA_ENCRYPT, "ENCRYPT", false, true, "does nothing but travel"},
			Attribute{pkcs11.CKA_VERIFY, "VERIFY", false, true, "does nothing but travel"},
			Attribute{pkcs11.CKA_WRAP, "WRAP", false, true, "does nothing but travel"})
	} else {
		uses = append(uses, Attribute{pkcs11.CKA_SIGN_RECOVER, "SIGN_RECOVER", false, true, "does nothing but travel"})
	}
	return append(uses, Attribute{pkcs11.CKA_MODIFIABLE, "MODIFIABLE", false, true, "keeps all of the above"})
}

// transferCopyResult is what the copy must show when read back: its reduction
// and what it inherits.
func transferCopyResult(secretKey bool) Template {
	return append(transferCopyTemplate(secretKey),
		Attribute{pkcs11.CKA_SENSITIVE, "SENSITIVE", true, true, "never in clear"},
		Attribute{pkcs11.CKA_EXTRACTABLE, "EXTRACTABLE", true, false, "goes to the vault, wrapped"},
		Attribute{pkcs11.CKA_WRAP_WITH_TRUSTED, "WRAP_WITH_TRUSTED", true, true, "only under a key that a quorum has trusted"},
	)
}

// raw gives the template to miekg/pkcs11, behind the other attributes: SoftHSM
// applies a copy's template in order and takes nothing after MODIFIABLE=false.
func (t Template) raw(before ...*pkcs11.Attribute) []*pkcs11.Attribute {
	list := slices.Clone(before)
	for _, a := range t {
		list = append(list, pkcs11.NewAttribute(a.Type, a.Value))
	}
	return list
}

// set gives the template to crypto11.
func (t Template) set(id []byte, label string) (crypto11.AttributeSet, error) {
	set, err := crypto11.NewAttributeSetWithIDAndLabel(id, []byte(label))
	if err != nil {
		return nil, err
	}
	for _, a := range t {
		if err := set.Set(a.Type, a.Value); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func naming(label string, id []byte) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, id)}
}

// newID returns a CKA_ID: 16 random bytes, so that a key is found by what
// nobody types.
func newID() []byte {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // crypto/rand.Read never fails (Go 1.24)
	return id
}
