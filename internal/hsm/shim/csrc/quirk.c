/*
 * What other modules do otherwise than the real library: attributes that they
 * do not know, templates that they apply in part, wrapping that forgets a
 * restriction, RSA keys of another size.
 */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

/* The functions as the parts before this one left them. */
static CK_FUNCTION_LIST inner;

static int any(const char *setting_name, const CK_ATTRIBUTE *list, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (listed(setting_name, list[i].type))
			return 1;
	return 0;
}

static int unknown(const CK_ATTRIBUTE *list, CK_ULONG n)
{
	return any("SHIM_UNKNOWN", list, n);
}

static CK_RV create_object(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	return unknown(t, n) ? CKR_ATTRIBUTE_TYPE_INVALID : inner.C_CreateObject(s, t, n, o);
}

static int has_flag(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE a = { type, &value, sizeof value };
	return real->C_GetAttributeValue(s, o, &a, 1) == CKR_OK && value;
}

/* frozen returns whether an object is one of those that SHIM_COPIES freezes. */
static int frozen(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	return setting("SHIM_COPIES") && !by_officer(s) && has_flag(s, o, CKA_TRUSTED);
}

/* differs returns whether a template asks for another boolean attribute than the object has. */
static int differs(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type != CKA_TOKEN && t[i].ulValueLen == sizeof(CK_BBOOL) &&
		    (t[i].type == CKA_MODIFIABLE || *(CK_BBOOL *)t[i].pValue != has_flag(s, o, t[i].type)))
			return 1;
	return 0;
}

static CK_RV copy_object(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE from, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	if (frozen(s, from) && differs(s, from, t, n))
		return CKR_ATTRIBUTE_READ_ONLY;
	return unknown(t, n) ? CKR_ATTRIBUTE_TYPE_INVALID : inner.C_CopyObject(s, from, t, n, o);
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	return unknown(t, n) ? CKR_ATTRIBUTE_TYPE_INVALID : inner.C_GenerateKey(s, m, t, n, o);
}

/* From fixed.c. */
CK_RV fixed_rsa(CK_FUNCTION_LIST *by, CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs, CK_ATTRIBUTE_PTR priv, CK_ULONG privs,
		CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b);

/* labelled returns whether a template has the label that a setting names. */
static int labelled(const char *name, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	const char *label = setting(name);
	for (CK_ULONG i = 0; label && i < n; i++)
		if (t[i].type == CKA_LABEL && t[i].ulValueLen == strlen(label) && !memcmp(t[i].pValue, label, t[i].ulValueLen))
			return 1;
	return 0;
}

static CK_RV generate_pair(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs,
			   CK_ATTRIBUTE_PTR priv, CK_ULONG privs, CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b)
{
	CK_ULONG bits = 1024;
	CK_ATTRIBUTE *shorter;
	CK_RV rv;
	if (unknown(pub, pubs) || unknown(priv, privs))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (labelled("SHIM_FIXED_RSA", pub, pubs))
		return fixed_rsa(&inner, s, pub, pubs, priv, privs, a, b);
	if (!labelled("SHIM_SHORT_RSA", pub, pubs))
		return inner.C_GenerateKeyPair(s, m, pub, pubs, priv, privs, a, b);
	shorter = calloc(pubs + 1, sizeof *shorter);
	for (CK_ULONG i = 0; i < pubs; i++) {
		shorter[i] = pub[i];
		if (pub[i].type == CKA_MODULUS_BITS)
			shorter[i].pValue = &bits;
	}
	rv = inner.C_GenerateKeyPair(s, m, shorter, pubs, priv, privs, a, b);
	free(shorter);
	return rv;
}

static CK_RV set_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	if (frozen(s, o))
		return 0x1B; /* CKR_ACTION_PROHIBITED */
	return unknown(t, n) ? CKR_ATTRIBUTE_TYPE_INVALID : inner.C_SetAttributeValue(s, o, t, n);
}

/* get_attributes marks what is unknown, as the standard says, and gives the rest. */
static CK_RV get_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CK_RV rv = inner.C_GetAttributeValue(s, o, t, n);
	if (!unknown(t, n))
		return rv;
	for (CK_ULONG i = 0; i < n; i++)
		if (listed("SHIM_UNKNOWN", t[i].type))
			t[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
	return CKR_ATTRIBUTE_TYPE_INVALID;
}

static int private_key(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == CKA_CLASS)
			return *(CK_OBJECT_CLASS *)t[i].pValue == CKO_PRIVATE_KEY;
	return 0;
}

static CK_RV unwrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key, CK_BYTE_PTR blob, CK_ULONG length,
			CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_ATTRIBUTE *kept;
	CK_ULONG k = 0;
	CK_RV rv;
	if (unknown(t, n))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (private_key(t, n) && any("SHIM_UNWRAP_REFUSE", t, n))
		return CKR_ATTRIBUTE_READ_ONLY;
	kept = calloc(n + 1, sizeof *kept);
	for (CK_ULONG i = 0; i < n; i++)
		if (!listed("SHIM_UNWRAP_DROP", t[i].type))
			kept[k++] = t[i];
	rv = inner.C_UnwrapKey(s, m, key, blob, length, kept, k, o);
	free(kept);
	return rv;
}

/* wrap_key gives 32 zero bytes for a key that it should not have wrapped. */
static CK_RV wrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
	if (!listed("SHIM_UNTRUSTED_WRAP", m->mechanism) || has_flag(s, wrapping, CKA_TRUSTED) ||
	    !has_flag(s, key, CKA_WRAP_WITH_TRUSTED))
		return inner.C_WrapKey(s, m, wrapping, key, out, length);
	if (out && *length < 32)
		return CKR_BUFFER_TOO_SMALL;
	if (out)
		memset(out, 0, 32);
	*length = 32;
	return CKR_OK;
}

void quirk_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_CreateObject = create_object;
	list->C_CopyObject = copy_object;
	list->C_GenerateKey = generate_key;
	list->C_GenerateKeyPair = generate_pair;
	list->C_SetAttributeValue = set_attributes;
	list->C_GetAttributeValue = get_attributes;
	list->C_UnwrapKey = unwrap_key;
	list->C_WrapKey = wrap_key;
}
