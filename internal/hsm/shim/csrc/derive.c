/*
 * C_DeriveKey with mechanisms that combine keys (PKCS#11 v2.40, section 2.31),
 * which the real library may not have. It is played: the derived key is made of
 * the handles of the keys, which stand for their values, so it is another one
 * for other keys. Its base key must have CKA_DERIVE.
 */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

#define MANY 1024

/* The functions as the parts before this one left them. */
static CK_FUNCTION_LIST inner;

static CK_BBOOL yes = CK_TRUE;

static int rule(const char *word)
{
	const char *value = setting("SHIM_DERIVE_RULE");
	return value && !strncmp(value, word, strlen(word));
}

static int flag(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE a = { type, &value, sizeof value };
	return real->C_GetAttributeValue(s, o, &a, 1) == CKR_OK && value;
}

static int wants(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, CK_BBOOL value)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == type)
			return *(CK_BBOOL *)t[i].pValue == value;
	return 0;
}

static CK_OBJECT_HANDLE other_key(const CK_MECHANISM *m)
{
	CK_OBJECT_HANDLE other = 0;
	if (m->mechanism == CKM_CONCATENATE_BASE_AND_KEY && m->ulParameterLen == sizeof other)
		memcpy(&other, m->pParameter, sizeof other);
	return other;
}

/* well_formed checks the parameter, and the data of known length that it points to. */
static int well_formed(const CK_MECHANISM *m)
{
	const CK_KEY_DERIVATION_STRING_DATA *data = m->pParameter;
	if (m->mechanism == CKM_CONCATENATE_BASE_AND_KEY || m->mechanism == CKM_EXTRACT_KEY_FROM_KEY)
		return m->ulParameterLen == sizeof(CK_ULONG);
	return m->ulParameterLen == sizeof *data && data->ulLen == 16 && data->pData[0] == 0;
}

/* refused says whether a key may not be derived from as the template asks. */
static CK_RV refused(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	if (rule("open") || rule("unused") || rule("constant") || rule("inherit") || !key)
		return CKR_OK;
	if (rule("class") && !flag(s, key, CKA_DERIVE))
		return CKR_KEY_TYPE_INCONSISTENT;
	if (rule("0x") && flag(s, key, CKA_WRAP_WITH_TRUSTED))
		return strtoul(setting("SHIM_DERIVE_RULE"), NULL, 0);
	if (!rule("standard") && !rule("values") && flag(s, key, CKA_WRAP_WITH_TRUSTED))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (flag(s, key, CKA_SENSITIVE) && wants(t, n, CKA_SENSITIVE, CK_FALSE))
		return CKR_TEMPLATE_INCONSISTENT;
	if (!flag(s, key, CKA_EXTRACTABLE) && wants(t, n, CKA_EXTRACTABLE, CK_TRUE))
		return CKR_TEMPLATE_INCONSISTENT;
	return CKR_OK;
}

/* values puts the values of the keys one behind the other. */
static CK_ULONG values(CK_SESSION_HANDLE s, const CK_OBJECT_HANDLE *keys, CK_BYTE *out, CK_ULONG room)
{
	CK_ULONG used = 0;
	for (int i = 0; i < 2 && keys[i]; i++) {
		CK_ATTRIBUTE a = { CKA_VALUE, out + used, room - used };
		if (real->C_GetAttributeValue(s, keys[i], &a, 1) != CKR_OK)
			return 0;
		used += a.ulValueLen;
	}
	return used;
}

static CK_RV derive_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR t, CK_ULONG n,
			CK_OBJECT_HANDLE_PTR o)
{
	CK_OBJECT_HANDLE keys[4] = { base, other_key(m), 0, 0 };
	CK_ATTRIBUTE made[32];
	CK_BYTE both[256];
	CK_ULONG k = 0, length;
	CK_RV rv;
	if (!listed("SHIM_DERIVE", m->mechanism))
		return inner.C_DeriveKey(s, m, base, t, n, o);
	if (!well_formed(m))
		return CKR_MECHANISM_PARAM_INVALID;
	if (!flag(s, base, CKA_DERIVE))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	for (int i = 0; i < 2; i++)
		if ((rv = refused(s, keys[i], t, n)) != CKR_OK)
			return rv;
	for (CK_ULONG i = 0; i < n && k < 29; i++)
		if (t[i].type != CKA_VALUE_LEN && !(rule("inherit") && t[i].type == CKA_SENSITIVE))
			made[k++] = t[i];
	if (rule("constant"))
		memset(keys, 0, sizeof keys);
	length = rule("values") ? values(s, keys, both, sizeof both) : 0;
	made[k++] = length ? (CK_ATTRIBUTE){ CKA_VALUE, both, length } : (CK_ATTRIBUTE){ CKA_VALUE, keys, sizeof keys };
	if (rule("inherit")) {
		made[k++] = (CK_ATTRIBUTE){ CKA_SENSITIVE, &yes, sizeof yes };
		if (flag(s, base, CKA_WRAP_WITH_TRUSTED) || flag(s, other_key(m), CKA_WRAP_WITH_TRUSTED))
			made[k++] = (CK_ATTRIBUTE){ CKA_WRAP_WITH_TRUSTED, &yes, sizeof yes };
	}
	return real->C_CreateObject(s, made, k, o);
}

/* add adds the numbers of a setting to a list. */
static CK_ULONG add(const char *name, CK_MECHANISM_TYPE *list, CK_ULONG n)
{
	const char *at = setting(name);
	while (at && n < MANY) {
		list[n++] = strtoul(at, NULL, 0);
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return n;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR out, CK_ULONG_PTR room)
{
	CK_MECHANISM_TYPE all[MANY];
	CK_ULONG n = MANY;
	CK_RV rv = inner.C_GetMechanismList(slot, all, &n);
	if (rv != CKR_OK)
		return rv;
	n = add("SHIM_WRAP", all, add("SHIM_DERIVE", all, n));
	if (out && *room < n)
		rv = CKR_BUFFER_TOO_SMALL;
	else if (out)
		memcpy(out, all, n * sizeof *all);
	*room = n;
	return rv;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info)
{
	CK_FLAGS flags = listed("SHIM_DERIVE", type) ? CKF_DERIVE : listed("SHIM_WRAP", type) ? CKF_WRAP : 0;
	if (!flags)
		return inner.C_GetMechanismInfo(slot, type, info);
	*info = (CK_MECHANISM_INFO){ .flags = rule("unused") ? 0 : flags };
	return CKR_OK;
}

void derive_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_DeriveKey = derive_key;
	list->C_GetMechanismList = get_mechanism_list;
	list->C_GetMechanismInfo = get_mechanism_info;
}
