package survey

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/testkit/softhsm"
)

// TestNoSurvey: a module on which nothing can be tried says why, and which of two
// reasons it is.
func TestNoSurvey(t *testing.T) {
	library, _ := shimmed(t)
	const hint = "add an empty partition or token with the vendor's tool, then run the command again"
	for _, c := range []struct{ name, quirk, text string }{
		{"no slot shows a token until it is initialised", "absent-until-init", "no token in " + library},
		{"no token is free", "", "no free slot in " + library + ": every token there is initialised"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			t.Setenv("SHIM_QUIRKS", c.quirk)
			if c.quirk == "" {
				prepared(t, load(t, library))
				t.Setenv("SHIM_HIDE_FREE", "1")
			}
			_, err := ThrowAway(load(t, library))
			expect(t, err, c.text)
			if exitcode.HintOf(err) != hint {
				t.Errorf("hint %q", exitcode.HintOf(err))
			}
		})
	}
	t.Setenv("SHIM_QUIRKS", "oneinit") // this process has initialised it before
	_, err := hsm.Load(library)
	expect(t, err, "PKCS#11 library "+library+" could not be initialised: CKR_FUNCTION_FAILED")
}

// habits are modules that do something else than the probes expect, or in their
// own way: what people have met in libraries, and what would once have been
// reported in a row where it does not belong, or not at all.
var habits = []module{
	{
		"a user creates trusted RSA keys", quirks("userpubtrust"),
		map[string]string{
			PropTrustedOnly: "not enforced: the user can make an RSA key trusted with C_CreateObject, as a session object",
			PropLockout:     later,
		},
		"login", "not enforced: " + PropTrustedOnly,
	},
	{
		"no C_SetAttributeValue, no C_CopyObject", map[string]string{"SHIM_ABSENT": "C_SetAttributeValue,C_CopyObject"},
		map[string]string{
			PropTrustedBySO: "refused: C_CopyObject of KW to byok-module-check-kw: CKR_FUNCTION_NOT_SUPPORTED",
			PropFrozen: "not answered: whether CKA_SENSITIVE of the transfer key can be set to false (never in clear): " +
				"CKR_FUNCTION_NOT_SUPPORTED",
			PropCopied: "not answered: whether the transfer key can be copied to the session with CKA_SENSITIVE=false " +
				"(never in clear): CKR_FUNCTION_NOT_SUPPORTED",
			PropLater: "not answered: whether WRAP_WITH_TRUSTED of a secret key can be set after any key could wrap it: " +
				"CKR_FUNCTION_NOT_SUPPORTED",
			PropOneWay: "not answered: whether CKA_SENSITIVE of byok-module-check-key can be set to false (never in clear): " +
				"CKR_FUNCTION_NOT_SUPPORTED",
			PropRestore: "not tried: " + noInner,
			PropCopy:    "refused: offers no C_CopyObject, which copying byok-module-check-key needs",
			PropLockout: later,
		},
		"login", "refused: " + PropTrustedBySO + "; not answered: " + PropFrozen + ", " + PropCopied + ", " + PropOneWay,
	},
	{
		"no private key is wrapped", quirks("nowrapprivate"),
		map[string]string{
			PropWrapTrusted: "not answered: whether byok-module-check-key can be wrapped with CKM_RSA_PKCS_OAEP under an RSA " +
				"key that is not trusted: CKR_KEY_NOT_WRAPPABLE, but without the restriction it fails as well: CKR_KEY_NOT_WRAPPABLE",
			PropCopy: "not answered: whether the transfer copy can be wrapped with CKM_RSA_PKCS_OAEP under an RSA " +
				"key that is not trusted: CKR_KEY_NOT_WRAPPABLE, but without the restriction it fails as well: CKR_KEY_NOT_WRAPPABLE",
			PropForVault:   notWrapped,
			PropRestore:    notWrapped,
			PropLoginVault: notWrapped,
			PropLoginBack:  notWrapped,
			PropLockout:    later,
		},
		"", "refused: " + PropForVault + ", " + PropRestore + "; not answered: " + PropWrapTrusted,
	},
	{
		"four mechanisms forget WRAP_WITH_TRUSTED", quirks("wwtother"),
		map[string]string{
			PropWrapTrusted: "not enforced: byok-module-check-key can be wrapped with CKM_RSA_PKCS under an RSA key that is " +
				"not trusted",
			PropCopy:    "not enforced: the transfer copy can be wrapped with CKM_RSA_PKCS under an RSA key that is not trusted",
			PropLockout: later,
		},
		"login", "not enforced: " + PropWrapTrusted,
	},
	{
		"no AES key wrap", map[string]string{"SHIM_HIDE_MECHANISMS": "0x210A"},
		map[string]string{
			PropMechanisms: "refused: the token in slot 0 does not offer CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD, which " +
				"the ceremony needs",
			PropKeyWrap:    noKeyWrap,
			PropForVault:   "not tried: " + noInner,
			PropRestore:    "not tried: " + noInner,
			PropLoginVault: noKeyWrap,
			PropLoginBack:  noKeyWrap,
			PropLockout:    later,
		},
		"", "refused: " + PropKeyWrap,
	},
	{
		"AES key wrap by the number of another vendor", map[string]string{"SHIM_KEY_WRAP": "0x80000171"},
		map[string]string{
			PropMechanisms: "refused: the token in slot 0 does not offer CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD, which " +
				"the ceremony needs",
			PropKeyWrap:    noKeyWrap,
			PropOtherWrap:  "not known: listed and not tried: 0x121, 0x122, 0x125, 0x80000171",
			PropForVault:   "not tried: " + noInner,
			PropRestore:    "not tried: " + noInner,
			PropLoginVault: noKeyWrap,
			PropLoginBack:  noKeyWrap,
			PropLockout:    later,
		},
		"", "refused: " + PropKeyWrap,
	},
	{
		"AES key wrap by the vendor's number", map[string]string{"SHIM_KEY_WRAP": "0x80000171", "SHIM_MANUFACTURER": "Thales"},
		nil, "trust login", everything,
	},
	{
		"the vendor's number forgets WRAP_WITH_TRUSTED", map[string]string{
			"SHIM_KEY_WRAP": "0x80000171", "SHIM_MANUFACTURER": "Thales", "SHIM_UNTRUSTED_WRAP": "0x210A",
		},
		map[string]string{
			PropWrapTrusted: "not enforced: byok-module-check-key can be wrapped with CKM_AES_KWP (0x80000171) under an AES key " +
				"that is not trusted",
			PropCopy: "not enforced: the transfer copy can be wrapped with CKM_AES_KWP (0x80000171) under an AES key that " +
				"is not trusted",
			PropLockout: later,
		},
		"login", "not enforced: " + PropWrapTrusted,
	},
	{"no secret key by value", quirks("nosecret"), nil, "trust login", everything},
	{"a dead slot", quirks("deadslot"), nil, "trust login", everything},
	{
		"MODIFIABLE and COPYABLE are not known", map[string]string{"SHIM_UNKNOWN": "0x170,0x171"},
		map[string]string{
			PropTrustedBySO: refusesKM,
			PropSession:     noTrusted,
			PropFrozen:      noTrusted,
			PropCopied:      noTrusted,
			PropForVault:    noTrusted,
			PropRestore:     noTrusted,
			PropCopy:        "refused: C_CopyObject of byok-module-check-key: CKR_ATTRIBUTE_TYPE_INVALID",
			PropLockout:     later,
		},
		"login", "refused: " + PropTrustedBySO,
	},
	{"COPYABLE is not known", map[string]string{"SHIM_UNKNOWN": "0x171"}, nil, "trust login", everything},
	{"what recovers and derives is not known", map[string]string{"SHIM_UNKNOWN": "0x109,0x10b,0x10c"}, nil, "trust login", everything},
	{"a mechanism is listed and not there", map[string]string{"SHIM_WRAP": "0x210B"}, nil, "trust login", everything},
	{
		"refusals are device errors", quirks("refusal-is-device-error"),
		map[string]string{
			PropWrapTrusted: "not answered: whether byok-module-check-key can be wrapped with CKM_RSA_PKCS_OAEP under an RSA " +
				"key that is not trusted: CKR_DEVICE_ERROR",
			PropCopy: "not answered: whether the transfer copy can be wrapped with CKM_RSA_PKCS_OAEP under an RSA key " +
				"that is not trusted: CKR_DEVICE_ERROR",
			PropLockout: later,
		},
		"login", "not answered: " + PropWrapTrusted,
	},
	{"no serial number", quirks("noserial"), nil, "trust login", everything},
	{"one serial number for all", quirks("dupserial"), nil, "trust login", everything},
	{
		"a PIN pad", map[string]string{"SHIM_QUIRKS": "pinpad", "SHIM_PAD_SO": Label, "SHIM_PAD_USER": Label},
		map[string]string{PropLockout: later}, "trust login", everything,
	},
	{
		"the SO reads nothing back", quirks("so-cannot-read-back"),
		map[string]string{
			PropTrustedBySO: "refused: reading the attributes of KM: C_GetAttributeValue: CKR_OBJECT_HANDLE_INVALID",
			PropSession:     noTrusted,
			PropFrozen:      noTrusted,
			PropCopied:      noTrusted,
			PropForVault:    noTrusted,
			PropRestore:     noTrusted,
			PropLockout:     later,
		},
		"login", "refused: " + PropTrustedBySO,
	},
	{
		"WRAP_WITH_TRUSTED dropped from private keys", quirks("wwt-dropped"),
		map[string]string{
			PropWrapTrusted: "refused: " + shownWrap,
			PropDerive:      "refused: " + shownWrap,
			PropOneWay:      "refused: " + shownWrap,
			PropForVault:    "refused: " + shownWrap,
			PropRestore:     "refused: " + shownWrap,
			PropCopy:        "refused: " + shownWrap,
			PropLockout:     later,
		},
		"login", "refused: " + PropWrapTrusted + ", " + PropDerive + ", " + PropOneWay + ", " + PropForVault + ", " + PropRestore,
	},
	{
		"copies change nothing", quirks("copy-any-change-0x12"),
		map[string]string{
			PropTrustedBySO: "refused: C_CopyObject of KW to byok-module-check-kw: CKR_ATTRIBUTE_TYPE_INVALID",
			PropCopied: "not answered: whether the transfer key can be copied to the session with CKA_SENSITIVE=false " +
				"(never in clear): CKR_ATTRIBUTE_TYPE_INVALID",
			PropOneWay: "not answered: whether byok-module-check-key can be copied to the session with CKA_SENSITIVE=false " +
				"(never in clear): CKR_ATTRIBUTE_TYPE_INVALID",
			PropRestore: "not tried: " + noInner,
			PropCopy:    "refused: C_CopyObject of byok-module-check-key: CKR_ATTRIBUTE_TYPE_INVALID",
			PropLockout: later,
		},
		"login", "refused: " + PropTrustedBySO + "; not answered: " + PropCopied + ", " + PropOneWay,
	},
	{"refuses as BouncyHsm", quirks("code60"), nil, "trust login", everything},
	{"refuses as Kryoptic", quirks("code113"), nil, "trust login", everything},
}
