/*
 * Libraries whose C_GetFunctionList goes wrong: MODE 1 returns CKR_GENERAL_ERROR,
 * 2 gives no list, 3 ends the process, 4 gives a list without C_WrapKey; 5 does not
 * have the function. That of MODE 6 has a C_WrapKey that shows what it was given, or
 * goes wrong as the wrapping key says.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct list {
	unsigned char version[2];
	void *function[68];
};

static unsigned long not_supported(void)
{
	return 0x54; /* CKR_FUNCTION_NOT_SUPPORTED */
}

struct mechanism {
	unsigned long type, *parameter, length;
};

/* wrap gives type, session, key, length of the parameter, and of the parameter and
 * what its pointers point at: seven numbers. */
static unsigned long wrap(unsigned long session, struct mechanism *m, unsigned long outer, unsigned long key,
			  unsigned char *out, unsigned long *length)
{
	unsigned long shown[] = { m->type, session, key, m->length, 0, 0, 0 };
	unsigned long *p = m->parameter;
	switch (outer) {
	case 1: /* a blob of 9000 bytes */
		if (*length < 9000) {
			*length = 9000;
			return 0x150; /* CKR_BUFFER_TOO_SMALL */
		}
		*length = 9000;
		memset(out, 7, 9000);
		return 0;
	case 2: /* more than any blob */
		*length = 1ul << 40;
		return 0x150;
	case 3: /* longer than its room */
		*length = 1ul << 40;
		return 0;
	case 4: /* NSS softoken, had it been asked for the length */
		*length = 20;
		return 0x150;
	case 5:
		return 0x6A; /* CKR_KEY_UNEXTRACTABLE */
	}
	if (m->type == 0x1054) { /* AES bits, and what stands at the pointer */
		shown[4] = p[0];
		p = (unsigned long *)p[1];
	}
	if (m->type == 0x9 || m->type == 0x1054) {
		shown[5] = p[0] << 32 | p[1] << 16 | p[2];
		shown[6] = p[3] | p[4];
	}
	if (m->type == 0x1087) { /* the first byte of the IV, its length in bytes and bits, the tag */
		shown[4] = *(unsigned char *)p[0];
		shown[5] = p[1] << 32 | p[2] << 16 | p[5];
		shown[6] = p[3] | p[4];
	}
	if (m->type == 0x1085)
		shown[4] = *(unsigned char *)p;
	memcpy(out, shown, *length = sizeof shown);
	return 0;
}

#if MODE == 5
unsigned long C_Initialize(void)
{
	return not_supported();
}
#else
unsigned long C_GetFunctionList(struct list **out)
{
	static struct list all;
	for (size_t i = 0; i < sizeof all.function / sizeof *all.function; i++)
		all.function[i] = (void *)not_supported;
	if (MODE == 1)
		return 5; /* CKR_GENERAL_ERROR */
	if (MODE == 3)
		exit(0);
	all.function[60] = MODE == 6 ? (void *)wrap : NULL;
	*out = MODE == 4 || MODE == 6 ? &all : NULL;
	return 0;
}
#endif
