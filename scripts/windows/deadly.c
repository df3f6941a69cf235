// A PKCS#11 library that ends its process in C_Initialize, in the way that DEED is:
// what a supervisor is for. See offline-ceremony.sh.
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long die(void *args)
{
	(void)args;
	puts("about to end");
	fflush(stdout);
	DEED;
	return 5; // CKR_GENERAL_ERROR
}

static unsigned long never(void) { return 0x54; } // CKR_FUNCTION_NOT_SUPPORTED

// The function list of PKCS#11 v2.40, packed as on Windows: C_Initialize is the first.
#pragma pack(push, 1)
static struct {
	unsigned char version[2];
	void *function[68];
} list = { { 2, 40 }, { NULL } };
#pragma pack(pop)

__declspec(dllexport) unsigned long C_GetFunctionList(void **out)
{
	for (int i = 0; i < 68; i++)
		list.function[i] = never;
	list.function[0] = die;
	*out = &list;
	return 0;
}
