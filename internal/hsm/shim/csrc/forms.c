/*
 * Public keys in other forms than the standard's, and a public exponent that is
 * not the one asked for. The real library gives the DER of an octet string around
 * the uncompressed point.
 */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

static CK_FUNCTION_LIST inner;

static int is(const char *name, const char *value)
{
	const char *given = setting(name);
	return given && !strcmp(given, value);
}

/* around writes a point in DER with the tag and, for a bit string, a zero byte; it returns the length. */
static CK_ULONG around(CK_BYTE *to, CK_BYTE tag, const CK_BYTE *point, CK_ULONG n)
{
	CK_ULONG k = 0, zero = tag == 3;
	to[k++] = tag;
	if (n + zero > 127)
		to[k++] = 0x81;
	to[k++] = n + zero;
	if (zero)
		to[k++] = 0;
	memcpy(to + k, point, n);
	return k + n;
}

static CK_ULONG other_point(CK_BYTE *value, CK_ULONG length)
{
	CK_ULONG header = value[1] & 0x80 ? 3 : 2, n = length - header, half = (n - 1) / 2;
	CK_BYTE point[300], compressed[300];
	memcpy(point, value + header, n);
	memcpy(compressed, point, half + 1);
	compressed[0] = 2 + (point[n - 1] & 1);
	if (is("SHIM_EC_POINT", "bare"))
		return memcpy(value, point, n), n;
	if (is("SHIM_EC_POINT", "x-y"))
		return memcpy(value, point + 1, n - 1), n - 1;
	if (is("SHIM_EC_POINT", "bare-compressed"))
		return memcpy(value, compressed, half + 1), half + 1;
	if (is("SHIM_EC_POINT", "compressed"))
		return around(value, 4, compressed, half + 1);
	if (is("SHIM_EC_POINT", "bits"))
		return around(value, 3, point, n);
	if (is("SHIM_EC_POINT", "bits-compressed"))
		return around(value, 3, compressed, half + 1);
	if (is("SHIM_EC_POINT", "padded"))
		return memset(value + length, 0, 3), length + 3;
	return length;
}

static const struct {
	const char *oid;
	CK_ULONG length;
	const char *name;
} curves[] = {
	{ "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10, "prime256v1" },
	{ "\x06\x05\x2b\x81\x04\x00\x22", 7, "secp384r1" },
	{ "\x06\x05\x2b\x81\x04\x00\x23", 7, "secp521r1" },
	{ "\x06\x05\x2b\x81\x04\x00\x0a", 7, "secp256k1" },
};

static CK_ULONG other_parameters(CK_BYTE *value, CK_ULONG length)
{
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
		CK_ULONG n = strlen(curves[i].name), at = is("SHIM_EC_PARAMS", "bare-name") ? 0 : 2;
		if (length != curves[i].length || memcmp(value, curves[i].oid, length))
			continue;
		if (is("SHIM_EC_PARAMS", "explicit")) /* the beginning of X9.62's ECParameters */
			return memcpy(value, "\x30\x03\x02\x01\x01", 5), 5;
		value[0] = 0x13; /* PrintableString */
		value[1] = n;
		memcpy(value + at, curves[i].name, n);
		return at + n;
	}
	return length;
}

static CK_RV get_one(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a)
{
	CK_BYTE value[512];
	CK_ATTRIBUTE real_one = { a->type, value, sizeof value };
	CK_RV rv = inner.C_GetAttributeValue(s, o, &real_one, 1);
	if (rv != CKR_OK) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return rv;
	}
	if (a->type == CKA_EC_POINT && setting("SHIM_EC_POINT"))
		real_one.ulValueLen = other_point(value, real_one.ulValueLen);
	if (a->type == CKA_EC_PARAMS && setting("SHIM_EC_PARAMS"))
		real_one.ulValueLen = other_parameters(value, real_one.ulValueLen);
	if (a->pValue && a->ulValueLen < real_one.ulValueLen) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (a->pValue)
		memcpy(a->pValue, value, real_one.ulValueLen);
	a->ulValueLen = real_one.ulValueLen;
	return CKR_OK;
}

static CK_RV get_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CK_RV rv = CKR_OK, one;
	int any = 0;
	for (CK_ULONG i = 0; i < n; i++)
		any |= t[i].type == CKA_EC_POINT || t[i].type == CKA_EC_PARAMS;
	if (!any || (!setting("SHIM_EC_POINT") && !setting("SHIM_EC_PARAMS")))
		return inner.C_GetAttributeValue(s, o, t, n);
	for (CK_ULONG i = 0; i < n; i++) {
		int ours = t[i].type == CKA_EC_POINT || t[i].type == CKA_EC_PARAMS;
		one = ours ? get_one(s, o, &t[i]) : inner.C_GetAttributeValue(s, o, &t[i], 1);
		if (one != CKR_OK)
			rv = one;
	}
	return rv;
}

/* generate_pair takes another public exponent than the one asked for. */
static CK_RV generate_pair(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs,
			   CK_ATTRIBUTE_PTR priv, CK_ULONG privs, CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b)
{
	CK_ATTRIBUTE *other;
	CK_RV rv;
	if (!setting("SHIM_EXPONENT"))
		return inner.C_GenerateKeyPair(s, m, pub, pubs, priv, privs, a, b);
	other = calloc(pubs + 1, sizeof *other);
	for (CK_ULONG i = 0; i < pubs; i++) {
		other[i] = pub[i];
		if (pub[i].type == CKA_PUBLIC_EXPONENT)
			other[i] = (CK_ATTRIBUTE){ CKA_PUBLIC_EXPONENT, "\1\0\1", 3 };
	}
	rv = inner.C_GenerateKeyPair(s, m, other, pubs, priv, privs, a, b);
	free(other);
	return rv;
}

void forms_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_GetAttributeValue = get_attributes;
	list->C_GenerateKeyPair = generate_pair;
}
