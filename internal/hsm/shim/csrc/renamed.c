/*
 * SHIM_KEY_WRAP=NUMBER: what the real library has as CKM_AES_KEY_WRAP_PAD goes by
 * this number alone, in the list of mechanisms and in every call.
 */
#include <stdlib.h>

#include "shim.h"

static CK_FUNCTION_LIST inner;

static CK_MECHANISM_TYPE number(void)
{
	const char *given = setting("SHIM_KEY_WRAP");
	return given ? strtoul(given, NULL, 0) : CKM_AES_KEY_WRAP_PAD;
}

/* NONE is no mechanism. 0 is one: CKM_RSA_PKCS_KEY_PAIR_GEN. */
#define NONE ((CK_MECHANISM_TYPE)-1)

/* renamed gives the real library's mechanism for one that a caller names, or NONE. */
static CK_MECHANISM_TYPE renamed(CK_MECHANISM_TYPE m)
{
	if (m == number())
		return CKM_AES_KEY_WRAP_PAD;
	return m == CKM_AES_KEY_WRAP_PAD ? NONE : m;
}

/* allow renames the mechanisms that a key is made for, in the binding's copy of its template. */
static void allow(CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		for (CK_ULONG k = 0; t[i].type == CKA_ALLOWED_MECHANISMS && k < t[i].ulValueLen / sizeof(CK_MECHANISM_TYPE); k++) {
			CK_MECHANISM_TYPE *m = (CK_MECHANISM_TYPE *)t[i].pValue + k;
			*m = *m == number() ? CKM_AES_KEY_WRAP_PAD : *m;
		}
}

static CK_RV create_object(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	allow(t, n);
	return inner.C_CreateObject(s, t, n, o);
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	allow(t, n);
	return inner.C_GenerateKey(s, m, t, n, o);
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR out, CK_ULONG_PTR room)
{
	CK_RV rv = inner.C_GetMechanismList(slot, out, room);
	for (CK_ULONG i = 0; out && rv == CKR_OK && i < *room; i++)
		if (out[i] == CKM_AES_KEY_WRAP_PAD)
			out[i] = number();
	return rv;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO_PTR info)
{
	return renamed(m) != NONE ? inner.C_GetMechanismInfo(slot, renamed(m), info) : CKR_MECHANISM_INVALID;
}

static CK_RV wrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE outer, CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
	CK_MECHANISM by = *m;
	if ((by.mechanism = renamed(m->mechanism)) == NONE)
		return CKR_MECHANISM_INVALID;
	return inner.C_WrapKey(s, &by, outer, key, out, length);
}

static CK_RV unwrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key, CK_BYTE_PTR blob, CK_ULONG length,
			CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_MECHANISM by = *m;
	if ((by.mechanism = renamed(m->mechanism)) == NONE)
		return CKR_MECHANISM_INVALID;
	return inner.C_UnwrapKey(s, &by, key, blob, length, t, n, o);
}

void renamed_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_GetMechanismList = get_mechanism_list;
	list->C_GetMechanismInfo = get_mechanism_info;
	list->C_CreateObject = create_object;
	list->C_GenerateKey = generate_key;
	list->C_WrapKey = wrap_key;
	list->C_UnwrapKey = unwrap_key;
}
