/*
 * Quirks of one library or another, each by its word in SHIM_QUIRKS: see shim.c.
 * Behind each stands the library that has it; a return value that nobody has
 * seen is a guess, and marked so.
 */
#include <stdlib.h>

#include "shim.h"

static CK_FUNCTION_LIST inner;

static CK_ULONG class_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	CK_OBJECT_CLASS class = CKO_VENDOR_DEFINED;
	CK_ATTRIBUTE a = { CKA_CLASS, &class, sizeof class };
	return real->C_GetAttributeValue(s, o, &a, 1) == CKR_OK ? class : CKO_VENDOR_DEFINED;
}

/* vacant reports whether a slot is shown without its token: freehsm-c 2.0. */
static int vacant(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;
	return quirk("absent-until-init") && real->C_GetTokenInfo(slot, &info) == CKR_OK &&
	       !(info.flags & CKF_TOKEN_INITIALIZED);
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID_PTR out, CK_ULONG_PTR room)
{
	CK_SLOT_ID all[256];
	CK_ULONG n = 0, k = 0;
	CK_RV rv;
	if (!quirk("absent-until-init"))
		return inner.C_GetSlotList(present, out, room);
	if ((rv = inner.C_GetSlotList(CK_FALSE, NULL, &n)) != CKR_OK) /* SoftHSM looks for new tokens only then */
		return rv;
	n = 256;
	if ((rv = inner.C_GetSlotList(CK_FALSE, all, &n)) != CKR_OK)
		return rv;
	for (CK_ULONG i = 0; i < n; i++)
		if (!present || !vacant(all[i]))
			all[k++] = all[i];
	rv = out && *room < k ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	for (CK_ULONG i = 0; out && rv == CKR_OK && i < k; i++)
		out[i] = all[i];
	*room = k;
	return rv;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)
{
	CK_RV rv = inner.C_GetSlotInfo(slot, info);
	if (rv == CKR_OK && vacant(slot))
		info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
	return rv;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
	return vacant(slot) ? CKR_TOKEN_NOT_PRESENT : inner.C_GetTokenInfo(slot, info);
}

/* The keys that got CKA_WRAP_WITH_TRUSTED after they were made, which the real library does not let happen. */
static CK_OBJECT_HANDLE restricted[16];

static int got_it_later(CK_OBJECT_HANDLE o)
{
	for (size_t i = 0; i < sizeof restricted / sizeof *restricted; i++)
		if (o && restricted[i] == o)
			return quirk("wwt-later");
	return 0;
}

/* set_attributes: openCryptoki, and every library that does as the standard lets it. */
static CK_RV set_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	static size_t next;
	if (!quirk("wwt-later") || n != 1 || t->type != CKA_WRAP_WITH_TRUSTED || !*(CK_BBOOL *)t->pValue)
		return inner.C_SetAttributeValue(s, o, t, n);
	restricted[next] = o;
	next = (next + 1) % (sizeof restricted / sizeof *restricted);
	return CKR_OK;
}

/* get_attributes: freehsm-c 2.0. */
static CK_RV get_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CK_RV rv;
	if (quirk("so-cannot-read-back") && by_officer(s))
		return CKR_OBJECT_HANDLE_INVALID;
	rv = inner.C_GetAttributeValue(s, o, t, n);
	for (CK_ULONG i = 0; got_it_later(o) && i < n; i++)
		if (t[i].type == CKA_WRAP_WITH_TRUSTED && t[i].pValue && t[i].ulValueLen == sizeof(CK_BBOOL))
			*(CK_BBOOL *)t[i].pValue = CK_TRUE;
	return rv;
}

/* close_session: a daemon that keeps what a client has left. */
static CK_RV close_session(CK_SESSION_HANDLE s)
{
	return quirk("sessions-stay") ? CKR_OK : inner.C_CloseSession(s);
}

/* generate_pair: freehsm-c 2.0 drops it from EC keys. */
static CK_RV generate_pair(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs,
			   CK_ATTRIBUTE_PTR priv, CK_ULONG privs, CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b)
{
	CK_ATTRIBUTE *kept;
	CK_ULONG k = 0;
	CK_RV rv;
	if (!quirk("wwt-dropped"))
		return inner.C_GenerateKeyPair(s, m, pub, pubs, priv, privs, a, b);
	kept = calloc(privs + 1, sizeof *kept);
	for (CK_ULONG i = 0; i < privs; i++)
		if (priv[i].type != CKA_WRAP_WITH_TRUSTED)
			kept[k++] = priv[i];
	rv = inner.C_GenerateKeyPair(s, m, pub, pubs, kept, k, a, b);
	free(kept);
	return rv;
}

/* on_token counts the private keys on the token. */
static CK_ULONG on_token(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof class }, { CKA_TOKEN, &yes, sizeof yes } };
	CK_OBJECT_HANDLE o;
	CK_ULONG n = 0, one = 1;
	if (real->C_FindObjectsInit(s, t, 2) != CKR_OK)
		return 0;
	while (real->C_FindObjects(s, &o, 1, &one) == CKR_OK && one)
		n++;
	real->C_FindObjectsFinal(s);
	return n;
}

/* full reports whether a copy would be one private key too many for SHIM_ROOM. */
static int full(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	const char *room = setting("SHIM_ROOM");
	for (CK_ULONG i = 0; room && i < n; i++)
		if (t[i].type == CKA_TOKEN && *(CK_BBOOL *)t[i].pValue && class_of(s, o) == CKO_PRIVATE_KEY)
			return on_token(s) >= strtoul(room, NULL, 0);
	return 0;
}

/* copy_object: freehsm-c 2.0, and every token whose keys cannot be changed; the code is a guess. */
static CK_RV copy_object(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR copy)
{
	int no_room = full(s, o, t, n);
	CK_RV rv;
	for (CK_ULONG i = 0; quirk("copy-any-change-0x12") && i < n; i++)
		if (t[i].type != CKA_TOKEN && t[i].type != CKA_LABEL && t[i].type != CKA_ID)
			return CKR_ATTRIBUTE_TYPE_INVALID;
	rv = inner.C_CopyObject(s, o, t, n, copy);
	if (rv == CKR_OK && no_room) {
		real->C_DestroyObject(s, *copy);
		rv = CKR_DEVICE_MEMORY;
	}
	return rv;
}

/* create_object: modules under FIPS rules; the code is a guess. */
static CK_RV create_object(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	for (CK_ULONG i = 0; quirk("nosecret") && i < n; i++)
		if (t[i].type == CKA_CLASS && *(CK_OBJECT_CLASS *)t[i].pValue == CKO_SECRET_KEY)
			return CKR_TEMPLATE_INCONSISTENT;
	return inner.C_CreateObject(s, t, n, o);
}

/* other_code is what a library returns for CKR_KEY_NOT_WRAPPABLE, as the real one gives it for WRAP_WITH_TRUSTED. */
static CK_RV other_code(CK_RV rv)
{
	if (rv != CKR_KEY_NOT_WRAPPABLE)
		return rv;
	if (quirk("code60")) /* BouncyHsm 2.2 */
		return CKR_KEY_HANDLE_INVALID;
	if (quirk("code113")) /* Kryoptic */
		return CKR_WRAPPING_KEY_HANDLE_INVALID;
	if (quirk("refusal-is-device-error")) /* yubihsm-pkcs11 2.8, of what the device calls invalid */
		return CKR_DEVICE_ERROR;
	return rv;
}

/* parameters reports whether those of CKM_AES_CTR, CKM_AES_GCM and CKM_AES_CCM are the standard's, for what is wrapped
 * to size bytes with CKM_AES_KEY_WRAP_PAD. */
static int parameters(const CK_MECHANISM *m, CK_ULONG size)
{
	const CK_AES_CTR_PARAMS *ctr = m->pParameter;
	const CK_GCM_PARAMS *gcm = m->pParameter;
	const CK_ULONG *ccm = m->pParameter; /* length of the data, nonce and length, data beside and length, tag */
	if (m->mechanism == CKM_AES_CTR)
		return m->ulParameterLen == sizeof *ctr && ctr->ulCounterBits == 128;
	if (m->mechanism == CKM_AES_GCM)
		return m->ulParameterLen == sizeof *gcm && gcm->pIv && gcm->ulIvLen == 12 && gcm->ulTagBits == 128;
	return m->ulParameterLen == 6 * sizeof *ccm && ccm[0] + 8 <= size && ccm[0] + 16 > size && ccm[1] && ccm[2] == 12 && ccm[5] == 16;
}

/* play plays one of these three, listed by SHIM_WRAP, with CKM_AES_KEY_WRAP_PAD. */
static CK_RV play(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE outer, CK_OBJECT_HANDLE o, CK_BYTE_PTR out,
		  CK_ULONG_PTR length)
{
	CK_MECHANISM pad = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_ULONG size = 0;
	CK_RV rv = inner.C_WrapKey(s, &pad, outer, o, NULL, &size);
	if (rv != CKR_OK)
		return rv;
	return parameters(m, size) ? inner.C_WrapKey(s, &pad, outer, o, out, length) : CKR_MECHANISM_PARAM_INVALID;
}

static int played(CK_MECHANISM_TYPE m)
{
	return (m == CKM_AES_CTR || m == CKM_AES_GCM || m == CKM_AES_CCM) && listed("SHIM_WRAP", m) &&
	       !listed("SHIM_UNTRUSTED_WRAP", m);
}

/* wrap_key: of private keys, Luna in a partition whose policy 1 is off. */
static CK_RV wrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE outer, CK_OBJECT_HANDLE o, CK_BYTE_PTR out,
		      CK_ULONG_PTR length)
{
	if (quirk("nowrapprivate") && class_of(s, o) == CKO_PRIVATE_KEY)
		return CKR_KEY_NOT_WRAPPABLE;
	if (played(m->mechanism))
		return play(s, m, outer, o, out, length);
	return other_code(inner.C_WrapKey(s, m, outer, o, out, length));
}

void small_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_GetSlotList = get_slot_list;
	list->C_GetSlotInfo = get_slot_info;
	list->C_GetTokenInfo = get_token_info;
	list->C_CloseSession = close_session;
	list->C_SetAttributeValue = set_attributes;
	list->C_GetAttributeValue = get_attributes;
	list->C_GenerateKeyPair = generate_pair;
	list->C_CopyObject = copy_object;
	list->C_CreateObject = create_object;
	list->C_WrapKey = wrap_key;
}
