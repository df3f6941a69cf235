package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
	"byok/internal/keywrap"
)

// asQuorum is a ceremony's work, and what else might do it.
func (b *bench) asQuorum() []trial {
	return slices.Concat(b.generating(), b.trusting(), b.changing(), b.wrapping(), b.restoring(), b.deleting())
}

// asOperator is what the operator's login does, and what it must not.
func (b *bench) asOperator() []trial {
	return []trial{
		{"C_GenerateKeyPair P-256, without WRAP_WITH_TRUSTED", only(func(b *bench) error {
			return b.pair("operator's", keptPrivate(), keptPublic())
		})},
		{"C_Sign with it", only(func(b *bench) error { return b.signs("operator's") })},
		{"C_CreateObject of an RSA public key that wraps", only(func(b *bench) error {
			return b.publicWrapKey("operator's KEK", &b.km.PublicKey)
		})},
		{"C_WrapKey of it under KM, which the quorum left", only(func(b *bench) error {
			if err := b.findKM(); err != nil {
				return err
			}
			_, err := b.Wrap(p11.RSAAES(), b.kept["KM"], b.kept["operator's"])
			return err
		})},
		{"C_SetAttributeValue LABEL of KM", only(func(b *bench) error {
			return b.Set(b.kept["KM"], []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, "the operator's KM")})
		})},
		{"C_FindObjects of KM by its label, afterwards", func(b *bench) (string, error) {
			return b.count(pkcs11.NewAttribute(pkcs11.CKA_LABEL, "KM"))
		}},
		{"C_GenerateKeyPair RSA-2048, UNWRAP=true", only((*bench).opener)},
		{"C_CreateObject of a private key by value", only((*bench).importKey)},
		{"C_DestroyObject of it", only(func(b *bench) error { return b.ctx.DestroyObject(b.Handle, b.kept["operator's"]) })},
		{"C_DestroyObject of KM", only(func(b *bench) error { return b.ctx.DestroyObject(b.Handle, b.kept["KM"]) })},
	}
}

// findKM looks the public wrap key up again, as another login.
func (b *bench) findKM() error {
	found, err := b.Find(pkcs11.NewAttribute(pkcs11.CKA_LABEL, "KM"))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("KM is not found")
	}
	b.kept["KM"] = found[0]
	return nil
}

// trusting are the ways to put an RSA public key on the token.
func (b *bench) trusting() []trial {
	id := p11.NewID()
	create := func(name string, t []*pkcs11.Attribute) func(*bench) (string, error) {
		return only(func(b *bench) error {
			o, err := b.Create(t)
			return b.keep(name, o, err)
		})
	}
	km := &b.km.PublicKey
	trusted := func(t ...*pkcs11.Attribute) []*pkcs11.Attribute {
		return templates.TrustedRSA(p11.TokenObject).Raw(t...)
	}
	named := func(more ...*pkcs11.Attribute) []*pkcs11.Attribute {
		return slices.Concat(p11.Naming("KM", id), p11.RSAPublic(km), more)
	}
	value := pkcs11.NewAttribute(pkcs11.CKA_VALUE, km.N.Bytes())
	return []trial{
		{"C_CreateObject of KM, as for guard trust", create("x", trusted(named()...))},
		{"C_CreateObject of KM, MODULUS and WRAP=true alone", create("x", named(truth(pkcs11.CKA_WRAP, true)))},
		{"C_CreateObject of KM, VALUE=modulus, as for guard trust", create("trusted", trusted(named(value)...))},
		{"C_CreateObject of KM, VALUE=modulus and WRAP=true", only(func(b *bench) error {
			return b.publicWrapKey("KM", km)
		})},
	}
}

// publicWrapKey makes a public wrap key in the way that the library knows.
func (b *bench) publicWrapKey(name string, key *rsa.PublicKey) error {
	t := append(p11.Naming(name, p11.NewID()), p11.Classed(p11.PublicKey, pkcs11.CKK_RSA)...)
	o, err := b.Create(append(t, truth(pkcs11.CKA_WRAP, true), pkcs11.NewAttribute(pkcs11.CKA_VALUE, key.N.Bytes())))
	return b.keep(name, o, err)
}

// wrapping are the ways to wrap a key.
func (b *bench) wrapping() []trial {
	wrap := func(m []*pkcs11.Mechanism, outer, key string) func(*bench) (string, error) {
		return only(func(b *bench) error {
			_, err := b.Wrap(m, b.kept[outer], b.kept[key])
			return err
		})
	}
	sha256OAEP := pkcs11.NewOAEPParams(pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256, pkcs11.CKZ_DATA_SPECIFIED, nil)
	strong := &pkcs11.RSAAESKeyWrapParams{AESKeyBits: 256, OAEPParams: *sha256OAEP}
	return []trial{
		{"C_Encrypt with AES-256, ECB", only(func(b *bench) error { return b.enciphers("AES-256") })},
		{"C_Sign with P-256", only(func(b *bench) error { return b.signs("P-256") })},
		{"C_WrapKey of P-256 under KM, RSA_AES, SHA-1", func(b *bench) (string, error) { return b.opens("P-256") }},
		{"C_WrapKey of RSA-2048 under KM, RSA_AES, SHA-1", func(b *bench) (string, error) { return b.opens("RSA-2048") }},
		{"C_WrapKey of AES-256 under KM, RSA_AES, SHA-1", func(b *bench) (string, error) { return b.opens("AES-256") }},
		{"C_WrapKey of P-256 under KM, RSA_AES, SHA-256",
			wrap([]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_AES_KEY_WRAP, strong)}, "KM", "P-256")},
		{"C_WrapKey of AES-256 under KM, OAEP", wrap(p11.OAEP(), "KM", "AES-256")},
		{"C_WrapKey of P-256 under AES-256, KWP", wrap(p11.Mechanism(p11.KWP), "AES-256", "P-256")},
		{"C_WrapKey of the module signing key under KM, RSA_AES", wrap(p11.RSAAES(), "KM", "KML")},
		{"C_WrapKey of P-256 under RSA-2048, RSA_AES", wrap(p11.RSAAES(), "RSA-2048", "P-256")},
	}
}

// opens wraps a key under KM, opens both parts with KM's private half, and
// compares the key.
func (b *bench) opens(name string) (string, error) {
	blob, err := b.Wrap(p11.RSAAES(), b.kept["KM"], b.kept[name])
	if err != nil {
		return "", err
	}
	size := b.km.Size()
	aes, err := rsa.DecryptOAEP(sha1.New(), nil, b.km, blob[:size], nil)
	if err != nil {
		return "", err
	}
	plain, err := keywrap.Unwrap(aes, blob[size:])
	if err != nil {
		return "", err
	}
	b.blobs[name] = blob
	return "both parts open in software", b.matches(name, plain)
}

// matches compares an unwrapped key with the public half, or its size.
func (b *bench) matches(name string, plain []byte) error {
	if b.half[name] == nil {
		if len(plain) != 32 {
			return errors.New("not an AES-256 key")
		}
		return nil
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return err
	}
	signer, _ := key.(crypto.Signer)
	equal, _ := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !equal.Equal(b.half[name]) {
		return errors.New("another key")
	}
	return nil
}

// signs has a key on P-256 sign and verifies in software.
func (b *bench) signs(name string) error {
	digest := sha256.Sum256([]byte(name))
	if err := b.ctx.SignInit(b.Handle, p11.Mechanism(pkcs11.CKM_ECDSA), b.kept[name]); err != nil {
		return err
	}
	signature, err := b.ctx.Sign(b.Handle, digest[:])
	if err != nil {
		return err
	}
	public, ok := b.half[name].(*ecdsa.PublicKey)
	half := len(signature) / 2
	r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
	if !ok || !ecdsa.Verify(public, digest[:], r, s) {
		return errors.New("the signature does not verify")
	}
	return nil
}

// importKey puts a private key of known value on the token.
func (b *bench) importKey() error {
	kind, err := keykind.Lookup(keykind.EC, 0, "P-256")
	if err != nil {
		return err
	}
	_, err = b.Create(append(p11.Classed(p11.PrivateKey, pkcs11.CKK_EC),
		pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, kind.ECParams()), truth(pkcs11.CKA_SIGN, true),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, bytes.Repeat([]byte{1}, 32))))
	return err
}

// deleting removes everything but KM.
func (b *bench) deleting() []trial {
	return []trial{{"C_DestroyObject of the keys, KM stays", only(func(b *bench) error {
		gone := map[p11.Object]bool{b.kept["KM"]: true}
		for _, o := range b.kept {
			if gone[o] {
				continue
			}
			if err := b.ctx.DestroyObject(b.Handle, o); err != nil {
				return err
			}
			gone[o] = true
		}
		return nil
	})}}
}
