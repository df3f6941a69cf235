/*
 * What SHIM_PROFILE=NAME and SHIM_QUIRKS=LIST set of the other switches. Each
 * profile follows a vendor's documents. Return values that no document gives are
 * guesses, and marked so. Quirks that no switch plays are in small.c.
 */
#include <string.h>

#include "shim.h"

static const struct preset {
	const char *profile, *name, *value;
} presets[] = {
	/* AWS CloudHSM: the calls that client SDK 5 lacks, and the attributes that it
	 * does not know. That TRUSTED is refused with CKR_ATTRIBUTE_READ_ONLY, and a
	 * PIN without a colon with CKR_ARGUMENTS_BAD, is a guess. Set SHIM_TOOL. */
	{ "cloudhsm", "SHIM_ABSENT", "C_CopyObject,C_SetAttributeValue,C_InitToken,C_InitPIN,C_SetPIN" },
	{ "cloudhsm", "SHIM_UNKNOWN", "0x109,0x10b,0x171,0x40000211,0x40000212,0x40000600" },
	{ "cloudhsm", "SHIM_RSA_AES", "1" },
	{ "cloudhsm", "SHIM_PIN_HAS", ":" },
	{ "cloudhsm", "SHIM_MAKER", "Cavium, Inc" },
	{ "cloudhsm", "SHIM_KEY_WRAP", "0x8000216F" },
	/* Luna with a key export partition: no document says that it knows TRUSTED or
	 * WRAP_WITH_TRUSTED. That they are refused as unknown is a guess. */
	{ "luna", "SHIM_UNKNOWN", "0x86,0x210,0x40000600" },
	{ "luna", "SHIM_MAKER", "SafeNet, Inc." },
	{ "luna", "SHIM_KEY_WRAP", "0x80000171" },
	/* nShield: TRUSTED is set afterwards by the SO; COPYABLE is not known. The code of the first is a guess. */
	{ "nshield", "SHIM_TRUST_LATER", "1" },
	{ "nshield", "SHIM_UNKNOWN", "0x171" },
	/* Utimaco: PINs that another set must be changed first. */
	{ "utimaco", "SHIM_STALE_PIN", "1" },
	/* Azure Cloud HSM: the calls and attributes of its documents. The form of the PIN, and the code for one
	 * without a colon, are guesses. Set SHIM_TOOL. */
	{ "azure", "SHIM_ABSENT", "C_CopyObject,C_InitToken,C_InitPIN,C_SetPIN" },
	{ "azure", "SHIM_UNKNOWN", "0x170,0x171,0x40000600" },
	{ "azure", "SHIM_RSA_AES", "1" },
	{ "azure", "SHIM_PIN_HAS", ":" },
	/* YubiHSM 2: yubihsm-pkcs11 2.8. */
	{ "yubihsm", "SHIM_ABSENT", "C_CopyObject,C_InitToken,C_InitPIN,C_SetPIN" },
	{ "yubihsm", "SHIM_REPORT", "0x86=0,0x210=0" },
	{ "yubihsm", "SHIM_RSA_AES", "1" },
	{ "yubihsm", "SHIM_LOGINS", "0002operator,0003quorum-pin" },
	{ "yubihsm", "SHIM_MANUFACTURER", "Yubico (www.yubico.com)" },
	/* NSS softoken 3.132. */
	{ "nss", "SHIM_MANUFACTURER", "Mozilla Foundation" },
	{ "nss", "SHIM_SERIAL", "0000000000000000" },
	{ "nss", "SHIM_KEY_WRAP", "0x210B" },
	{ "nss", "SHIM_UNWRAP_DROP", "0x107" },
};

/* What one quirk of SHIM_QUIRKS sets. */
static const struct preset quirks[] = {
	{ "deadslot", "SHIM_GHOST", "0x30" }, /* nethsm-pkcs11 2.0 without a server gives 0x06 */
	{ "noserial", "SHIM_SERIAL", "none" },
	{ "dupserial", "SHIM_SERIAL", "0000000000000000" }, /* tpm2-pkcs11 */
	{ "pinpad", "SHIM_PIN_PAD", "1" },
	{ "oneinit", "SHIM_ONE_INIT", "1" }, /* freehsm-c 2.0, after C_InitToken */
	{ "usersettrust", "SHIM_TRUST", "C_SetAttributeValue" }, /* BouncyHsm 2.2 */
	{ "userpubtrust", "SHIM_TRUST", "C_CreateObject:pub" },
	{ "wwtother", "SHIM_UNTRUSTED_WRAP", "0x1,0x1082,0x1085,0x2109" },
};

int quirk(const char *word)
{
	return word_in("SHIM_QUIRKS", word);
}

static int steers(const char *name)
{
	return !strcmp(name, "SHIM_PROFILE") || !strcmp(name, "SHIM_QUIRKS");
}

const char *preset(const char *name)
{
	const char *profile;
	if (steers(name))
		return NULL;
	for (size_t i = 0; i < sizeof quirks / sizeof *quirks; i++)
		if (!strcmp(quirks[i].name, name) && quirk(quirks[i].profile))
			return quirks[i].value;
	if (!(profile = setting("SHIM_PROFILE")))
		return NULL;
	for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
		if (!strcmp(presets[i].profile, profile) && !strcmp(presets[i].name, name))
			return presets[i].value;
	return NULL;
}
