/*
 * Two logins with rights of their own, as YubiHSM 2 and yubihsm-pkcs11 2.8 have them:
 *
 * SHIM_LOGINS=0002…,0003…     the PINs that there are. The first is the operator's, who wraps and unwraps nothing
 *                             and makes no key that does: CKR_FUNCTION_REJECTED. The real library's user PIN is
 *                             0001password.
 * SHIM_RIGHTS=wrap,outer,opener
 *                             what the operator may do all the same: wrap a key, make a public wrap key, make an RSA
 *                             wrap key
 *
 * A public wrap key is made of its modulus as CKA_VALUE. CKM_RSA_AES_KEY_WRAP unwraps in one call, with a template
 * that the real device's library would take. There is nothing but token objects. Return values are the library's
 * (scripts/hsms/yubihsm.calls). Not played: that the halves of a pair are one object, and searches that find no
 * public wrap key.
 */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

static CK_FUNCTION_LIST inner;
static const char factory[] = "0001password";
static CK_BBOOL yes = CK_TRUE;
static CK_BYTE exponent[] = { 1, 0, 1 };
static int operating; /* the operator is logged in */

static int applies(void)
{
	return setting("SHIM_LOGINS") != NULL;
}

/* denied reports whether the login lacks a right. */
static int denied(const char *right)
{
	return operating && !word_in("SHIM_RIGHTS", right);
}

static const CK_ATTRIBUTE *find(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == type)
			return &t[i];
	return NULL;
}

static int is_true(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	const CK_ATTRIBUTE *a = find(t, n, type);
	return a && a->pValue && *(CK_BBOOL *)a->pValue;
}

static int is_class(const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_CLASS class)
{
	const CK_ATTRIBUTE *a = find(t, n, CKA_CLASS);
	return a && a->pValue && *(CK_OBJECT_CLASS *)a->pValue == class;
}

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
	char given[65] = "", first[65] = "";
	CK_RV rv;
	if (!applies())
		return inner.C_Login(s, type, pin, length);
	if (type != CKU_USER)
		return CKR_USER_TYPE_INVALID;
	memcpy(given, pin, length < 64 ? length : 64);
	strncpy(first, setting("SHIM_LOGINS"), 64);
	first[strcspn(first, ",")] = 0;
	if (!word_in("SHIM_LOGINS", given))
		return strncmp(given, "0002", 4) && strncmp(given, "0003", 4) ? CKR_OBJECT_HANDLE_INVALID : CKR_PIN_INCORRECT;
	rv = inner.C_Login(s, type, (CK_UTF8CHAR_PTR)factory, sizeof factory - 1);
	if (rv == CKR_OK)
		operating = !strcmp(given, first);
	return rv;
}

/* generated is what a template of a new private or secret key comes to. */
static CK_RV generated(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	if (!applies())
		return CKR_OK;
	if (find(t, n, CKA_TRUSTED) || find(t, n, CKA_WRAP_WITH_TRUSTED))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (!is_true(t, n, CKA_TOKEN) || is_true(t, n, CKA_WRAP))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (is_true(t, n, CKA_UNWRAP) && denied("opener"))
		return CKR_FUNCTION_REJECTED;
	return CKR_OK;
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_RV rv = generated(t, n);
	return rv == CKR_OK ? inner.C_GenerateKey(s, m, t, n, o) : rv;
}

static CK_RV generate_pair(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs, CK_ATTRIBUTE_PTR priv, CK_ULONG privs,
			   CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b)
{
	CK_RV rv = generated(priv, privs);
	return rv == CKR_OK ? inner.C_GenerateKeyPair(s, m, pub, pubs, priv, privs, a, b) : rv;
}

/* outer makes a public wrap key of its modulus. */
static CK_RV outer(CK_SESSION_HANDLE s, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	static CK_OBJECT_CLASS public_key = CKO_PUBLIC_KEY;
	static CK_KEY_TYPE rsa = CKK_RSA;
	const CK_ATTRIBUTE *modulus = find(t, n, CKA_VALUE), *label = find(t, n, CKA_LABEL), *id = find(t, n, CKA_ID);
	CK_ATTRIBUTE made[] = {
		{ CKA_CLASS, &public_key, sizeof public_key }, { CKA_KEY_TYPE, &rsa, sizeof rsa }, { CKA_TOKEN, &yes, sizeof yes },
		{ CKA_PRIVATE, &yes, sizeof yes }, { CKA_WRAP, &yes, sizeof yes }, { CKA_PUBLIC_EXPONENT, exponent, sizeof exponent },
		{ CKA_MODULUS, NULL, 0 }, { CKA_LABEL, NULL, 0 }, { CKA_ID, NULL, 0 },
	};
	if (!modulus || !label || !id)
		return CKR_DATA_INVALID;
	if (denied("outer"))
		return CKR_FUNCTION_REJECTED;
	made[6].pValue = modulus->pValue, made[6].ulValueLen = modulus->ulValueLen;
	made[7].pValue = label->pValue, made[7].ulValueLen = label->ulValueLen;
	made[8].pValue = id->pValue, made[8].ulValueLen = id->ulValueLen;
	return inner.C_CreateObject(s, made, sizeof made / sizeof *made, o);
}

static CK_RV create_object(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	if (!applies())
		return inner.C_CreateObject(s, t, n, o);
	if (is_class(t, n, CKO_PUBLIC_KEY) && is_true(t, n, CKA_WRAP))
		return outer(s, t, n, o);
	return is_true(t, n, CKA_TOKEN) ? inner.C_CreateObject(s, t, n, o) : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV wrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
	if (applies() && denied("wrap"))
		return CKR_FUNCTION_REJECTED;
	return inner.C_WrapKey(s, m, wrapping, key, out, length);
}

/* taken copies from a template what the real library takes, and returns how much that is, or 0 for a template that
 * the device's library refuses. ENCRYPT of a private key is its DECRYPT. */
static CK_ULONG taken(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE *to)
{
	static const CK_ATTRIBUTE_TYPE ignored[] = { CKA_LABEL, CKA_ID, CKA_VALUE_LEN, CKA_MODULUS_BITS, CKA_EC_PARAMS };
	int secret = is_class(t, n, CKO_SECRET_KEY);
	CK_ULONG k = 0;
	for (CK_ULONG i = 0; i < n; i++) {
		int skip = 0;
		if (secret ? t[i].type == CKA_DERIVE || t[i].type == CKA_SIGN : t[i].type == CKA_DECRYPT)
			return 0;
		for (CK_ULONG j = 0; j < sizeof ignored / sizeof *ignored; j++)
			skip |= t[i].type == ignored[j];
		if (skip)
			continue;
		to[k] = t[i];
		if (t[i].type == CKA_ENCRYPT && !secret)
			to[k].type = CKA_DECRYPT;
		k++;
	}
	return k;
}

/* without gives a template of k attributes those uses that it does not grant, and returns how many it has then. */
static CK_ULONG without(CK_ATTRIBUTE *t, CK_ULONG k, int secret)
{
	static CK_BBOOL no = CK_FALSE;
	static const CK_ATTRIBUTE_TYPE uses[] = { CKA_SIGN, CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE, CKA_SIGN_RECOVER, CKA_ENCRYPT, CKA_VERIFY, CKA_WRAP };
	for (CK_ULONG i = 0; i < sizeof uses / sizeof *uses; i++) {
		if (find(t, k, uses[i]) || (secret ? uses[i] == CKA_SIGN_RECOVER : i > 4))
			continue;
		t[k++] = (CK_ATTRIBUTE){ uses[i], &no, sizeof no };
	}
	return k;
}

static CK_RV unwrap_both(CK_SESSION_HANDLE s, CK_RSA_AES_KEY_WRAP_PARAMS *p, CK_OBJECT_HANDLE rsa, CK_BYTE_PTR blob, CK_ULONG length,
			 CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY;
	static CK_KEY_TYPE aes_type = CKK_AES;
	static CK_BYTE count;
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, p->pOAEPParams, sizeof *p->pOAEPParams }, pad = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_ATTRIBUTE opens[] = {
		{ CKA_CLASS, &secret_key, sizeof secret_key }, { CKA_KEY_TYPE, &aes_type, sizeof aes_type }, { CKA_UNWRAP, &yes, sizeof yes },
	};
	CK_BYTE modulus[512], id[2] = { 0x7f, ++count };
	CK_ATTRIBUTE size = { CKA_MODULUS, modulus, sizeof modulus };
	CK_ATTRIBUTE all[32] = { { CKA_ID, id, sizeof id } };
	CK_OBJECT_HANDLE aes;
	CK_ULONG k = n < 20 ? taken(t, n, all + 1) : 0;
	CK_RV rv;
	if (!k)
		return CKR_TEMPLATE_INCONSISTENT;
	k = without(all + 1, k, is_class(t, n, CKO_SECRET_KEY));
	if (real->C_GetAttributeValue(s, rsa, &size, 1) != CKR_OK || length <= size.ulValueLen)
		return CKR_DATA_INVALID;
	if ((rv = real->C_UnwrapKey(s, &oaep, rsa, blob, size.ulValueLen, opens, 3, &aes)) != CKR_OK)
		return rv;
	rv = real->C_UnwrapKey(s, &pad, aes, blob + size.ulValueLen, length - size.ulValueLen, all, k + 1, o);
	real->C_DestroyObject(s, aes);
	return rv;
}

static CK_RV unwrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key, CK_BYTE_PTR blob, CK_ULONG length, CK_ATTRIBUTE_PTR t,
			CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	if (!applies())
		return inner.C_UnwrapKey(s, m, key, blob, length, t, n, o);
	if (operating)
		return CKR_FUNCTION_REJECTED;
	if (m->mechanism != CKM_RSA_AES_KEY_WRAP)
		return CKR_MECHANISM_INVALID;
	return unwrap_both(s, m->pParameter, key, blob, length, t, n, o);
}

void rights_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_Login = login;
	list->C_GenerateKey = generate_key;
	list->C_GenerateKeyPair = generate_pair;
	list->C_CreateObject = create_object;
	list->C_WrapKey = wrap_key;
	list->C_UnwrapKey = unwrap_key;
}
