/*
 * A PKCS#11 library for tests: SoftHSM (REAL), made to behave like libraries
 * that do not keep processes apart. Files beside the library steer it, because
 * the second process gets no environment of the test's.
 *
 * "mode" has one word or fault a line:
 *   shared-login     one login for all processes, as a daemon has it
 *   takeover         with shared-login: a second login replaces the first
 *   shared-objects   session objects are seen by all processes
 *   drop-trusted     the second process makes objects without the CKA_TRUSTED it asks for
 *   sticky-login     the second process stays logged in after C_Logout
 *   host-memory      signing without a login is CKR_HOST_MEMORY, as in NSS softoken
 *   chatty           the second process prints to standard output
 *   FUNCTION WHEN ACTION [parent]
 *                    the function goes wrong in the second process, or in the
 *                    parent, while the parent is logged in as WHEN (none, SO,
 *                    user, any): ACTION is a CKR_ value, hang, kill or exit
 *
 * "login" is who is logged in: 0 (SO) or 1 (user) and the PIN.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <unistd.h>

#include "shim.h"
#include "calls.h"

static CK_FUNCTION_LIST *softhsm;
static CK_FUNCTION_LIST steered;
static int mine = -1; /* who is logged in in this process: -1, 0 (SO), 1 (user) */

/* beside returns the path of a file in the library's own folder. */
static const char *beside(const char *name)
{
	static __thread char path[4096];
	Dl_info self;
	dladdr((void *)beside, &self);
	snprintf(path, sizeof path, "%.*s%s", (int)(strrchr(self.dli_fname, '/') + 1 - self.dli_fname), self.dli_fname, name);
	return path;
}

/* second reports whether this is the second process. */
static int second(void)
{
	static int known = -1;
	char line[4096];
	FILE *f;
	if (known >= 0)
		return known;
	f = fopen("/proc/self/cmdline", "r");
	size_t n = f ? fread(line, 1, sizeof line - 1, f) : 0;
	if (f)
		fclose(f);
	known = memmem(line, n, "byok-second-process", 19) != NULL;
	return known;
}

/* login_of reads "login". */
static int login_of(char pin[256])
{
	int role = -1;
	FILE *f = fopen(beside("login"), "r");
	pin[0] = 0;
	if (f && fscanf(f, "%d %255s", &role, pin) < 1)
		role = -1;
	if (f)
		fclose(f);
	return role;
}

/* mode reports whether "mode" has the word. */
static int mode(const char *word)
{
	char line[256];
	int found = 0;
	FILE *f = fopen(beside("mode"), "r");
	while (f && !found && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		found = !strcmp(line, word);
	}
	if (f)
		fclose(f);
	return found;
}

/* fault reports whether the function is to go wrong now, and does what is asked. */
static int fault(const char *function, CK_RV *rv)
{
	static const char *roles[] = { "none", "SO", "user" };
	char line[256], name[64], when[16], action[16], who[16], pin[256];
	const char *now = roles[login_of(pin) + 1];
	int hit = 0;
	FILE *f = fopen(beside("mode"), "r");
	while (f && !hit && fgets(line, sizeof line, f)) {
		int n = sscanf(line, "%63s %15s %15s %15s", name, when, action, who);
		hit = n >= 3 && !strcmp(name, function) && (n == 4) == !second() &&
		      (!strcmp(when, "any") || !strcmp(when, now));
	}
	if (f)
		fclose(f);
	if (!hit)
		return 0;
	if (!strcmp(action, "hang"))
		for (;;)
			pause();
	if (!strcmp(action, "kill"))
		kill(getpid(), SIGKILL);
	if (!strcmp(action, "exit"))
		_exit(0);
	*rv = strtoul(action, NULL, 0);
	return 1;
}

/* sync gives this process the login that all processes share. */
static void sync_login(CK_SESSION_HANDLE session)
{
	char pin[256];
	int role = login_of(pin);
	if (!mode("shared-login") || role == mine)
		return;
	if (mine >= 0)
		softhsm->C_Logout(session);
	if (role >= 0)
		softhsm->C_Login(session, role, (CK_UTF8CHAR_PTR)pin, strlen(pin));
	mine = role;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
	char other[256];
	CK_RV rv;
	FILE *f;
	sync_login(session);
	if (mode("takeover") && mine >= 0)
		softhsm->C_Logout(session);
	else if (mode("shared-login") && login_of(other) >= 0)
		return login_of(other) == (int)type ? CKR_USER_ALREADY_LOGGED_IN : CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	rv = softhsm->C_Login(session, type, pin, length);
	if (rv != CKR_OK || (second() && !mode("shared-login")))
		return rv;
	mine = type;
	f = fopen(beside("login"), "w");
	fprintf(f, "%d %.*s", (int)type, (int)length, (const char *)pin);
	fclose(f);
	return CKR_OK;
}

static CK_RV logout(CK_SESSION_HANDLE session)
{
	char pin[256];
	CK_RV rv;
	if (second() && mode("sticky-login"))
		return CKR_OK;
	sync_login(session);
	if (mode("shared-login") && mine < 0)
		return CKR_USER_NOT_LOGGED_IN;
	rv = softhsm->C_Logout(session);
	if (rv == CKR_OK && (!second() || mode("shared-login"))) {
		mine = -1;
		if (login_of(pin) >= 0)
			unlink(beside("login"));
	}
	return rv;
}

/* shared_objects are the session objects that are really token objects. */
static CK_OBJECT_HANDLE shared_objects[64];
static int shared_count;

/* drop makes CKA_TRUSTED false. */
static void drop(CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	static CK_BBOOL no = CK_FALSE;
	for (CK_ULONG i = 0; second() && mode("drop-trusted") && i < n; i++)
		if (t[i].type == CKA_TRUSTED)
			t[i].pValue = &no;
}

/* share turns a session object's template into one for the token. */
static int share(CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	static CK_BBOOL yes = CK_TRUE;
	drop(t, n);
	for (CK_ULONG i = 0; mode("shared-objects") && i < n; i++)
		if (t[i].type == CKA_TOKEN && !*(CK_BBOOL *)t[i].pValue) {
			t[i].pValue = &yes;
			return 1;
		}
	return 0;
}

static CK_RV noted(CK_RV rv, int shared, CK_OBJECT_HANDLE o)
{
	if (rv == CKR_OK && shared && shared_count < 64)
		shared_objects[shared_count++] = o;
	return rv;
}

static CK_RV create(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	sync_login(s);
	int shared = share(t, n);
	return noted(softhsm->C_CreateObject(s, t, n, o), shared, *o);
}

static CK_RV generate(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	sync_login(s);
	int shared = share(t, n);
	return noted(softhsm->C_GenerateKey(s, m, t, n, o), shared, *o);
}

static CK_RV copy(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE from, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	sync_login(s);
	int shared = share(t, n);
	return noted(softhsm->C_CopyObject(s, from, t, n, o), shared, *o);
}

static CK_RV close_session(CK_SESSION_HANDLE s)
{
	sync_login(s);
	while (shared_count > 0)
		softhsm->C_DestroyObject(s, shared_objects[--shared_count]);
	return softhsm->C_CloseSession(s);
}

static CK_RV find(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	sync_login(s);
	return softhsm->C_FindObjectsInit(s, t, n);
}

static CK_RV set(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_PTR t, CK_ULONG n)
{
	sync_login(s);
	drop(t, n);
	return softhsm->C_SetAttributeValue(s, o, t, n);
}

static CK_RV sign(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE o)
{
	CK_SESSION_INFO info;
	sync_login(s);
	if (second() && mode("host-memory") && softhsm->C_GetSessionInfo(s, &info) == CKR_OK && info.state == CKS_RW_PUBLIC_SESSION)
		return CKR_HOST_MEMORY;
	return softhsm->C_SignInit(s, m, o);
}

static CK_RV session_info(CK_SESSION_HANDLE s, CK_SESSION_INFO_PTR info)
{
	sync_login(s);
	return softhsm->C_GetSessionInfo(s, info);
}

static CK_RV destroy(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	sync_login(s);
	return softhsm->C_DestroyObject(s, o);
}

#define FORWARD(name, parameters, arguments, by)                          \
	static CK_RV my_##name parameters                                 \
	{                                                                 \
		CK_RV rv;                                                 \
		if (second() && mode("chatty"))                           \
			(void)!write(1, "hello\n{\"done\":1}\n{}\n", 22); \
		return fault(#name, &rv) ? rv : steered.name arguments;   \
	}
CALLS(FORWARD)

#define ENTRY(name, parameters, arguments, by) .name = my_##name,
static CK_FUNCTION_LIST forwarders = {
	.version = { 2, 40 },
	.C_GetFunctionList = C_GetFunctionList,
	CALLS(ENTRY)
};

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
	void *library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	if (!get || get(&softhsm) != CKR_OK)
		return CKR_GENERAL_ERROR;
	steered = *softhsm;
	steered.C_Login = login;
	steered.C_Logout = logout;
	steered.C_CreateObject = create;
	steered.C_GenerateKey = generate;
	steered.C_CopyObject = copy;
	steered.C_CloseSession = close_session;
	steered.C_FindObjectsInit = find;
	steered.C_SetAttributeValue = set;
	steered.C_SignInit = sign;
	steered.C_GetSessionInfo = session_info;
	steered.C_DestroyObject = destroy;
	*list = &forwarders;
	return CKR_OK;
}
