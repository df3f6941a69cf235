// Package wrapping lists the mechanisms of C_WrapKey whose parameters are known: a
// probe that tries WRAP_WITH_TRUSTED tries them all.
//
// Do not choose from it how a key is wrapped for a vault or a backup: package hsm
// does, of what a token was seen to do as RFC 5649 and RFC 8017 say.
package wrapping

import (
	"reflect"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// Key is a kind of wrapping key that anyone can make.
type Key string

// The kinds of wrapping key.
const (
	UnderRSA  Key = "an RSA key"
	UnderAES  Key = "an AES key"
	UnderDES3 Key = "a triple DES key"
)

// Mechanism is a mechanism of C_WrapKey whose parameters are known.
type Mechanism struct {
	Name string
	Key  Key // what it wraps under
	Make func() []*pkcs11.Mechanism

	Travels bool // its blobs are those of backups and packages
	OneWay  bool // its parameters serve C_WrapKey alone
}

// Number is its CKM_ value.
func (m Mechanism) Number() uint { return m.Make()[0].Mechanism }

// Table lists the mechanisms.
var Table = []Mechanism{
	{"CKM_RSA_PKCS_OAEP", UnderRSA, p11.OAEP, true, true},
	{"CKM_RSA_PKCS", UnderRSA, Bare(pkcs11.CKM_RSA_PKCS), false, false},
	{"CKM_RSA_X_509", UnderRSA, Bare(pkcs11.CKM_RSA_X_509), false, false},
	{"CKM_RSA_AES_KEY_WRAP", UnderRSA, p11.RSAAES, true, true},
	{"CKM_AES_KEY_WRAP", UnderAES, Bare(pkcs11.CKM_AES_KEY_WRAP), false, false},
	{"CKM_AES_KEY_WRAP_PAD", UnderAES, Bare(pkcs11.CKM_AES_KEY_WRAP_PAD), true, false},
	{"CKM_AES_KEY_WRAP_KWP", UnderAES, Bare(p11.KWP), true, false},
	{"CKM_AES_ECB", UnderAES, Bare(pkcs11.CKM_AES_ECB), false, false},
	{"CKM_AES_CBC", UnderAES, withIV(pkcs11.CKM_AES_CBC, 16), false, false},
	{"CKM_AES_CBC_PAD", UnderAES, withIV(pkcs11.CKM_AES_CBC_PAD, 16), false, false},
	{"CKM_AES_CTR", UnderAES, counter, false, false},
	{"CKM_AES_GCM", UnderAES, withIV(pkcs11.CKM_AES_GCM, 12), false, true},
	{"CKM_AES_CCM of 32 bytes", UnderAES, ccm(32), false, true},
	{"CKM_AES_CCM of 67 bytes", UnderAES, ccm(bareP256), false, true},
	{"CKM_AES_CCM of 138 bytes", UnderAES, ccm(fullP256), false, true},
	{"CKM_DES3_ECB", UnderDES3, Bare(pkcs11.CKM_DES3_ECB), false, false},
	{"CKM_DES3_CBC", UnderDES3, withIV(pkcs11.CKM_DES3_CBC, 8), false, false},
	{"CKM_DES3_CBC_PAD", UnderDES3, withIV(pkcs11.CKM_DES3_CBC_PAD, 8), false, false},
}

// Bare makes a mechanism without parameters.
func Bare(m uint) func() []*pkcs11.Mechanism {
	return func() []*pkcs11.Mechanism { return p11.Mechanism(m) }
}

// withIV makes a mechanism whose parameter is an IV: that of CKM_AES_GCM is put
// around it where C_WrapKey is called.
func withIV(m uint, size int) func() []*pkcs11.Mechanism {
	return func() []*pkcs11.Mechanism {
		return []*pkcs11.Mechanism{pkcs11.NewMechanism(m, make([]byte, size))}
	}
}

// The sizes of a P-256 key in PKCS#8, without the public half and with it, in
// bytes: CKM_AES_CCM is told in advance how long what it wraps is.
const (
	bareP256 = 67
	fullP256 = 138
)

// counter is CKM_AES_CTR with a CK_AES_CTR_PARAMS: all 128 bits count.
func counter() []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_CTR, append(p11.FromULong(128), make([]byte, 16)...))}
}

// ccm is CKM_AES_CCM with a CK_CCM_PARAMS: data of the size, a nonce of 12 bytes,
// nothing beside, and a tag of 16 bytes.
func ccm(size uint) func() []*pkcs11.Mechanism {
	return func() []*pkcs11.Mechanism {
		long, at := p11.FromULong, p11.Address(reflect.ValueOf(&nonce).Pointer())
		params := slices.Concat(long(size), at, long(12), p11.Address(0), long(0), long(16))
		return []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_CCM, params)}
	}
}

// nonce is that of CKM_AES_CCM. A variable of the package: C reads
// it by its address, which never changes.
var nonce [12]byte
