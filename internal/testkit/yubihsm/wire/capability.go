package wire

import (
	"fmt"
	"strings"
)

// Capability is a set of what a key may do or be used for, a bit each.
type Capability uint64

// The capabilities that the commands ask for, by their names in yubihsm-shell.
const (
	CanGetOpaque Capability = 1 << iota
	CanPutOpaque
	CanPutAuthenticationKey
	CanPutAsymmetricKey
	CanGenerateAsymmetricKey
	CanSignPKCS
	CanSignPSS
	CanSignECDSA
	_ // sign-eddsa
	CanDecryptPKCS
	CanDecryptOAEP
	CanDeriveECDH
	CanExportWrapped
	CanImportWrapped
	CanPutWrapKey
	CanGenerateWrapKey
	ExportableUnderWrap

	CanGetPseudoRandom         Capability = 1 << 0x13
	CanGetLogEntries           Capability = 1 << 0x18
	CanResetDevice             Capability = 1 << 0x1c
	CanDeleteOpaque            Capability = 1 << 0x27
	CanDeleteAuthenticationKey Capability = 1 << 0x28
	CanDeleteAsymmetricKey     Capability = 1 << 0x29
	CanDeleteWrapKey           Capability = 1 << 0x2a
	CanChangeAuthenticationKey Capability = 1 << 0x2e
	CanPutSymmetricKey         Capability = 1 << 0x2f
	CanGenerateSymmetricKey    Capability = 1 << 0x30
	CanDeleteSymmetricKey      Capability = 1 << 0x31
	CanDecryptECB              Capability = 1 << 0x32
	CanEncryptECB              Capability = 1 << 0x33
	CanDecryptCBC              Capability = 1 << 0x34
	CanEncryptCBC              Capability = 1 << 0x35
	CanPutPublicWrapKey        Capability = 1 << 0x36
	CanDeletePublicWrapKey     Capability = 1 << 0x37
	None                       Capability = 0
	All                        Capability = 1<<64 - 1 // yubihsm-shell's "all", with bits that name nothing
)

var capabilityNames = map[string]Capability{
	"get-opaque":                CanGetOpaque,
	"put-opaque":                CanPutOpaque,
	"put-authentication-key":    CanPutAuthenticationKey,
	"put-asymmetric-key":        CanPutAsymmetricKey,
	"generate-asymmetric-key":   CanGenerateAsymmetricKey,
	"sign-pkcs":                 CanSignPKCS,
	"sign-pss":                  CanSignPSS,
	"sign-ecdsa":                CanSignECDSA,
	"decrypt-pkcs":              CanDecryptPKCS,
	"decrypt-oaep":              CanDecryptOAEP,
	"derive-ecdh":               CanDeriveECDH,
	"export-wrapped":            CanExportWrapped,
	"import-wrapped":            CanImportWrapped,
	"put-wrap-key":              CanPutWrapKey,
	"generate-wrap-key":         CanGenerateWrapKey,
	"exportable-under-wrap":     ExportableUnderWrap,
	"get-pseudo-random":         CanGetPseudoRandom,
	"get-log-entries":           CanGetLogEntries,
	"reset-device":              CanResetDevice,
	"delete-opaque":             CanDeleteOpaque,
	"delete-authentication-key": CanDeleteAuthenticationKey,
	"delete-asymmetric-key":     CanDeleteAsymmetricKey,
	"delete-wrap-key":           CanDeleteWrapKey,
	"change-authentication-key": CanChangeAuthenticationKey,
	"put-symmetric-key":         CanPutSymmetricKey,
	"generate-symmetric-key":    CanGenerateSymmetricKey,
	"delete-symmetric-key":      CanDeleteSymmetricKey,
	"decrypt-ecb":               CanDecryptECB,
	"encrypt-ecb":               CanEncryptECB,
	"decrypt-cbc":               CanDecryptCBC,
	"encrypt-cbc":               CanEncryptCBC,
	"put-public-wrap-key":       CanPutPublicWrapKey,
	"delete-public-wrap-key":    CanDeletePublicWrapKey,
	"none":                      None,
	"all":                       All,
}

// ParseCapabilities reads a list as yubihsm-shell takes it: names with commas
// between them, "all" or "none".
func ParseCapabilities(list string) (Capability, error) {
	var set Capability
	for name := range strings.SplitSeq(list, ",") {
		c, known := capabilityNames[name]
		if !known {
			return None, fmt.Errorf("%q is not a simulated capability", name)
		}
		set |= c
	}
	return set, nil
}

// Within reports whether every capability of c is in all.
func (c Capability) Within(all Capability) bool { return c&^all == 0 }
