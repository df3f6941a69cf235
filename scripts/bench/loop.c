/*
 * What a batch costs if nothing but the HSM's own work is done: for each key the
 * calls of PKCS#11 that "key generate", "acl modify" and "package" cannot do
 * without, in one process and one session, without a check or a probe, and two files
 * written. The token is a new one. bench-batch.sh compares the programs with it.
 *
 *     loop LIBRARY KIND KEYS FOLDER     KIND is RSA-2048 or P-256
 */
#define CK_PTR *
#define CK_DECLARE_FUNCTION(type, name) type name
#define CK_DECLARE_FUNCTION_POINTER(type, name) type(*name)
#define CK_CALLBACK_FUNCTION(type, name) type(*name)
#define NULL_PTR 0
#include "pkcs11.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AES_WRAP_PAD 0x210AUL
#define WRAP_WITH_TRUSTED 0x210UL
#define TRUSTED 0x86UL
#define LENGTH(a) (sizeof(a) / sizeof(*(a)))
#define CALL(f, ...) check(#f, p->f(__VA_ARGS__))
#define BOOL(type, value) {type, value, 1}
#define DATA(type, value) {type, &value, sizeof(value)}

static CK_FUNCTION_LIST *p;
static CK_SESSION_HANDLE session;
static CK_BYTE yes[] = {1}, no[] = {0}, pin[] = "12345678", label[32];
static CK_OBJECT_CLASS class_public = CKO_PUBLIC_KEY, class_private = CKO_PRIVATE_KEY;

static void check(const char *call, CK_RV rv)
{
	if (rv != CKR_OK) {
		fprintf(stderr, "%s: 0x%lx\n", call, rv);
		exit(1);
	}
}

static void token(void)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = LENGTH(slots);
	memset(label, ' ', sizeof label);
	CALL(C_Initialize, NULL);
	CALL(C_GetSlotList, 1, slots, &n);
	CK_SLOT_ID slot = slots[n - 1];
	CALL(C_InitToken, slot, pin, 8, label);
	n = LENGTH(slots);
	CALL(C_GetSlotList, 1, slots, &n);
	CALL(C_OpenSession, slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	CALL(C_Login, session, CKU_SO, pin, 8);
	CALL(C_InitPIN, session, pin, 8);
}

/* trusted makes an AES key that may wrap keys that only a trusted key wraps. */
static CK_OBJECT_HANDLE trusted(void)
{
	CK_MECHANISM m = {CKM_AES_KEY_GEN, NULL, 0};
	CK_ULONG size = 32;
	CK_ATTRIBUTE t[] = {
		BOOL(CKA_TOKEN, no), BOOL(CKA_PRIVATE, no), BOOL(TRUSTED, yes), BOOL(CKA_WRAP, yes), BOOL(CKA_UNWRAP, yes),
		BOOL(CKA_SENSITIVE, yes), BOOL(CKA_EXTRACTABLE, yes), BOOL(WRAP_WITH_TRUSTED, yes), DATA(CKA_VALUE_LEN, size),
	};
	CK_OBJECT_HANDLE key;
	CALL(C_GenerateKey, session, &m, t, LENGTH(t), &key);
	return key;
}

/* kek makes the public half of a key of 4096 bits; what it wraps stays closed. */
static CK_OBJECT_HANDLE kek(void)
{
	static CK_BYTE modulus[512], exponent[] = {1, 0, 1};
	CK_KEY_TYPE rsa = CKK_RSA;
	FILE *f = fopen("/dev/urandom", "r");
	if (f == NULL || fread(modulus, 1, sizeof modulus, f) != sizeof modulus)
		exit(1);
	fclose(f);
	modulus[0] |= 0x80;
	modulus[511] |= 1;
	CK_ATTRIBUTE t[] = {
		DATA(CKA_CLASS, class_public), DATA(CKA_KEY_TYPE, rsa), BOOL(CKA_TOKEN, no), BOOL(CKA_PRIVATE, no),
		BOOL(TRUSTED, yes), BOOL(CKA_WRAP, yes), DATA(CKA_MODULUS, modulus), DATA(CKA_PUBLIC_EXPONENT, exponent),
	};
	CK_OBJECT_HANDLE key;
	CALL(C_CreateObject, session, t, LENGTH(t), &key);
	return key;
}

struct kind {
	CK_KEY_TYPE type;
	CK_MECHANISM generate, sign;
};

static struct kind kind_of(const char *name)
{
	struct kind rsa = {CKK_RSA, {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0}, {CKM_SHA256_RSA_PKCS, NULL, 0}};
	struct kind ec = {CKK_EC, {CKM_EC_KEY_PAIR_GEN, NULL, 0}, {CKM_ECDSA, NULL, 0}};
	return strcmp(name, "RSA-2048") == 0 ? rsa : ec;
}

static void generate(struct kind *k, CK_OBJECT_HANDLE pair[2])
{
	static CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, f4[] = {1, 0, 1};
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE rsa[] = {
		BOOL(CKA_TOKEN, no), BOOL(CKA_PRIVATE, no), BOOL(CKA_VERIFY, yes),
		DATA(CKA_MODULUS_BITS, bits), DATA(CKA_PUBLIC_EXPONENT, f4),
	};
	CK_ATTRIBUTE ec[] = {BOOL(CKA_TOKEN, no), BOOL(CKA_PRIVATE, no), BOOL(CKA_VERIFY, yes), DATA(CKA_EC_PARAMS, p256)};
	CK_ATTRIBUTE private[] = {
		BOOL(CKA_TOKEN, no), BOOL(CKA_PRIVATE, yes), BOOL(CKA_SENSITIVE, yes), BOOL(CKA_EXTRACTABLE, yes),
		BOOL(WRAP_WITH_TRUSTED, yes), BOOL(CKA_SIGN, yes),
	};
	int is_rsa = k->type == CKK_RSA;
	CALL(C_GenerateKeyPair, session, &k->generate, is_rsa ? rsa : ec, is_rsa ? LENGTH(rsa) : LENGTH(ec), private,
		LENGTH(private), &pair[0], &pair[1]);
}

static CK_ULONG wrap(CK_MECHANISM_TYPE mechanism, void *parameter, CK_ULONG length, CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key, CK_BYTE *out)
{
	CK_MECHANISM m = {mechanism, parameter, length};
	CK_ULONG n = 4096;
	CALL(C_WrapKey, session, &m, by, key, out, &n);
	return n;
}

/* proves has a key sign, and its public half verify. */
static void proves(struct kind *k, CK_OBJECT_HANDLE private, CK_OBJECT_HANDLE public)
{
	CK_BYTE text[32] = {1}, signature[512];
	CK_ULONG n = sizeof signature;
	CALL(C_SignInit, session, &k->sign, private);
	CALL(C_Sign, session, text, sizeof text, signature, &n);
	if (!public)
		return;
	CALL(C_VerifyInit, session, &k->sign, public);
	CALL(C_Verify, session, text, sizeof text, signature, n);
}

static CK_OBJECT_HANDLE restored(struct kind *k, CK_OBJECT_HANDLE by, CK_BYTE *blob, CK_ULONG n)
{
	CK_MECHANISM m = {AES_WRAP_PAD, NULL, 0};
	CK_ATTRIBUTE t[] = {
		DATA(CKA_CLASS, class_private), DATA(CKA_KEY_TYPE, k->type), BOOL(CKA_TOKEN, no), BOOL(CKA_PRIVATE, yes),
		BOOL(CKA_SIGN, yes),
	};
	CK_OBJECT_HANDLE key;
	CALL(C_UnwrapKey, session, &m, by, blob, n, t, LENGTH(t), &key);
	return key;
}

static CK_OBJECT_HANDLE copy(CK_OBJECT_HANDLE key, CK_BYTE *to_token)
{
	CK_ATTRIBUTE t[] = {BOOL(CKA_TOKEN, to_token)};
	CK_OBJECT_HANDLE made;
	CALL(C_CopyObject, session, key, t, LENGTH(t), &made);
	return made;
}

static void file(const char *folder, const char *kind, int i, CK_BYTE *data, CK_ULONG n)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s-%d", folder, kind, i);
	FILE *f = fopen(path, "w");
	if (f == NULL || fwrite(data, 1, n, f) != n || fflush(f) || fsync(fileno(f)) || fclose(f))
		exit(1);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	void *library = dlopen(argv[1], RTLD_NOW);
	CK_C_GetFunctionList list = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	if (list == NULL || list(&p) != CKR_OK)
		return 1;
	struct kind k = kind_of(argv[2]);
	int keys = atoi(argv[3]);
	CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0};
	CK_OBJECT_HANDLE *transfer = calloc(keys, sizeof *transfer);
	struct timespec from, to;
	token();
	clock_gettime(CLOCK_MONOTONIC, &from);
	CK_OBJECT_HANDLE kw = trusted(), exchange = kek();
	for (int i = 0; i < keys; i++)
		transfer[i] = trusted();
	CALL(C_Logout, session);
	CALL(C_Login, session, CKU_USER, pin, 8);
	for (int i = 0; i < keys; i++) {
		CK_OBJECT_HANDLE pair[2], again, kept;
		CK_BYTE blob[8192];
		generate(&k, pair);
		CK_ULONG n = wrap(AES_WRAP_PAD, NULL, 0, kw, pair[1], blob);
		again = restored(&k, kw, blob, n);
		proves(&k, again, pair[0]);
		CALL(C_DestroyObject, session, again);
		kept = copy(pair[1], yes);
		copy(pair[0], yes);
		file(argv[4], "backup", i, blob, n);
		CK_OBJECT_HANDLE reduced = copy(kept, no);
		n = wrap(CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep, exchange, transfer[i], blob);
		n += wrap(AES_WRAP_PAD, NULL, 0, transfer[i], reduced, blob + n);
		proves(&k, kept, 0);
		CALL(C_DestroyObject, session, reduced);
		CALL(C_DestroyObject, session, transfer[i]);
		CALL(C_DestroyObject, session, pair[0]);
		CALL(C_DestroyObject, session, pair[1]);
		file(argv[4], "package", i, blob, n);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%.6f\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	CALL(C_Finalize, NULL);
	return 0;
}
