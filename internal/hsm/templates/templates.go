// Package templates lists the boolean attributes that each kind of object of a
// security world is made with, and why: trusted keys, keys for a vault, the
// module signing key, and what a transfer copy is reduced to.
//
// Use it through package hsm, which makes the objects and reads them back. An
// attribute that Stays is what the probes try to undo.
package templates

import (
	"cmp"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// The reason of the attribute that all trusted keys end with.
const (
	whyFrozen   = "keeps all of the above"
	whyNoCopy   = "a copy could be given other uses"
	whyWrapOnly = "for wrapping only"
	whyTravels  = "does nothing but travel"
)

func frozen() p11.Template {
	return p11.Template{
		p11.Has(p11.Copyable, false, whyNoCopy),
		p11.Stays(pkcs11.CKA_MODIFIABLE, false, whyFrozen),
	}
}

// TrustedRSA is the public half of KM, or a KEK.
func TrustedRSA(place p11.Place) p11.Template {
	return append(p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, place == p11.TokenObject, "KM outlives the session, a KEK does not"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "an SO session cannot create private objects"),
		p11.Has(pkcs11.CKA_TRUSTED, true, "only a quorum can log in as SO and so trust a key"),
		p11.Has(pkcs11.CKA_WRAP, true, "wraps keys for the backup, or for the vault"),
		p11.Stays(pkcs11.CKA_ENCRYPT, false, whyWrapOnly),
		p11.Has(pkcs11.CKA_VERIFY, false, whyWrapOnly),
		p11.Has(pkcs11.CKA_VERIFY_RECOVER, false, whyWrapOnly),
	}, frozen()...)
}

// Anchor is the token's memory of the newest statement.
func Anchor() p11.Template {
	return TrustedRSA(p11.TokenObject).With(p11.Stays(pkcs11.CKA_WRAP, false, "remembers a statement and wraps nothing"))
}

// TrustedAES is common to KW and the transfer key.
func TrustedAES() p11.Template {
	return p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "no value of it is ever outside the token, and no trace is left"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "an SO session cannot create private objects"),
		p11.Has(pkcs11.CKA_TRUSTED, true, "only a quorum can log in as SO and so trust a key"),
		p11.Has(pkcs11.CKA_WRAP, true, "wraps keys for the backup, or for the vault"),
		p11.Stays(pkcs11.CKA_SENSITIVE, true, "never in clear"),
		p11.Has(pkcs11.CKA_EXTRACTABLE, true, "is itself wrapped once, under KM or the KEK"),
		p11.Stays(pkcs11.CKA_WRAP_WITH_TRUSTED, true, "only a key that the quorum trusted wraps it"),
		p11.Stays(pkcs11.CKA_UNWRAP, false, "what it has wrapped stays closed"),
		p11.Stays(pkcs11.CKA_ENCRYPT, false, "must not encrypt what is unwrapped later"),
		p11.Stays(pkcs11.CKA_DECRYPT, false, "wrap, then decrypt would reveal a key (Clulow 2003)"),
		p11.Stays(pkcs11.CKA_SIGN, false, whyWrapOnly),
		p11.Has(pkcs11.CKA_VERIFY, false, whyWrapOnly),
		p11.Stays(pkcs11.CKA_DERIVE, false, "a derived key could be read in parts"),
	}
}

// TransferKey is a transfer key: an AES key for one key and one KEK.
func TransferKey() p11.Template { return append(TrustedAES(), frozen()...) }

// FrozenKW is what KW is frozen to when it is copied to the token.
func FrozenKW() p11.Template {
	return append(p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, "the world outlives the session"),
		p11.Stays(pkcs11.CKA_EXTRACTABLE, false, "has left once, under KM, and never again"),
	}, frozen()...)
}

// KW is what KW must show once it is frozen. WRAP_WITH_TRUSTED restricts nothing
// in a key that is not extractable.
func KW() p11.Template {
	once := p11.Has(pkcs11.CKA_WRAP_WITH_TRUSTED, true, "as it was wrapped under KM")
	return TrustedAES().With(FrozenKW()...).With(once)
}

// KeptKey is common to every private or secret key that is made for a vault:
// only a key trusted by a quorum can ever wrap it.
func KeptKey(place p11.Place) p11.Template {
	return p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, place == p11.TokenObject, "kept until retired, or for this session"),
		p11.Has(pkcs11.CKA_PRIVATE, true, "seen only after login"),
		p11.Stays(pkcs11.CKA_SENSITIVE, true, "never in clear"),
		p11.Has(pkcs11.CKA_EXTRACTABLE, true, "goes to the backup and to the vault, wrapped"),
		p11.Stays(pkcs11.CKA_WRAP_WITH_TRUSTED, true, "only under a key that a quorum has trusted"),
		p11.Has(pkcs11.CKA_UNWRAP, false, "not this key's work"),
		p11.Has(pkcs11.CKA_DERIVE, false, "not this key's work"),
	}
}

// PrivateKey is for an RSA or EC key.
func PrivateKey(place p11.Place, decrypts bool) p11.Template {
	return append(KeptKey(place), privateUses(decrypts)...)
}

func privateUses(decrypts bool) p11.Template {
	return p11.Template{
		p11.Has(pkcs11.CKA_SIGN, true, "proves possession of the key"),
		p11.Has(pkcs11.CKA_SIGN_RECOVER, false, "not this key's work"),
		p11.Has(pkcs11.CKA_DECRYPT, decrypts, "an RSA key may be used on the token as well"),
	}
}

// PublicKey is for the public half of a key.
func PublicKey(place p11.Place, encrypts bool) p11.Template {
	return p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, place == p11.TokenObject, "stays with its private key"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "public"),
		p11.Has(pkcs11.CKA_VERIFY, true, "checks the proof of possession"),
		p11.Has(pkcs11.CKA_ENCRYPT, encrypts, "the counterpart of DECRYPT"),
		p11.Has(pkcs11.CKA_WRAP, false, "only KM and a KEK wrap"),
	}
}

// SecretKey is for an AES key.
func SecretKey(place p11.Place) p11.Template {
	return append(KeptKey(place),
		p11.Has(pkcs11.CKA_ENCRYPT, true, "gives the check value"),
		p11.Has(pkcs11.CKA_DECRYPT, true, "the key may be used on the token as well"),
		p11.Has(pkcs11.CKA_SIGN, false, "not this key's work"),
		p11.Has(pkcs11.CKA_VERIFY, false, "not this key's work"),
		p11.Has(pkcs11.CKA_WRAP, false, "an untrusted key wraps no key of the world"),
	)
}

// ModuleSigningKey is KML: it signs what the operator does and never leaves
// the token.
func ModuleSigningKey() p11.Template {
	return append(p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, "lives as long as the world does on this token"),
		p11.Has(pkcs11.CKA_PRIVATE, true, "seen only after login"),
		p11.Stays(pkcs11.CKA_SENSITIVE, true, "never in clear"),
		p11.Stays(pkcs11.CKA_EXTRACTABLE, false, "never leaves the token, not even wrapped"),
		p11.Has(pkcs11.CKA_UNWRAP, false, "signs only"),
		p11.Has(pkcs11.CKA_DERIVE, false, "signs only"),
	}, privateUses(false)...)
}

// Reduced is what a transfer copy is reduced to: a trusted key can wrap it and
// that is all it is good for. MODIFIABLE=false must stand in the template of
// the copy itself, or its owner could set the rest back.
func Reduced(secretKey bool) p11.Template {
	uses := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		p11.Stays(pkcs11.CKA_SIGN, false, whyTravels),
		p11.Stays(pkcs11.CKA_DECRYPT, false, whyTravels),
		p11.Stays(pkcs11.CKA_UNWRAP, false, whyTravels),
		p11.Stays(pkcs11.CKA_DERIVE, false, whyTravels),
	}
	if secretKey {
		uses = append(uses,
			p11.Stays(pkcs11.CKA_ENCRYPT, false, whyTravels),
			p11.Stays(pkcs11.CKA_VERIFY, false, whyTravels),
			p11.Stays(pkcs11.CKA_WRAP, false, whyTravels))
	} else {
		uses = append(uses, p11.Stays(pkcs11.CKA_SIGN_RECOVER, false, whyTravels))
	}
	return append(uses, frozen()...)
}

// ReducedShows is what the copy must show: its reduction and what it inherits.
func ReducedShows(secretKey bool) p11.Template {
	inherits := KeptKey(p11.SessionObject).Only(pkcs11.CKA_SENSITIVE, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_WRAP_WITH_TRUSTED)
	return append(inherits, Reduced(secretKey)...)
}

// Unwrapping is for keys of the session that unwrap a backup and do nothing
// else.
func Unwrapping() p11.Template {
	return p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		p11.Has(pkcs11.CKA_PRIVATE, true, "seen only after login"),
		p11.Has(pkcs11.CKA_SENSITIVE, true, "never in clear"),
		p11.Has(pkcs11.CKA_EXTRACTABLE, false, "has no use elsewhere"),
		p11.Has(pkcs11.CKA_UNWRAP, true, "unwraps a backup"),
		p11.Has(pkcs11.CKA_DECRYPT, false, "unwraps only"),
		p11.Has(pkcs11.CKA_SIGN, false, "unwraps only"),
	}
}

// Uses lists the boolean attributes that say what a key may do and where it
// came from, for a secret or a private key.
func Uses(secret bool) []uint {
	if secret {
		return append(slices.Clone(commonUses),
			pkcs11.CKA_VERIFY, pkcs11.CKA_ENCRYPT, pkcs11.CKA_WRAP, pkcs11.CKA_TRUSTED)
	}
	return append(slices.Clone(commonUses), pkcs11.CKA_SIGN_RECOVER)
}

var commonUses = []uint{
	pkcs11.CKA_SENSITIVE, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_WRAP_WITH_TRUSTED, pkcs11.CKA_SIGN,
	pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE, pkcs11.CKA_MODIFIABLE, pkcs11.CKA_LOCAL,
	pkcs11.CKA_ALWAYS_SENSITIVE, pkcs11.CKA_NEVER_EXTRACTABLE,
}

// DefaultExponent is Fermat's fourth number.
const DefaultExponent = 65537

// Parameters are what the public half of a key pair is generated from: the
// curve, or size and public exponent, of which 0 means [DefaultExponent].
func Parameters(kind keykind.Kind, exponent uint32) []*pkcs11.Attribute {
	if kind.Type == keykind.EC {
		return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, kind.ECParams())}
	}
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, kind.Bits),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, p11.Exponent(cmp.Or(exponent, DefaultExponent))),
	}
}
