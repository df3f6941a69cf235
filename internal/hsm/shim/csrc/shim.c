/*
 * A PKCS#11 library for tests: it forwards every call to a real library, and
 * fails, dies, hides or cheats where environment variables say so. They are
 * read at every call, so a test may change them while the library is loaded.
 * Each goes by the name given here or by that name behind BYOK_, which passes
 * through a program that starts itself again with a listed environment; or stands in
 * a file beside the library, see conf.c.
 *
 * SHIM_MODULE=PATH            the real library (read once; default: SoftHSM, where the shim was compiled)
 * SHIM_LOG=FILE               append the name of every call, one a line
 *
 * One call that goes wrong:
 * SHIM_AT=17                  the 17th call of all
 *         C_WrapKey           the first call of C_WrapKey
 *         C_WrapKey#3         the third call of C_WrapKey
 *         …+                  (behind any of these) and every one after it
 *                             Counting starts again when SHIM_AT changes.
 * SHIM_DO=fail=0x30           return this CKR_ value and do not call the library
 *         fail-after=0x30     let the library do it, then return this CKR_ value
 *         kill, kill-after    SIGKILL to the process, before or after the library's part
 *         stop, stop-after    SIGSTOP to the process, for a look at its memory
 *         exit, crash         exit(0), or a NULL pointer
 * SHIM_IF_REFUSED=LIST        SHIM_AT, SHIM_NO_SLOTS and SHIM_GHOST count only where the kernel refuses one of these
 *                             sockets: inet, inet6, netlink, unix, recvmsg; a library that needs it goes wrong then
 *
 * What is there:
 * SHIM_HIDE_FREE=1            no slot whose token is not initialised
 * SHIM_HIDE_MECHANISMS=LIST   comma-separated CKM_ values: not listed, CKR_MECHANISM_INVALID when used
 * SHIM_FLAGS=0x10000          CKF_ bits to be set in every CK_TOKEN_INFO, such as CKF_USER_PIN_LOCKED
 * SHIM_SAYS=1b5b324a          every text of library, slots and tokens begins with these bytes, see hide.c
 * SHIM_NO_SLOTS=1             no slot at all
 * SHIM_GHOST=0xE1             a slot 7777 in front whose C_GetTokenInfo gives this CKR_ value
 * SHIM_GHOST_LAST=1           it comes last
 * SHIM_SERIAL=TEXT            every token has this serial number; none: no token has one
 * SHIM_MANUFACTURER=TEXT      every token has this manufacturer
 * SHIM_MAKER=TEXT             the library has this manufacturer
 * SHIM_NUL_PADDED=1           labels and serial numbers are padded with NULs
 * SHIM_PIN_LENGTHS=8-4        shortest and longest PIN, as every CK_TOKEN_INFO has them
 * SHIM_ROOM=50                so many private keys on the token: CKR_DEVICE_MEMORY for the copy of another to it
 * SHIM_SESSIONS=1             so many sessions at once: CKR_SESSION_COUNT
 * SHIM_ONE_INIT=1             C_Initialize after C_Finalize is CKR_FUNCTION_FAILED
 * SHIM_INIT_TWICE=0x5         C_Initialize without C_Finalize before it gives this CKR_ value
 * SHIM_LOCKING=0xA            C_Initialize with arguments gives this CKR_ value
 * SHIM_PRINTS=TEXT            C_Initialize writes this line to standard output
 * SHIM_EC_POINT=bare          CKA_EC_POINT in another form: bare, compressed, bare-compressed, bits,
 *                             bits-compressed; or in one that is none: x-y, padded
 * SHIM_EC_PARAMS=name         CKA_EC_PARAMS by the curve's name: name, bare-name; or explicit
 * SHIM_EXPONENT=65537         the public exponent of every RSA key, whatever is asked for
 * SHIM_PIN_PAD=1              PINs are typed on the device: CKR_ARGUMENTS_BAD where one is given
 * SHIM_PAD_USER, SHIM_PAD_SO  what is typed there, or the file that has it in its first line; without it the
 *                             person presses Cancel
 * SHIM_TRIES=FILE             the third wrong user PIN locks it until C_InitPIN; FILE counts them
 * SHIM_STALE_PIN=1            0x1B8 by who must change a PIN first that C_InitToken or C_InitPIN has set
 * SHIM_RSA_AES=1              CKM_RSA_AES_KEY_WRAP for C_WrapKey, see keywrap.c
 * SHIM_KEY_WRAP=0x80000171    CKM_AES_KEY_WRAP_PAD goes by this number alone, see renamed.c
 * SHIM_SHORT_RSA=LABEL        RSA key pairs of this label have 1024 bits, whatever is asked for: they are there sooner
 * SHIM_FIXED_RSA=LABEL        RSA key pairs of this label are one of 2048 bits, always the same: it is there at once
 * SHIM_OAEP_HASH=0x250        a faulty module: CKM_RSA_PKCS_OAEP and its MGF1 with this CKM_ hash
 *                             whatever the call asks for, wherever the wrapped key can be read
 * SHIM_RSA_AES_HASH=0x250     the same inside CKM_RSA_AES_KEY_WRAP, always
 *
 * What the module does otherwise. Each is a comma-separated list of numbers:
 * SHIM_UNKNOWN                CKA_ values that it does not know: CKR_ATTRIBUTE_TYPE_INVALID wherever they stand
 * SHIM_UNWRAP_DROP            CKA_ values that C_UnwrapKey ignores in the template of the new key
 * SHIM_UNWRAP_REFUSE          CKA_ values that C_UnwrapKey refuses there for a private key: CKR_ATTRIBUTE_READ_ONLY
 * SHIM_UNTRUSTED_WRAP         CKM_ values with which C_WrapKey forgets CKA_WRAP_WITH_TRUSTED
 *
 * What else it lists, comma-separated CKM_ values:
 * SHIM_WRAP                   mechanisms with CKF_WRAP, which it does not have; CKM_AES_CTR, GCM and CCM are played,
 *                             see small.c
 * SHIM_DERIVE                 mechanisms with CKF_DERIVE; those that combine keys are played, see derive.c
 * SHIM_DERIVE_RULE            which keys these may be given:
 *         (nothing)           none with CKA_WRAP_WITH_TRUSTED, and as the standard says
 *         standard            as the standard says: what is sensitive or not extractable stays so
 *         values              as the standard says, and the derived key is really made of the keys' values: the
 *                             real library must show them, as it does with SHIM_WEAK=sensitive
 *         open                all
 *         class               the other key must have CKA_DERIVE too: CKR_KEY_TYPE_INCONSISTENT
 *         inherit             all; the derived key is sensitive, and has the keys' CKA_WRAP_WITH_TRUSTED
 *         constant            all; the derived key is always the same
 *         unused              all, but listed without CKF_DERIVE and CKF_WRAP
 *         0x5                 this CKR_ value for those with CKA_WRAP_WITH_TRUSTED
 *
 * What is not enforced. SHIM_TRUST is a comma-separated list of functions, such
 * as C_CreateObject, by which the user may set CKA_TRUSTED, or of C_CreateObject:pub,
 * for public keys alone (it is dropped; every object shows it true). SHIM_WEAK is a comma-separated list of:
 *   trusted            the user may set CKA_TRUSTED (it is dropped; every object shows it true)
 *   wrap-with-trusted  CKA_WRAP_WITH_TRUSTED is dropped when a key is made, and shown true
 *   modifiable         CKA_MODIFIABLE=false is dropped when an object is made, and shown false
 *   sensitive          CKA_SENSITIVE is dropped when a key is made, and shown true
 *   unwrap, sign, decrypt, encrypt
 *                      the CKA_ attribute becomes true when a template has it false, and is shown false
 *                      (sign, decrypt, encrypt: by objects that are not modifiable)
 *   untrusted-rsa      CKM_RSA_AES_KEY_WRAP takes any RSA key for a trusted one
 *   signature          the last bit of every signature is wrong
 *   public-key         every RSA modulus has a bit wrong, every P-256 point is the curve's base point
 * SHIM_COPIES=plain           trusted objects are frozen for the user all the same, with SHIM_WEAK=modifiable: he
 *                             cannot set anything in them, and copies them only as they are, under any label
 * SHIM_PROFILE=cloudhsm|luna|nshield|utimaco|azure|yubihsm|nss
 *                             what a vendor's module does, by the switches here: see profile.c, vendors.c and nss.c
 * SHIM_QUIRKS=LIST            comma-separated habits of one library or another. Other switches play these, see profile.c:
 *   deadslot, noserial, dupserial, pinpad, oneinit, usersettrust, userpubtrust, wwtother
 *                             and small.c plays these:
 *   absent-until-init  a slot whose token is not initialised is without a token: only C_GetSlotList(CK_FALSE) has it
 *   so-cannot-read-back
 *                      C_GetAttributeValue in the officer's session: CKR_OBJECT_HANDLE_INVALID
 *   wwt-dropped        CKA_WRAP_WITH_TRUSTED of a private key is dropped when it is made, and shown false
 *   wwt-later          CKA_WRAP_WITH_TRUSTED can be set on a key that was made without it
 *   sessions-stay      C_CloseSession closes nothing
 *   copy-any-change-0x12
 *                      C_CopyObject takes CKA_TOKEN, CKA_LABEL and CKA_ID alone: CKR_ATTRIBUTE_TYPE_INVALID
 *   nowrapprivate      no private key is wrapped: CKR_KEY_NOT_WRAPPABLE
 *   nosecret           no secret key is created by value: CKR_TEMPLATE_INCONSISTENT
 *   code60, code113    C_WrapKey under a key that is not trusted: CKR_KEY_HANDLE_INVALID,
 *                      CKR_WRAPPING_KEY_HANDLE_INVALID
 *   refusal-is-device-error
 *                      the same: CKR_DEVICE_ERROR
 * SHIM_LOGINS=PIN,PIN         the operator's PIN and the quorum's, with rights of their own: see rights.c
 * SHIM_ABSENT=LIST            comma-separated functions that are CKR_FUNCTION_NOT_SUPPORTED
 * SHIM_PIN_HAS=:              a PIN without this character is refused
 * SHIM_TOOL=FOLDER            the vendor's tool trusts the object whose CKA_ID in hex is a file there: see tool.c
 * SHIM_TRUST_LATER=1          the officer trusts a key after it is made and not in its template, see later.c
 *         modifiable          and only one that is still modifiable
 * SHIM_REPORT=0x108=1,…       CKA_ values of boolean attributes that every object shows, whatever it has
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"
#include "calls.h"

CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST steered; /* real, with what hide.c, weak.c and keywrap.c change */

#define ID(name, parameters, arguments, by) ID_##name,
enum call { CALLS(ID) CALL_COUNT };

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static unsigned long counts[CALL_COUNT], total;
static char counted_for[64]; /* SHIM_AT as it was when counting started */

/* depends reports whether a switch counts only where a socket is refused. */
static int depends(const char *name)
{
	return !strcmp(name, "SHIM_AT") || !strcmp(name, "SHIM_NO_SLOTS") || !strcmp(name, "SHIM_GHOST");
}

const char *setting(const char *name)
{
	const char *value;
	char passed_on[64];
	if (depends(name) && !refused_socket(setting("SHIM_IF_REFUSED")))
		return NULL;
	value = getenv(name);
	if (!value) {
		snprintf(passed_on, sizeof passed_on, "BYOK_%s", name);
		value = getenv(passed_on);
	}
	if (!value)
		value = configured(name);
	if (!value)
		return preset(name);
	return *value ? value : NULL;
}

int listed(const char *name, CK_ULONG number)
{
	const char *at = setting(name);
	while (at) {
		if (strtoul(at, NULL, 0) == number)
			return 1;
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

static void log_call(const char *name)
{
	const char *path = setting("SHIM_LOG");
	char line[64];
	int length = snprintf(line, sizeof line, "%s\n", name);
	int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (file < 0)
		return;
	if (write(file, line, length) != length)
		abort();
	close(file);
}

/* matches reports whether this is the call that SHIM_AT names. */
static int matches(const char *at, const char *name, unsigned long nth)
{
	char *end;
	unsigned long wanted = strtoul(at, &end, 10), seen = total;
	if (end == at) {
		size_t length = strcspn(at, "#+");
		if (strlen(name) != length || strncmp(at, name, length))
			return 0;
		seen = nth;
		wanted = 1;
		end = (char *)at + length;
		if (*end == '#')
			wanted = strtoul(end + 1, &end, 10);
	}
	return *end == '+' ? seen >= wanted : seen == wanted;
}

/* enter counts and logs a call, and returns what is to go wrong with it, or "". */
static const char *enter(enum call id, const char *name)
{
	const char *at = setting("SHIM_AT"), *action = setting("SHIM_DO");
	int hit;
	pthread_mutex_lock(&counting);
	log_call(name);
	if (strncmp(at ? at : "", counted_for, sizeof counted_for - 1)) {
		strncpy(counted_for, at ? at : "", sizeof counted_for - 1);
		memset(counts, 0, sizeof counts);
		total = 0;
	}
	counts[id]++;
	total++;
	hit = at && matches(at, name, counts[id]);
	pthread_mutex_unlock(&counting);
	return hit && action ? action : "";
}

static volatile char *volatile nowhere; /* NULL */

static void send(const char *action, const char *kill_word, const char *stop_word)
{
	if (!strcmp(action, kill_word))
		kill(getpid(), SIGKILL);
	if (!strcmp(action, stop_word))
		kill(getpid(), SIGSTOP);
	if (!strcmp(action, "exit"))
		exit(0);
	if (!strcmp(action, "crash"))
		*nowhere = 0;
}

static int returns(const char *action, const char *word, CK_RV *rv)
{
	size_t length = strlen(word);
	if (strncmp(action, word, length))
		return 0;
	*rv = strtoul(action + length, NULL, 0);
	return 1;
}

static int hidden_mechanism(const CK_MECHANISM *m)
{
	return m && listed("SHIM_HIDE_MECHANISMS", m->mechanism);
}

#define FORWARD(name, parameters, arguments, by)                                                      \
	static CK_RV shim_##name parameters                                                           \
	{                                                                                             \
		CK_RV rv;                                                                             \
		const char *action = enter(ID_##name, #name);                                         \
		send(action, "kill", "stop");                                                         \
		if (returns(action, "fail=", &rv))                                                    \
			return rv;                                                                    \
		if (word_in("SHIM_ABSENT", #name))                                                    \
			return CKR_FUNCTION_NOT_SUPPORTED;                                            \
		rv = hidden_mechanism(by) ? CKR_MECHANISM_INVALID : steered.name arguments;           \
		send(action, "kill-after", "stop-after");                                             \
		returns(action, "fail-after=", &rv);                                                  \
		return rv;                                                                            \
	}
CALLS(FORWARD)

#define ENTRY(name, parameters, arguments, by) .name = shim_##name,
static CK_FUNCTION_LIST forwarders = {
	.version = { 2, 40 },
	.C_GetFunctionList = C_GetFunctionList,
	CALLS(ENTRY)
};

static void load(void)
{
	const char *given = setting("SHIM_MODULE"), *path = given ? given : SHIM_REAL;
	void *library = *path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList list = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	if (!list || list(&real) != CKR_OK) {
		fprintf(stderr, "shim: SHIM_MODULE=%s is not a PKCS#11 library\n", path);
		abort();
	}
	steered = *real;
	hide_install(&steered);
	weak_install(&steered);
	keywrap_install(&steered);
	tool_install(&steered);
	quirk_install(&steered);
	derive_install(&steered);
	later_install(&steered);
	slots_install(&steered);
	forms_install(&steered);
	vendors_install(&steered);
	small_install(&steered);
	renamed_install(&steered);
	nss_install(&steered);
	rights_install(&steered);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	*list = &forwarders;
	return CKR_OK;
}
