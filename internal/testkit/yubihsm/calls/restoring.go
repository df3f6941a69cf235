package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

// restoring brings backups back.
func (b *bench) restoring() []trial {
	kept := templates.KeptKey(p11.TokenObject).Raw()
	aes := templates.KeptKey(p11.TokenObject).Without(pkcs11.CKA_DERIVE).Raw()
	encrypt, decrypt := truth(pkcs11.CKA_ENCRYPT, true), truth(pkcs11.CKA_DECRYPT, true)
	sign := truth(pkcs11.CKA_SIGN, true)
	bits := pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, 2048)
	size := pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)
	return []trial{
		{"C_GenerateKeyPair RSA-2048, session object that unwraps", only(func(b *bench) error {
			return b.rsaPair("x", templates.Unwrapping(), templates.PublicKey(p11.SessionObject, false))
		})},
		{"C_GenerateKeyPair RSA-2048, UNWRAP=true", only((*bench).opener)},
		{"C_UnwrapKey of the AES key under it, OAEP", only(func(b *bench) error {
			sealed, err := b.resealed("P-256")
			if err != nil {
				return err
			}
			_, err = b.Unwrap(p11.OAEP(), b.kept["opener"], sealed, p11.Classed(p11.SecretKey, pkcs11.CKK_AES))
			return err
		})},
		{"C_UnwrapKey of P-256, RSA_AES, as for guard trust", b.restored("P-256", kept)},
		{"C_Sign with it", only(func(b *bench) error { return b.signs("restored P-256") })},
		{"C_UnwrapKey of P-256, RSA_AES, with SIGN", b.restored("P-256", kept, sign)},
		{"C_Sign with it", only(func(b *bench) error { return b.signs("restored P-256") })},
		{"C_UnwrapKey of RSA-2048, RSA_AES, without MODULUS_BITS", b.restored("RSA-2048", kept)},
		{"C_UnwrapKey of RSA-2048, RSA_AES", b.restored("RSA-2048", kept, bits, sign)},
		{"C_UnwrapKey of AES-256, RSA_AES, with DERIVE=false", b.restored("AES-256", kept, size)},
		{"C_UnwrapKey of AES-256, RSA_AES, without VALUE_LEN", b.restored("AES-256", aes, encrypt, decrypt)},
		{"C_UnwrapKey of AES-256, RSA_AES, with ENCRYPT alone", b.restored("AES-256", aes, size, encrypt)},
		{"C_Encrypt with it, ECB", only(func(b *bench) error { return b.enciphers("restored AES-256") })},
		{"C_UnwrapKey of AES-256, RSA_AES, with ENCRYPT and DECRYPT", b.restored("AES-256", aes, size, encrypt, decrypt)},
		{"C_Encrypt with it, ECB", only(func(b *bench) error { return b.enciphers("restored AES-256") })},
	}
}

// opener generates an RSA pair that unwraps: a wrap key on the device.
func (b *bench) opener() error {
	private := p11.Template{p11.Has(pkcs11.CKA_TOKEN, true, ""), p11.Has(pkcs11.CKA_UNWRAP, true, "")}
	return b.rsaPair("opener", private, p11.Template{})
}

// resealed encrypts a backup's AES key for the opener.
func (b *bench) resealed(name string) ([]byte, error) {
	public, ok := b.half["opener"].(*rsa.PublicKey)
	if !ok || b.blobs[name] == nil {
		return nil, errors.New("nothing to restore")
	}
	aes, err := rsa.DecryptOAEP(sha1.New(), nil, b.km, b.blobs[name][:b.km.Size()], nil)
	if err != nil {
		return nil, err
	}
	return rsa.EncryptOAEP(sha1.New(), rand.Reader, public, aes, nil)
}

// restored unwraps the backup of a key, and tells what the new one shows.
func (b *bench) restored(name string, t []*pkcs11.Attribute, more ...*pkcs11.Attribute) func(*bench) (string, error) {
	return func(b *bench) (string, error) {
		sealed, err := b.resealed(name)
		if err != nil {
			return "", err
		}
		whole := slices.Concat(p11.Naming("restored "+name, p11.NewID()), kindOf(name), t, more)
		blob := slices.Concat(sealed, b.blobs[name][b.km.Size():])
		o, err := b.Unwrap(p11.RSAAES(), b.kept["opener"], blob, whole)
		if err != nil {
			return "", err
		}
		b.kept[fmt.Sprintf("%s %d", name, o)] = o // to be deleted
		b.kept["restored "+name], b.half["restored "+name] = o, b.half[name]
		return b.shown(o)
	}
}

// shown reads what was asked for in the template of a restored key.
func (b *bench) shown(o p11.Object) (string, error) {
	values, err := b.Attributes(o, pkcs11.CKA_LOCAL, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_LABEL, pkcs11.CKA_ID)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("LOCAL %t, EXTRACTABLE %t, LABEL %q, ID of %d bytes", p11.Truth(values[0]), p11.Truth(values[1]),
		values[2], len(values[3])), nil
}

// kindOf is what a template says of the key's class and type.
func kindOf(name string) []*pkcs11.Attribute {
	switch name {
	case "P-256":
		kind, err := keykind.Lookup(keykind.EC, 0, name)
		if err != nil {
			panic(err) // a kind that there is
		}
		curve := pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, kind.ECParams())
		return append(p11.Classed(p11.PrivateKey, pkcs11.CKK_EC), curve)
	case "RSA-2048":
		return p11.Classed(p11.PrivateKey, pkcs11.CKK_RSA)
	default:
		return p11.Classed(p11.SecretKey, pkcs11.CKK_AES)
	}
}

// enciphers has an AES key encipher one block.
func (b *bench) enciphers(name string) error {
	if err := b.ctx.EncryptInit(b.Handle, p11.Mechanism(pkcs11.CKM_AES_ECB), b.kept[name]); err != nil {
		return err
	}
	_, err := b.ctx.Encrypt(b.Handle, make([]byte, 16))
	return err
}
