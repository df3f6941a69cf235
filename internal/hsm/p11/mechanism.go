package p11

import "github.com/miekg/pkcs11"

// KWP is CKM_AES_KEY_WRAP_KWP (PKCS#11 v3.0, section 2.12.1), which is RFC 5649
// by definition; CKM_AES_KEY_WRAP_PAD is it in some modules only.
const KWP = 0x210B

// Mechanism is a mechanism without parameters.
func Mechanism(m uint) []*pkcs11.Mechanism { return []*pkcs11.Mechanism{pkcs11.NewMechanism(m, nil)} }

// OAEP is CKM_RSA_PKCS_OAEP as the service unwraps it: SHA-1, MGF1 with SHA-1,
// empty label. SHA-1's collisions do not weaken OAEP (RFC 8017, section 7.1,
// needs no collision resistance of it).
func OAEP() []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_OAEP, oaepParams())}
}

// RSAAES is CKM_RSA_AES_KEY_WRAP (PKCS#11 v2.40, section 2.1.21) with an
// AES-256 key and the same OAEP.
func RSAAES() []*pkcs11.Mechanism {
	params := &pkcs11.RSAAESKeyWrapParams{AESKeyBits: 256, OAEPParams: *oaepParams()}
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_AES_KEY_WRAP, params)}
}

func oaepParams() *pkcs11.OAEPParams {
	return pkcs11.NewOAEPParams(pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1, pkcs11.CKZ_DATA_SPECIFIED, nil)
}
