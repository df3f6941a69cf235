/*
 * A module whose keys a crypto officer trusts with the vendor's tool
 * (SHIM_TOOL=FOLDER): an object is trusted while the folder has a file with its
 * CKA_ID in hex, for every process and at once. Nobody sets TRUSTED by API, and
 * no SO logs in.
 *
 * The real library knows nothing of such trust, so WRAP_WITH_TRUSTED is held
 * here: the real key has none, and CKA_COPYABLE=false as the mark, which such a
 * module does not know.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

static CK_FUNCTION_LIST inner;
static CK_BBOOL no = CK_FALSE;

static int boolean(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == type && t[i].pValue && t[i].ulValueLen == sizeof(CK_BBOOL))
			return *(CK_BBOOL *)t[i].pValue;
	return 0;
}

static int marked(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	CK_BBOOL value = CK_TRUE;
	CK_ATTRIBUTE a = { CKA_COPYABLE, &value, sizeof value };
	return real->C_GetAttributeValue(s, o, &a, 1) == CKR_OK && !value;
}

/* trusted reports whether the officer has trusted an object. */
static int trusted(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	CK_BYTE id[128];
	CK_ATTRIBUTE a = { CKA_ID, id, sizeof id };
	char path[4096];
	int at = snprintf(path, 2048, "%s/", setting("SHIM_TOOL"));
	if (real->C_GetAttributeValue(s, o, &a, 1) != CKR_OK || a.ulValueLen == 0 || a.ulValueLen > sizeof id)
		return 0;
	for (CK_ULONG i = 0; i < a.ulValueLen; i++)
		at += snprintf(path + at, 3, "%02x", id[i]);
	return access(path, F_OK) == 0;
}

/* marking is a template with the mark in place of WRAP_WITH_TRUSTED; the caller frees it. */
static CK_ATTRIBUTE *marking(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_ATTRIBUTE *out = calloc(n + 1, sizeof *out);
	for (CK_ULONG i = 0; i < n; i++) {
		out[i] = t[i];
		if (t[i].type == CKA_WRAP_WITH_TRUSTED && boolean(t, n, CKA_WRAP_WITH_TRUSTED))
			out[i] = (CK_ATTRIBUTE){ CKA_COPYABLE, &no, sizeof no };
	}
	return out;
}

#define MAKES(name, parameters, list, count, call)                                                   \
	static CK_RV name parameters                                                                  \
	{                                                                                             \
		CK_ATTRIBUTE *t, *given = list;                                                       \
		CK_RV rv;                                                                             \
		if (setting("SHIM_TOOL") && boolean(list, count, CKA_TRUSTED))                        \
			return CKR_ATTRIBUTE_READ_ONLY;                                               \
		t = setting("SHIM_TOOL") ? marking(list, count) : NULL;                               \
		list = t ? t : given;                                                                 \
		rv = call;                                                                            \
		free(t);                                                                              \
		return rv;                                                                            \
	}

MAKES(create_object, (CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR list, CK_ULONG n, CK_OBJECT_HANDLE_PTR o),
      list, n, inner.C_CreateObject(s, list, n, o))
MAKES(generate_key, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR list, CK_ULONG n, CK_OBJECT_HANDLE_PTR o),
      list, n, inner.C_GenerateKey(s, m, list, n, o))
MAKES(generate_private, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs,
			 CK_ATTRIBUTE_PTR list, CK_ULONG n, CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b),
      list, n, inner.C_GenerateKeyPair(s, m, pub, pubs, list, n, a, b))
MAKES(unwrap_key, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key, CK_BYTE_PTR blob, CK_ULONG length,
		   CK_ATTRIBUTE_PTR list, CK_ULONG n, CK_OBJECT_HANDLE_PTR o),
      list, n, inner.C_UnwrapKey(s, m, key, blob, length, list, n, o))

static CK_RV generate_pair(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs,
			   CK_ATTRIBUTE_PTR priv, CK_ULONG privs, CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b)
{
	if (setting("SHIM_TOOL") && boolean(pub, pubs, CKA_TRUSTED))
		return CKR_ATTRIBUTE_READ_ONLY;
	return generate_private(s, m, pub, pubs, priv, privs, a, b);
}

static CK_RV wrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
	if (setting("SHIM_TOOL") && marked(s, key) && !trusted(s, wrapping))
		return CKR_KEY_NOT_WRAPPABLE;
	return inner.C_WrapKey(s, m, wrapping, key, out, length);
}

static CK_RV get_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CK_RV rv = inner.C_GetAttributeValue(s, o, t, n);
	if (!setting("SHIM_TOOL"))
		return rv;
	for (CK_ULONG i = 0; i < n; i++) {
		if (!t[i].pValue || t[i].ulValueLen != sizeof(CK_BBOOL))
			continue;
		if (t[i].type == CKA_TRUSTED)
			*(CK_BBOOL *)t[i].pValue = trusted(s, o);
		if (t[i].type == CKA_WRAP_WITH_TRUSTED)
			*(CK_BBOOL *)t[i].pValue = marked(s, o);
	}
	return rv;
}

/* A search for what is trusted asks the real library for the rest, and looks itself. */
static int seeking;

static CK_RV find_init(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CK_ATTRIBUTE *rest;
	CK_ULONG k = 0;
	CK_RV rv;
	for (CK_ULONG i = 0; i < n; i++)
		if (listed("SHIM_UNKNOWN", t[i].type))
			return CKR_ATTRIBUTE_TYPE_INVALID;
	seeking = setting("SHIM_TOOL") && boolean(t, n, CKA_TRUSTED);
	if (!seeking)
		return inner.C_FindObjectsInit(s, t, n);
	rest = calloc(n + 1, sizeof *rest);
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type != CKA_TRUSTED)
			rest[k++] = t[i];
	rv = inner.C_FindObjectsInit(s, rest, k);
	free(rest);
	return rv;
}

static CK_RV find(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE_PTR out, CK_ULONG room, CK_ULONG_PTR found)
{
	CK_ULONG kept = 0, n = 0;
	CK_RV rv;
	do {
		if ((rv = inner.C_FindObjects(s, out, room, &n)) != CKR_OK)
			return rv;
		if (!seeking)
			break;
		kept = 0;
		for (CK_ULONG i = 0; i < n; i++)
			if (trusted(s, out[i]))
				out[kept++] = out[i];
	} while (n > 0 && kept == 0);
	*found = seeking ? kept : n;
	return rv;
}

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
	const char *must = setting("SHIM_PIN_HAS");
	if (setting("SHIM_TOOL") && type == CKU_SO)
		return CKR_USER_TYPE_INVALID;
	if (must && !memchr(pin, *must, length))
		return CKR_ARGUMENTS_BAD;
	return inner.C_Login(s, type, pin, length);
}

void tool_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_CreateObject = create_object;
	list->C_GenerateKey = generate_key;
	list->C_GenerateKeyPair = generate_pair;
	list->C_UnwrapKey = unwrap_key;
	list->C_WrapKey = wrap_key;
	list->C_GetAttributeValue = get_attributes;
	list->C_FindObjectsInit = find_init;
	list->C_FindObjects = find;
	list->C_Login = login;
}
