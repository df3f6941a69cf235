// Package derivation lists the mechanisms of C_DeriveKey by what they reveal of a
// key: those whose derived key holds it, or a part of it, in clear, which a probe
// tries, and those that do not.
package derivation

import (
	"reflect"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// Role is what a key is to C_DeriveKey.
type Role string

// The roles.
const (
	BaseKey  Role = "the base key"
	OtherKey Role = "the other key"
)

// Mechanism is a mechanism of C_DeriveKey whose derived key holds a key, or a
// part of it, in clear.
type Mechanism struct {
	Name    string
	Number  uint   // CKM_
	Reveals []Role // the roles in which a key is revealed
	// parameter gives the mechanism's parameter, around the other key.
	parameter func(other p11.Object) []byte
	Length    uint // CKA_VALUE_LEN in bytes where the mechanism needs one, or 0
}

// Table lists the mechanisms that reveal a key (PKCS#11 v2.40,
// section 2.31).
var Table = []Mechanism{
	{"CKM_CONCATENATE_BASE_AND_KEY", 0x360, []Role{BaseKey, OtherKey}, handleOf, 0},
	{"CKM_CONCATENATE_BASE_AND_DATA", 0x362, []Role{BaseKey}, knownString, 0},
	{"CKM_CONCATENATE_DATA_AND_BASE", 0x363, []Role{BaseKey}, knownString, 0},
	{"CKM_XOR_BASE_AND_DATA", 0x364, []Role{BaseKey}, knownString, 0},
	{"CKM_EXTRACT_KEY_FROM_KEY", 0x365, []Role{BaseKey}, firstBit, 16},
}

// OneWay is a mechanism of C_DeriveKey that reveals no key. It is not tried: a
// key that may derive may do what it does.
type OneWay struct {
	Name   string
	Number uint // CKM_
	Why    string
}

// Why a mechanism reveals no key.
const (
	whyHash    = "the derived key is a one-way function of the key, which is too long to be guessed"
	whyEncrypt = "encrypts known data: a use of the key that reveals nothing of it, and that DERIVE=false forbids"
	whyAgree   = "agrees on a secret with a public key: a use of the key that reveals nothing of it"
	whyType    = "takes keys of a type that a security world does not have"
)

// OneWays are all mechanisms of the standard that reveal no key (PKCS#11 v3.1).
var OneWays = []OneWay{
	{"CKM_MD5_KEY_DERIVATION", 0x390, whyHash},
	{"CKM_MD2_KEY_DERIVATION", 0x391, whyHash},
	{"CKM_SHA1_KEY_DERIVATION", 0x392, whyHash},
	{"CKM_SHA256_KEY_DERIVATION", 0x393, whyHash},
	{"CKM_SHA384_KEY_DERIVATION", 0x394, whyHash},
	{"CKM_SHA512_KEY_DERIVATION", 0x395, whyHash},
	{"CKM_SHA224_KEY_DERIVATION", 0x396, whyHash},
	{"CKM_SHA3_256_KEY_DERIVATION", 0x397, whyHash},
	{"CKM_SHA3_224_KEY_DERIVATION", 0x398, whyHash},
	{"CKM_SHA3_384_KEY_DERIVATION", 0x399, whyHash},
	{"CKM_SHA3_512_KEY_DERIVATION", 0x39A, whyHash},
	{"CKM_SHAKE_128_KEY_DERIVATION", 0x39B, whyHash},
	{"CKM_SHAKE_256_KEY_DERIVATION", 0x39C, whyHash},
	{"CKM_SHA512_224_KEY_DERIVATION", 0x4B, whyHash},
	{"CKM_SHA512_256_KEY_DERIVATION", 0x4F, whyHash},
	{"CKM_SHA512_T_KEY_DERIVATION", 0x53, whyHash},
	{"CKM_SP800_108_COUNTER_KDF", 0x3AC, whyHash},
	{"CKM_SP800_108_FEEDBACK_KDF", 0x3AD, whyHash},
	{"CKM_SP800_108_DOUBLE_PIPELINE_KDF", 0x3AE, whyHash},
	{"CKM_HKDF_DERIVE", 0x402A, whyHash},
	{"CKM_HKDF_DATA", 0x402B, whyHash},
	{"CKM_SSL3_MASTER_KEY_DERIVE", 0x371, whyHash},
	{"CKM_SSL3_KEY_AND_MAC_DERIVE", 0x372, whyHash},
	{"CKM_SSL3_MASTER_KEY_DERIVE_DH", 0x373, whyHash},
	{"CKM_TLS_MASTER_KEY_DERIVE", 0x375, whyHash},
	{"CKM_TLS_KEY_AND_MAC_DERIVE", 0x376, whyHash},
	{"CKM_TLS_MASTER_KEY_DERIVE_DH", 0x377, whyHash},
	{"CKM_TLS12_MASTER_KEY_DERIVE", 0x3E0, whyHash},
	{"CKM_TLS12_KEY_AND_MAC_DERIVE", 0x3E1, whyHash},
	{"CKM_TLS12_MASTER_KEY_DERIVE_DH", 0x3E2, whyHash},
	{"CKM_TLS12_KEY_SAFE_DERIVE", 0x3E3, whyHash},

	{"CKM_AES_ECB_ENCRYPT_DATA", 0x1104, whyEncrypt},
	{"CKM_AES_CBC_ENCRYPT_DATA", 0x1105, whyEncrypt},

	{"CKM_ECDH1_DERIVE", 0x1050, whyAgree},
	{"CKM_ECDH1_COFACTOR_DERIVE", 0x1051, whyAgree},
	{"CKM_ECMQV_DERIVE", 0x1052, whyAgree},

	{"CKM_DH_PKCS_DERIVE", 0x21, whyType},
	{"CKM_X9_42_DH_DERIVE", 0x31, whyType},
	{"CKM_X9_42_DH_HYBRID_DERIVE", 0x32, whyType},
	{"CKM_X9_42_MQV_DERIVE", 0x33, whyType},
	{"CKM_DES_ECB_ENCRYPT_DATA", 0x1100, whyType},
	{"CKM_DES_CBC_ENCRYPT_DATA", 0x1101, whyType},
	{"CKM_DES3_ECB_ENCRYPT_DATA", 0x1102, whyType},
	{"CKM_DES3_CBC_ENCRYPT_DATA", 0x1103, whyType},
	{"CKM_CAMELLIA_ECB_ENCRYPT_DATA", 0x556, whyType},
	{"CKM_CAMELLIA_CBC_ENCRYPT_DATA", 0x557, whyType},
	{"CKM_ARIA_ECB_ENCRYPT_DATA", 0x566, whyType},
	{"CKM_ARIA_CBC_ENCRYPT_DATA", 0x567, whyType},
	{"CKM_SEED_ECB_ENCRYPT_DATA", 0x656, whyType},
	{"CKM_SEED_CBC_ENCRYPT_DATA", 0x657, whyType},
}

// handleOf is a CK_OBJECT_HANDLE.
func handleOf(other p11.Object) []byte { return p11.FromULong(uint(other)) }

// firstBit is a CK_EXTRACT_PARAMS: the key is taken from bit 0 on.
func firstBit(p11.Object) []byte { return p11.FromULong(0) }

// known is what keys are combined with. A variable of the package: C reads it
// by its address, which never changes.
var known [16]byte

// knownString is a CK_KEY_DERIVATION_STRING_DATA, a pointer and a length, which
// miekg/pkcs11 has no type for.
func knownString(p11.Object) []byte {
	return append(p11.Address(reflect.ValueOf(&known).Pointer()), p11.FromULong(uint(len(known)))...)
}

// With returns the mechanism around the other key.
func (d Mechanism) With(other p11.Object) []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(d.Number, d.parameter(other))}
}
