/*
 * What the switches of profile.c cannot say of nShield, Utimaco, Azure Cloud HSM
 * and YubiHSM 2. Return values that no document or source gives are guesses, and
 * marked so.
 *
 * SHIM_PRELOAD=1              nshield: the SO's card set is loaded, so that the SO may log in
 * SHIM_SAM=tokenkeys,import   nshield: CKNFAST_OVERRIDE_SECURITY_ASSURANCES
 * SHIM_ADMIN=1                utimaco: the administrator is logged in, by p11tool2
 *
 * Not played: nshield's accelerator slot, and that any PIN is taken under preload.
 */
#include <string.h>

#include "shim.h"

static CK_FUNCTION_LIST inner;

static int is(const char *profile)
{
	const char *given = setting("SHIM_PROFILE");
	return given && !strcmp(given, profile);
}

static int sam(const char *word)
{
	const char *given = setting("SHIM_SAM");
	return given && strstr(given, word) != NULL;
}

/* truth is a boolean of a template, or what it is without one. */
static int truth(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, int otherwise)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == type && t[i].pValue && t[i].ulValueLen == sizeof(CK_BBOOL))
			return *(CK_BBOOL *)t[i].pValue;
	return otherwise;
}

static int class_is(const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_CLASS class)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == CKA_CLASS)
			return *(CK_OBJECT_CLASS *)t[i].pValue == class;
	return 0;
}

/* made is what a profile returns in place of a new key of its own kind, CKR_OK for nothing. */
static CK_RV made(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	if (is("nshield") && !sam("tokenkeys") && truth(t, n, CKA_EXTRACTABLE, 0) && truth(t, n, CKA_TOKEN, 0))
		return CKR_TEMPLATE_INCONSISTENT;
	if (is("yubihsm") && (!truth(t, n, CKA_TOKEN, 0) || truth(t, n, CKA_WRAP, 0)))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return CKR_OK;
}

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
	if (is("nshield") && type == CKU_SO && !setting("SHIM_PRELOAD"))
		return CKR_USER_TYPE_INVALID;
	return inner.C_Login(s, type, pin, length);
}

static CK_RV init_token(CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG length, CK_UTF8CHAR_PTR label)
{
	if (is("utimaco") && !setting("SHIM_ADMIN"))
		return CKR_USER_NOT_LOGGED_IN;
	return inner.C_InitToken(slot, pin, length, label);
}

static CK_RV create_object(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	int by_value = class_is(t, n, CKO_SECRET_KEY) || class_is(t, n, CKO_PRIVATE_KEY);
	if (is("nshield") && by_value && !sam("import"))
		return CKR_TEMPLATE_INCONSISTENT;
	return inner.C_CreateObject(s, t, n, o);
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_RV rv = made(t, n);
	return rv == CKR_OK ? inner.C_GenerateKey(s, m, t, n, o) : rv;
}

static CK_RV generate_pair(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs,
			   CK_ATTRIBUTE_PTR priv, CK_ULONG privs, CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b)
{
	CK_RV rv = made(priv, privs);
	return rv == CKR_OK ? inner.C_GenerateKeyPair(s, m, pub, pubs, priv, privs, a, b) : rv;
}

static CK_RV set_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	for (CK_ULONG i = 0; is("yubihsm") && i < n; i++)
		if (t[i].type != CKA_ID && t[i].type != CKA_LABEL)
			return CKR_FUNCTION_NOT_SUPPORTED;
	return inner.C_SetAttributeValue(s, o, t, n);
}

/* get_attributes fails as a whole at an unknown attribute, as nShield does. */
static CK_RV get_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	for (CK_ULONG i = 0; is("nshield") && i < n; i++)
		if (listed("SHIM_UNKNOWN", t[i].type))
			return CKR_FUNCTION_FAILED;
	return inner.C_GetAttributeValue(s, o, t, n);
}

static CK_RV wrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
	if (is("yubihsm") && m->mechanism != CKM_RSA_AES_KEY_WRAP)
		return CKR_MECHANISM_INVALID;
	return inner.C_WrapKey(s, m, wrapping, key, out, length);
}

void vendors_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_Login = login;
	list->C_InitToken = init_token;
	list->C_CreateObject = create_object;
	list->C_GenerateKey = generate_key;
	list->C_GenerateKeyPair = generate_pair;
	list->C_SetAttributeValue = set_attributes;
	list->C_GetAttributeValue = get_attributes;
	list->C_WrapKey = wrap_key;
}
