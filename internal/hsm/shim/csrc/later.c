/*
 * A module whose security officer trusts keys after they are made: TRUSTED in
 * the template of a new object is refused, and C_SetAttributeValue takes it.
 * The real library takes it at creation alone, so what the officer makes is
 * trusted there from the first, and shown otherwise until he says so.
 */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

static CK_FUNCTION_LIST inner;
static CK_BBOOL yes = CK_TRUE;

/* What the officer has made and not trusted yet. */
static struct {
	CK_OBJECT_HANDLE object;
} waiting[64];

static int waits(CK_OBJECT_HANDLE o)
{
	for (size_t i = 0; i < sizeof waiting / sizeof *waiting; i++)
		if (o && waiting[i].object == o)
			return i + 1;
	return 0;
}

static void wait_for_trust(CK_OBJECT_HANDLE o)
{
	static size_t next;
	waiting[next].object = o;
	next = (next + 1) % (sizeof waiting / sizeof *waiting);
}

static const CK_ATTRIBUTE *find(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == type)
			return &t[i];
	return NULL;
}

static int applies(CK_SESSION_HANDLE s)
{
	return setting("SHIM_TRUST_LATER") && by_officer(s);
}

/* with_trust is a template with TRUSTED; the caller frees it. NULL: it asked for that itself. */
static CK_ATTRIBUTE *with_trust(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_ATTRIBUTE *all;
	if (find(t, n, CKA_TRUSTED))
		return NULL;
	/* Behind MODIFIABLE=false SoftHSM takes nothing. */
	all = calloc(n + 1, sizeof *all);
	all[0] = (CK_ATTRIBUTE){ CKA_TRUSTED, &yes, sizeof yes };
	memcpy(all + 1, t, n * sizeof *t);
	return all;
}

static CK_RV create_object(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_ATTRIBUTE *all;
	CK_RV rv;
	if (!applies(s))
		return inner.C_CreateObject(s, t, n, o);
	if (!(all = with_trust(t, n)))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if ((rv = inner.C_CreateObject(s, all, n + 1, o)) == CKR_OK)
		wait_for_trust(*o);
	free(all);
	return rv;
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_ATTRIBUTE *all;
	CK_RV rv;
	if (!applies(s))
		return inner.C_GenerateKey(s, m, t, n, o);
	if (!(all = with_trust(t, n)))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if ((rv = inner.C_GenerateKey(s, m, all, n + 1, o)) == CKR_OK)
		wait_for_trust(*o);
	free(all);
	return rv;
}

static int modifiable(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE a = { CKA_MODIFIABLE, &value, sizeof value };
	return real->C_GetAttributeValue(s, o, &a, 1) == CKR_OK && value;
}

static CK_RV set_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	int i = waits(o);
	if (!applies(s) || n != 1 || t->type != CKA_TRUSTED || !i)
		return inner.C_SetAttributeValue(s, o, t, n);
	if (!strcmp(setting("SHIM_TRUST_LATER"), "modifiable") && !modifiable(s, o))
		return 0x1B; /* CKR_ACTION_PROHIBITED */
	waiting[i - 1].object = 0;
	return CKR_OK;
}

static CK_RV get_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	CK_RV rv = inner.C_GetAttributeValue(s, o, t, n);
	for (CK_ULONG i = 0; waits(o) && i < n; i++)
		if (t[i].type == CKA_TRUSTED && t[i].pValue && t[i].ulValueLen == sizeof(CK_BBOOL))
			*(CK_BBOOL *)t[i].pValue = CK_FALSE;
	return rv;
}

/* finalize ends all handles. */
static CK_RV finalize(CK_VOID_PTR reserved)
{
	memset(waiting, 0, sizeof waiting);
	return inner.C_Finalize(reserved);
}

void later_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_Finalize = finalize;
	list->C_CreateObject = create_object;
	list->C_GenerateKey = generate_key;
	list->C_SetAttributeValue = set_attributes;
	list->C_GetAttributeValue = get_attributes;
}
