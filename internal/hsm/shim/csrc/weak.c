/*
 * Restrictions that are promised and not kept. On top of a library that keeps
 * them this takes a trick: the attribute is changed on its way in, so the real
 * object has no such restriction, and shown on the way out as it was asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* A lie: a template that asks for this value gets the other one, and every
 * object of the token that has the attribute shows the value asked for. */
static const struct lie {
	const char *word;
	CK_ATTRIBUTE_TYPE type;
	CK_BBOOL asked;
} lies[] = {
	{ "trusted", CKA_TRUSTED, CK_TRUE },
	{ "wrap-with-trusted", CKA_WRAP_WITH_TRUSTED, CK_TRUE },
	{ "modifiable", CKA_MODIFIABLE, CK_FALSE },
	{ "sensitive", CKA_SENSITIVE, CK_TRUE },
	{ "unwrap", CKA_UNWRAP, CK_FALSE },
	{ "sign", CKA_SIGN, CK_FALSE },
	{ "decrypt", CKA_DECRYPT, CK_FALSE },
	{ "encrypt", CKA_ENCRYPT, CK_FALSE },
};

int word_in(const char *name, const char *word)
{
	const char *at = setting(name);
	size_t length = strlen(word);
	while (at) {
		if (!strncmp(at, word, length) && (at[length] == ',' || !at[length]))
			return 1;
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

int weak(const char *word)
{
	return word_in("SHIM_WEAK", word);
}

/* open_to_user reports whether SHIM_TRUST lets the user set CKA_TRUSTED by a call. */
static int open_to_user(const char *call, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	char public[64];
	if (word_in("SHIM_TRUST", call))
		return 1;
	snprintf(public, sizeof public, "%s:pub", call);
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == CKA_CLASS && *(CK_OBJECT_CLASS *)t[i].pValue == CKO_PUBLIC_KEY)
			return word_in("SHIM_TRUST", public);
	return 0;
}

static const struct lie *lie_about(CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
		if (lies[i].type == type && weak(lies[i].word))
			return &lies[i];
	return NULL;
}

int by_officer(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;
	return real->C_GetSessionInfo(session, &info) == CKR_OK && info.state == CKS_RW_SO_FUNCTIONS;
}

static int is_use(CK_ATTRIBUTE_TYPE type)
{
	return type == CKA_SIGN || type == CKA_DECRYPT || type == CKA_ENCRYPT;
}

/* frozen reports whether a template makes an object that is not modifiable. */
static int frozen(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == CKA_MODIFIABLE)
			return *(CK_BBOOL *)t[i].pValue == CK_FALSE;
	return 0;
}

/* weaken copies a template with the lies told. The caller frees it. An officer
 * may set CKA_TRUSTED in earnest. */
static CK_ATTRIBUTE *weaken(CK_SESSION_HANDLE session, const char *call, const CK_ATTRIBUTE *from, CK_ULONG n)
{
	CK_ATTRIBUTE *to = calloc(n + 1, sizeof *to);
	for (CK_ULONG i = 0; i < n; i++) {
		const struct lie *lie = lie_about(from[i].type);
		to[i] = from[i];
		if (from[i].type == CKA_TRUSTED && open_to_user(call, from, n))
			lie = &lies[0];
		if (lie && is_use(lie->type) && !frozen(from, n))
			continue;
		if (!lie || from[i].ulValueLen != sizeof lie->asked || *(CK_BBOOL *)from[i].pValue != lie->asked)
			continue;
		if (lie->type != CKA_TRUSTED)
			to[i].pValue = lie->asked ? &no : &yes;
		else if (!by_officer(session))
			to[i] = from[0]; /* twice; a copy may not even have it false */
	}
	return to;
}

static CK_RV create_object(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_ATTRIBUTE *w = weaken(s, "C_CreateObject", t, n);
	CK_RV rv = real->C_CreateObject(s, w, n, o);
	free(w);
	return rv;
}

static CK_RV copy_object(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE from, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_ATTRIBUTE *w = weaken(s, "C_CopyObject", t, n);
	CK_RV rv = real->C_CopyObject(s, from, w, n, o);
	free(w);
	return rv;
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_ATTRIBUTE *w = weaken(s, "C_GenerateKey", t, n);
	CK_RV rv = real->C_GenerateKey(s, m, w, n, o);
	free(w);
	return rv;
}

static CK_RV generate_pair(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs,
			   CK_ATTRIBUTE_PTR priv, CK_ULONG privs, CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b)
{
	CK_ATTRIBUTE *wpub = weaken(s, "C_GenerateKeyPair", pub, pubs), *wpriv = weaken(s, "C_GenerateKeyPair", priv, privs);
	CK_RV rv = real->C_GenerateKeyPair(s, m, wpub, pubs, wpriv, privs, a, b);
	free(wpub);
	free(wpriv);
	return rv;
}

static CK_RV unwrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key, CK_BYTE_PTR blob, CK_ULONG length,
			CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_ATTRIBUTE *w = weaken(s, "C_UnwrapKey", t, n);
	CK_RV rv = real->C_UnwrapKey(s, m, key, blob, length, w, n, o);
	free(w);
	return rv;
}

static CK_RV set_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	if (n == 1 && t->type == CKA_TRUSTED && (weak("trusted") || open_to_user("C_SetAttributeValue", t, n)))
		return CKR_OK;
	return real->C_SetAttributeValue(s, o, t, n);
}

/* reported looks a boolean attribute up in SHIM_REPORT ("0x108=1,0x110=0"). */
static int reported(CK_ATTRIBUTE_TYPE type, CK_BBOOL *value)
{
	const char *at = setting("SHIM_REPORT");
	while (at) {
		char *end;
		if (strtoul(at, &end, 0) == type && *end == '=') {
			*value = end[1] == '1';
			return 1;
		}
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

/* The DER octet string of the base point of P-256 (FIPS 186-4, D.1.2.3). */
static const unsigned char base_point[67] =
	"\x04\x41\x04\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4"
	"\xa1\x39\x45\xd8\x98\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b"
	"\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

/* modifiable separates a key that may be used from a copy that may not: only the
 * second is lied about. */
static int modifiable(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE a = { CKA_MODIFIABLE, &value, sizeof value };
	return real->C_GetAttributeValue(s, o, &a, 1) == CKR_OK && value;
}

static const struct lie *lie_shown(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	if (type == CKA_TRUSTED && setting("SHIM_TRUST"))
		return &lies[0];
	if (is_use(type) && modifiable(s, o))
		return NULL;
	return lie_about(type);
}

static void distort(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a)
{
	const struct lie *lie = lie_shown(s, o, a->type);
	CK_BYTE *value = a->pValue;
	CK_BBOOL said;
	if (!value || a->ulValueLen == CK_UNAVAILABLE_INFORMATION)
		return;
	if (a->ulValueLen == sizeof said && reported(a->type, &said))
		*value = said;
	else if (a->ulValueLen == sizeof said && lie)
		*value = lie->asked;
	else if (a->type == CKA_MODULUS && weak("public-key"))
		value[a->ulValueLen / 2] ^= 1;
	else if (a->type == CKA_EC_POINT && a->ulValueLen == sizeof base_point && weak("public-key"))
		memcpy(value, base_point, sizeof base_point);
}

static CK_RV get_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CK_RV rv = real->C_GetAttributeValue(s, o, t, n);
	/* With these two the other attributes have their values all the same. */
	if (rv == CKR_OK || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID)
		for (CK_ULONG i = 0; i < n; i++)
			distort(s, o, &t[i]);
	return rv;
}

static CK_RV sign(CK_SESSION_HANDLE s, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR n)
{
	CK_RV rv = real->C_Sign(s, data, length, out, n);
	if (rv == CKR_OK && out && weak("signature"))
		out[*n - 1] ^= 1;
	return rv;
}

void weak_install(CK_FUNCTION_LIST *list)
{
	list->C_CreateObject = create_object;
	list->C_CopyObject = copy_object;
	list->C_GenerateKey = generate_key;
	list->C_GenerateKeyPair = generate_pair;
	list->C_UnwrapKey = unwrap_key;
	list->C_SetAttributeValue = set_attributes;
	list->C_GetAttributeValue = get_attributes;
	list->C_Sign = sign;
}
