/*
 * Slots, tokens and logins as they are elsewhere: a slot that does not answer,
 * fields that are padded otherwise, empty or the same for all tokens, a PIN pad,
 * few sessions, a library that is initialised once, a PIN that must be changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

#define GHOST 7777
#define PIN_MUST_CHANGE 0x1B8 /* CKR_PIN_... of no standard: Utimaco's manual */

static CK_FUNCTION_LIST inner;

static CK_ULONG number(const char *name)
{
	const char *value = setting(name);
	return value ? strtoul(value, NULL, 0) : 0;
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID_PTR out, CK_ULONG_PTR room)
{
	CK_SLOT_ID all[256];
	CK_ULONG n = 0, first = setting("SHIM_GHOST") && !setting("SHIM_GHOST_LAST"), last = setting("SHIM_GHOST_LAST") != NULL;
	CK_RV rv;
	if (setting("SHIM_NO_SLOTS")) {
		*room = 0;
		return CKR_OK;
	}
	if (!setting("SHIM_GHOST"))
		return inner.C_GetSlotList(present, out, room);
	if ((rv = inner.C_GetSlotList(present, NULL, &n)) != CKR_OK)
		return rv;
	n = 250;
	if ((rv = inner.C_GetSlotList(present, all + first, &n)) != CKR_OK)
		return rv;
	if (first)
		all[0] = GHOST;
	if (last)
		all[n] = GHOST;
	n++;
	rv = out && *room < n ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	if (out && rv == CKR_OK)
		memcpy(out, all, n * sizeof *all);
	*room = n;
	return rv;
}

static void write_field(CK_UTF8CHAR *field, size_t room, const char *text)
{
	memset(field, ' ', room);
	memcpy(field, text, strlen(text) < room ? strlen(text) : room);
}

static void pad_with_nul(CK_UTF8CHAR *field, size_t room)
{
	while (room > 0 && field[room - 1] == ' ')
		field[--room] = 0;
}

/* tries is how many wrong user PINs were given since the last right one. */
static CK_ULONG tries(void)
{
	FILE *file = setting("SHIM_TRIES") ? fopen(setting("SHIM_TRIES"), "r") : NULL;
	CK_ULONG n = 0;
	if (file) {
		if (fscanf(file, "%lu", &n) != 1)
			n = 0;
		fclose(file);
	}
	return n;
}

static void count_tries(CK_ULONG n)
{
	FILE *file = setting("SHIM_TRIES") ? fopen(setting("SHIM_TRIES"), "w") : NULL;
	if (file) {
		fprintf(file, "%lu\n", n);
		fclose(file);
	}
}

static CK_FLAGS tries_flags(void)
{
	static const CK_FLAGS flags[] = { 0, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED };
	CK_ULONG n = tries();
	return flags[n < 3 ? n : 3];
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
	const char *serial = setting("SHIM_SERIAL"), *maker = setting("SHIM_MANUFACTURER");
	CK_RV rv;
	if (slot == GHOST && setting("SHIM_GHOST"))
		return number("SHIM_GHOST");
	if ((rv = inner.C_GetTokenInfo(slot, info)) != CKR_OK)
		return rv;
	if (serial)
		write_field(info->serialNumber, sizeof info->serialNumber, strcmp(serial, "none") ? serial : "");
	if (maker)
		write_field(info->manufacturerID, sizeof info->manufacturerID, maker);
	if (setting("SHIM_NUL_PADDED")) {
		pad_with_nul(info->serialNumber, sizeof info->serialNumber);
		pad_with_nul(info->label, sizeof info->label);
	}
	if (setting("SHIM_SESSIONS"))
		info->ulMaxSessionCount = info->ulMaxRwSessionCount = number("SHIM_SESSIONS");
	if (setting("SHIM_PIN_LENGTHS"))
		sscanf(setting("SHIM_PIN_LENGTHS"), "%lu-%lu", &info->ulMinPinLen, &info->ulMaxPinLen);
	if (setting("SHIM_PIN_PAD"))
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (setting("SHIM_TRIES"))
		info->flags = (info->flags & ~(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY)) | tries_flags();
	return rv;
}

static CK_ULONG sessions;

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR a, CK_NOTIFY f, CK_SESSION_HANDLE_PTR s)
{
	CK_RV rv;
	if (setting("SHIM_SESSIONS") && sessions >= number("SHIM_SESSIONS"))
		return CKR_SESSION_COUNT;
	if ((rv = inner.C_OpenSession(slot, flags, a, f, s)) == CKR_OK)
		sessions++;
	return rv;
}

static CK_RV close_session(CK_SESSION_HANDLE s)
{
	CK_RV rv = inner.C_CloseSession(s);
	if (rv == CKR_OK && sessions > 0)
		sessions--;
	return rv;
}

static int initialized, finalized;

static CK_RV initialize(CK_VOID_PTR a)
{
	CK_RV rv;
	if (finalized && setting("SHIM_ONE_INIT"))
		return CKR_FUNCTION_FAILED;
	if (initialized && setting("SHIM_INIT_TWICE"))
		return number("SHIM_INIT_TWICE");
	if (a && setting("SHIM_LOCKING"))
		return number("SHIM_LOCKING");
	if (setting("SHIM_PRINTS"))
		dprintf(STDOUT_FILENO, "%s\n", setting("SHIM_PRINTS"));
	if ((rv = inner.C_Initialize(a)) == CKR_OK)
		initialized = 1;
	return rv;
}

static CK_RV finalize(CK_VOID_PTR a)
{
	CK_RV rv = inner.C_Finalize(a);
	initialized = 0;
	finalized = 1;
	sessions = 0;
	return rv;
}

/* typed is the PIN that a person types on the device, if there is a pad: the caller must give none. */
static CK_RV typed(CK_USER_TYPE type, CK_UTF8CHAR_PTR *pin, CK_ULONG *length)
{
	static char line[256];
	const char *text = setting(type == CKU_SO ? "SHIM_PAD_SO" : "SHIM_PAD_USER");
	FILE *file = text && *text == '/' ? fopen(text, "r") : NULL;
	if (file) {
		text = fgets(line, sizeof line, file) ? line : NULL;
		line[strcspn(line, "\n")] = 0;
		fclose(file);
	}
	if (!setting("SHIM_PIN_PAD"))
		return CKR_OK;
	if (*pin)
		return CKR_ARGUMENTS_BAD;
	if (!text)
		return CKR_FUNCTION_CANCELED;
	*pin = (CK_UTF8CHAR_PTR)text;
	*length = strlen(text);
	return CKR_OK;
}

/* What must be changed before anything else: a PIN that another set. */
static int stale[2];
static int as_user; /* who is logged in: CKU_USER or CKU_SO */

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
	CK_RV rv = typed(type, &pin, &length);
	if (rv != CKR_OK)
		return rv;
	if (type == CKU_USER && tries() >= 3)
		return CKR_PIN_LOCKED;
	if ((rv = inner.C_Login(s, type, pin, length)) == CKR_OK)
		as_user = type == CKU_USER;
	if (type == CKU_USER && (rv == CKR_OK || rv == CKR_PIN_INCORRECT))
		count_tries(rv == CKR_OK ? 0 : tries() + 1);
	return rv;
}

static CK_RV init_token(CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG length, CK_UTF8CHAR_PTR label)
{
	CK_RV rv = typed(CKU_SO, &pin, &length);
	if (rv != CKR_OK)
		return rv;
	if ((rv = inner.C_InitToken(slot, pin, length, label)) == CKR_OK)
		stale[0] = setting("SHIM_STALE_PIN") != NULL;
	return rv;
}

static CK_RV init_pin(CK_SESSION_HANDLE s, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
	CK_RV rv = typed(CKU_USER, &pin, &length);
	if (rv != CKR_OK)
		return rv;
	if (stale[0])
		return PIN_MUST_CHANGE;
	if ((rv = inner.C_InitPIN(s, pin, length)) == CKR_OK)
		stale[1] = setting("SHIM_STALE_PIN") != NULL;
	if (rv == CKR_OK)
		count_tries(0);
	return rv;
}

static CK_RV set_pin(CK_SESSION_HANDLE s, CK_UTF8CHAR_PTR old, CK_ULONG n, CK_UTF8CHAR_PTR new, CK_ULONG m)
{
	CK_USER_TYPE type = as_user ? CKU_USER : CKU_SO;
	CK_RV rv = typed(type, &old, &n);
	if (rv == CKR_OK)
		rv = typed(type, &new, &m);
	if (rv == CKR_OK)
		rv = inner.C_SetPIN(s, old, n, new, m);
	if (rv == CKR_OK)
		stale[as_user] = 0;
	return rv;
}

#define FRESH(name, parameters, arguments)                                                            \
	static CK_RV fresh_##name parameters                                                          \
	{                                                                                             \
		return stale[as_user] ? PIN_MUST_CHANGE : inner.name arguments;                       \
	}

FRESH(C_CreateObject, (CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o), (s, t, n, o))
FRESH(C_GenerateKey, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o),
      (s, m, t, n, o))
FRESH(C_GenerateKeyPair, (CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR p, CK_ULONG ps, CK_ATTRIBUTE_PTR q,
			  CK_ULONG qs, CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b), (s, m, p, ps, q, qs, a, b))
FRESH(C_FindObjectsInit, (CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n), (s, t, n))

void slots_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_GetSlotList = get_slot_list;
	list->C_GetTokenInfo = get_token_info;
	list->C_OpenSession = open_session;
	list->C_CloseSession = close_session;
	list->C_Initialize = initialize;
	list->C_Finalize = finalize;
	list->C_Login = login;
	list->C_InitToken = init_token;
	list->C_InitPIN = init_pin;
	list->C_SetPIN = set_pin;
	list->C_CreateObject = fresh_C_CreateObject;
	list->C_GenerateKey = fresh_C_GenerateKey;
	list->C_GenerateKeyPair = fresh_C_GenerateKeyPair;
	list->C_FindObjectsInit = fresh_C_FindObjectsInit;
}
