package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/publickey"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

func only(do func(*bench) error) func(*bench) (string, error) {
	return func(b *bench) (string, error) { return "", do(b) }
}

// withoutLogin are calls before anyone is logged in. right is a PIN that works.
func withoutLogin(right string) []trial {
	login := func(user uint, pin string) func(*bench) (string, error) {
		return only(func(b *bench) error {
			err := b.ctx.Login(b.Handle, user, pin)
			if err == nil {
				return b.ctx.Logout(b.Handle)
			}
			return err
		})
	}
	return []trial{
		{"C_GetTokenInfo", (*bench).tokenInfo},
		{"C_InitToken", only(func(b *bench) error { return b.ctx.InitToken(b.slot, "12345678", "token") })},
		{"C_FindObjects", func(b *bench) (string, error) { return b.count() }},
		{"C_GenerateKeyPair", only(func(b *bench) error { return b.pair("none", keptPrivate(), keptPublic()) })},
		{"C_Login, CKU_SO", login(pkcs11.CKU_SO, right)},
		{"C_Login, wrong password", login(pkcs11.CKU_USER, right+"x")},
		{"C_Login, no such authentication key", login(pkcs11.CKU_USER, "7777"+right[4:])},
		{"C_Login, the factory's 0001password", login(pkcs11.CKU_USER, "0001password")},
		{"C_Login, 7 characters behind the number", login(pkcs11.CKU_USER, "0001passwor")},
		{"C_InitPIN", only(func(b *bench) error { return b.ctx.InitPIN(b.Handle, "12345678") })},
		{"C_SetPIN", only(func(b *bench) error { return b.ctx.SetPIN(b.Handle, right, right) })},
	}
}

func (b *bench) tokenInfo() (string, error) {
	i, err := b.ctx.GetTokenInfo(b.slot)
	label, serial := strings.TrimSpace(i.Label), strings.TrimSpace(i.SerialNumber)
	return fmt.Sprintf("label %s, serial %s, flags 0x%X, PIN %d to %d, firmware %d.%d", label, serial, i.Flags,
		i.MinPinLen, i.MaxPinLen, i.FirmwareVersion.Major, i.FirmwareVersion.Minor), err
}

func (b *bench) count(match ...*pkcs11.Attribute) (string, error) {
	found, err := b.Find(match...)
	return fmt.Sprintf("%d objects", len(found)), err
}

// keptPrivate and keptPublic are what byok-offline asks of a key, less what the
// library knows nothing of.
func keptPrivate() p11.Template {
	return templates.PrivateKey(p11.TokenObject, false).Without(pkcs11.CKA_WRAP_WITH_TRUSTED)
}

func keptPublic() p11.Template { return templates.PublicKey(p11.TokenObject, false) }

// pair generates a key pair on P-256.
func (b *bench) pair(name string, private, public p11.Template) error {
	kind, err := keykind.Lookup(keykind.EC, 0, "P-256")
	if err != nil {
		return err
	}
	parameters := pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, kind.ECParams())
	return b.anyPair(name, kind, private, public, parameters)
}

func (b *bench) anyPair(name string, k keykind.Kind, private, public p11.Template, more ...*pkcs11.Attribute) error {
	id := p11.NewID()
	half, o, err := b.GeneratePair(k.Generation, public.Raw(append(p11.Naming(name, id), more...)...),
		private.Raw(p11.Naming(name, id)...))
	if err != nil {
		return err
	}
	b.kept[name] = o
	b.half[name], err = publickey.Read(b.Session, half, k.KeyType)
	return err
}

func (b *bench) rsaPair(name string, private, public p11.Template) error {
	kind, err := keykind.Lookup(keykind.RSA, 2048, "")
	if err != nil {
		return err
	}
	return b.anyPair(name, kind, private, public, pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, 2048),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, p11.Exponent(65537)))
}

// secret generates an AES-256 key.
func (b *bench) secret(name string, t p11.Template) error {
	size := pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)
	o, err := b.Generate(pkcs11.CKM_AES_KEY_GEN, t.Raw(append(p11.Naming(name, p11.NewID()), size)...))
	return b.keep(name, o, err)
}

// generating are the ways to generate a key.
func (b *bench) generating() []trial {
	pair := func(name string, private, public p11.Template) func(*bench) (string, error) {
		return only(func(b *bench) error { return b.pair(name, private, public) })
	}
	public, private := keptPublic(), keptPrivate()
	secret := templates.SecretKey(p11.TokenObject)
	plain := secret.Without(pkcs11.CKA_WRAP_WITH_TRUSTED)
	session, changeable := p11.Has(pkcs11.CKA_TOKEN, false, ""), p11.Has(pkcs11.CKA_MODIFIABLE, true, "")
	return []trial{
		{"C_GenerateKeyPair P-256, as for guard trust", pair("x", templates.PrivateKey(p11.TokenObject, false), public)},
		{"C_GenerateKeyPair P-256, session object", pair("x", private.With(session), public)},
		{"C_GenerateKeyPair P-256, MODIFIABLE=true", pair("x", private.With(changeable), public)},
		{"C_GenerateKeyPair P-256, without WRAP_WITH_TRUSTED", pair("P-256", private, public)},
		{"C_GenerateKeyPair P-256, module signing key", pair("KML", templates.ModuleSigningKey(), public)},
		{"C_GenerateKeyPair RSA-2048, without WRAP_WITH_TRUSTED", only(func(b *bench) error {
			rsaPrivate := templates.PrivateKey(p11.TokenObject, true).Without(pkcs11.CKA_WRAP_WITH_TRUSTED)
			return b.rsaPair("RSA-2048", rsaPrivate, templates.PublicKey(p11.TokenObject, true))
		})},
		{"C_GenerateKey AES-256, as for guard trust", only(func(b *bench) error { return b.secret("x", secret) })},
		{"C_GenerateKey AES-256, session object", only(func(b *bench) error {
			return b.secret("x", plain.With(session))
		})},
		{"C_GenerateKey AES-256, WRAP=true", only(func(b *bench) error {
			return b.secret("x", plain.With(p11.Has(pkcs11.CKA_WRAP, true, "")))
		})},
		{"C_GenerateKey AES-256, without WRAP_WITH_TRUSTED", only(func(b *bench) error {
			return b.secret("AES-256", plain)
		})},
	}
}

// changing are the ways to alter what a key is or may do.
func (b *bench) changing() []trial {
	set := func(name string, a *pkcs11.Attribute) func(*bench) (string, error) {
		return only(func(b *bench) error { return b.Set(b.kept[name], []*pkcs11.Attribute{a}) })
	}
	return []trial{
		{"C_Login again", only(func(b *bench) error { return b.ctx.Login(b.Handle, pkcs11.CKU_USER, "0003whatever") })},
		{"C_CopyObject of a key", only(func(b *bench) error {
			_, err := b.Copy(b.kept["P-256"], []*pkcs11.Attribute{truth(pkcs11.CKA_SIGN, false)})
			return err
		})},
		{"C_SetAttributeValue WRAP_WITH_TRUSTED=true", set("P-256", truth(pkcs11.CKA_WRAP_WITH_TRUSTED, true))},
		{"C_SetAttributeValue EXTRACTABLE=true of the module signing key", set("KML", truth(pkcs11.CKA_EXTRACTABLE, true))},
		{"C_SetAttributeValue LABEL", set("P-256", pkcs11.NewAttribute(pkcs11.CKA_LABEL, "another name"))},
		{"C_SetAttributeValue TRUSTED=true of KM", set("KM", truth(pkcs11.CKA_TRUSTED, true))},
		{"C_GetAttributeValue of a key", (*bench).attributes},
		{"C_GetAttributeValue of KM, its modulus and exponent", only((*bench).readBack)},
		{"C_GetAttributeValue ALLOWED_MECHANISMS", only(func(b *bench) error {
			_, err := b.Attributes(b.kept["P-256"], pkcs11.CKA_ALLOWED_MECHANISMS)
			return err
		})},
		{"C_FindObjects TRUSTED=true", func(b *bench) (string, error) { return b.count(truth(pkcs11.CKA_TRUSTED, true)) }},
		{"C_FindObjects of private keys", func(b *bench) (string, error) {
			return b.count(pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY))
		}},
		{"C_FindObjects of all", func(b *bench) (string, error) { return b.count() }},
	}
}

// attributes reads what byok-offline reads of a key.
func (b *bench) attributes() (string, error) {
	types := []uint{
		pkcs11.CKA_TRUSTED, pkcs11.CKA_WRAP_WITH_TRUSTED, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_NEVER_EXTRACTABLE,
		pkcs11.CKA_LOCAL, pkcs11.CKA_SENSITIVE, pkcs11.CKA_ALWAYS_SENSITIVE, pkcs11.CKA_MODIFIABLE, p11.Copyable,
	}
	values, err := b.Attributes(b.kept["P-256"], types...)
	if err != nil {
		return "", err
	}
	var shown []string
	for i, t := range types {
		text := fmt.Sprint(p11.Truth(values[i]))
		if values[i] == nil {
			text = "none"
		}
		shown = append(shown, p11.Name(t)+" "+text)
	}
	return strings.Join(shown, ", "), nil
}

// readBack reads KM's public half by its handle and compares it.
func (b *bench) readBack() error {
	km, err := publickey.ReadRSA(b.Session, b.kept["KM"])
	if err != nil {
		return err
	}
	if !km.Equal(&b.km.PublicKey) {
		return errors.New("another key")
	}
	return nil
}
