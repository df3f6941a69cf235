/* What the application does not see: free tokens, mechanisms, the shim's own objects; and what it sees in the place of
 * every text: the bytes that SHIM_SAYS has in hex. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

/* answer gives a list the way C_GetSlotList and C_GetMechanismList do (PKCS#11 v2.40, section 5.2). */
static CK_RV answer(const CK_ULONG *list, CK_ULONG have, CK_ULONG *out, CK_ULONG *room)
{
	CK_RV rv = out && *room < have ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	for (CK_ULONG i = 0; out && rv == CKR_OK && i < have; i++)
		out[i] = list[i];
	*room = have;
	return rv;
}

static int free_slot(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;
	return real->C_GetTokenInfo(slot, &info) == CKR_OK && !(info.flags & CKF_TOKEN_INITIALIZED);
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID_PTR out, CK_ULONG_PTR room)
{
	CK_SLOT_ID all[256], kept[256];
	CK_ULONG n = 0, k = 0;
	CK_RV rv;
	if (!setting("SHIM_HIDE_FREE"))
		return real->C_GetSlotList(present, out, room);
	/* SoftHSM looks for new tokens only when it is asked for the number of slots. */
	if ((rv = real->C_GetSlotList(present, NULL, &n)) != CKR_OK)
		return rv;
	n = 256;
	if ((rv = real->C_GetSlotList(present, all, &n)) != CKR_OK)
		return rv;
	for (CK_ULONG i = 0; i < n; i++)
		if (!free_slot(all[i]))
			kept[k++] = all[i];
	return answer(kept, k, out, room);
}

/* say fills a text as the standard has it: padded with blanks, without an end (PKCS#11 v2.40, section 3.1). */
static void say(CK_UTF8CHAR *text, size_t room)
{
	const char *hex = setting("SHIM_SAYS");
	unsigned byte;
	if (!hex)
		return;
	memset(text, ' ', room);
	for (size_t i = 0; i < room && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++) {
		text[i] = (CK_UTF8CHAR)byte;
		if (!hex[2 * i + 2])
			break;
	}
}

static CK_RV get_info(CK_INFO_PTR info)
{
	CK_RV rv = real->C_GetInfo(info);
	const char *maker = setting("SHIM_MAKER");
	if (rv == CKR_OK && maker) {
		memset(info->manufacturerID, ' ', sizeof info->manufacturerID);
		memcpy(info->manufacturerID, maker, strnlen(maker, sizeof info->manufacturerID));
	}
	if (rv == CKR_OK) {
		say(info->manufacturerID, sizeof info->manufacturerID);
		say(info->libraryDescription, sizeof info->libraryDescription);
	}
	return rv;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)
{
	CK_RV rv = real->C_GetSlotInfo(slot, info);
	if (rv == CKR_OK) {
		say(info->slotDescription, sizeof info->slotDescription);
		say(info->manufacturerID, sizeof info->manufacturerID);
	}
	return rv;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
	CK_RV rv = real->C_GetTokenInfo(slot, info);
	if (rv == CKR_OK && setting("SHIM_FLAGS"))
		info->flags |= strtoul(setting("SHIM_FLAGS"), NULL, 0);
	if (rv == CKR_OK) {
		say(info->label, sizeof info->label);
		say(info->manufacturerID, sizeof info->manufacturerID);
		say(info->model, sizeof info->model);
		say(info->serialNumber, sizeof info->serialNumber);
	}
	return rv;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR out, CK_ULONG_PTR room)
{
	CK_MECHANISM_TYPE all[1024], kept[1025];
	CK_ULONG n = 1024, k = 0;
	CK_RV rv = real->C_GetMechanismList(slot, all, &n);
	if (rv != CKR_OK)
		return rv;
	for (CK_ULONG i = 0; i < n; i++)
		if (!listed("SHIM_HIDE_MECHANISMS", all[i]))
			kept[k++] = all[i];
	if (setting("SHIM_RSA_AES"))
		kept[k++] = CKM_RSA_AES_KEY_WRAP;
	return answer(kept, k, out, room);
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info)
{
	if (listed("SHIM_HIDE_MECHANISMS", type))
		return CKR_MECHANISM_INVALID;
	if (type == CKM_RSA_AES_KEY_WRAP && setting("SHIM_RSA_AES")) {
		*info = (CK_MECHANISM_INFO){ .ulMinKeySize = 1024, .ulMaxKeySize = 16384, .flags = CKF_WRAP };
		return CKR_OK;
	}
	return real->C_GetMechanismInfo(slot, type, info);
}

/* find_objects leaves out what is hidden, and asks again when nothing else
 * was found: an empty answer would mean the end. */
static CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR out, CK_ULONG room, CK_ULONG_PTR found)
{
	CK_ULONG kept, n;
	do {
		CK_RV rv = real->C_FindObjects(session, out, room, &n);
		if (rv != CKR_OK)
			return rv;
		kept = 0;
		for (CK_ULONG i = 0; i < n; i++)
			if (!hidden_object(session, out[i]))
				out[kept++] = out[i];
	} while (n > 0 && kept == 0);
	*found = kept;
	return CKR_OK;
}

void hide_install(CK_FUNCTION_LIST *list)
{
	list->C_GetInfo = get_info;
	list->C_GetSlotList = get_slot_list;
	list->C_GetSlotInfo = get_slot_info;
	list->C_GetTokenInfo = get_token_info;
	list->C_GetMechanismList = get_mechanism_list;
	list->C_GetMechanismInfo = get_mechanism_info;
	list->C_FindObjects = find_objects;
}
