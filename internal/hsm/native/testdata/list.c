/*
 * Libraries whose C_GetFunctionList goes wrong: MODE 1 returns CKR_GENERAL_ERROR,
 * 2 gives no list, 3 ends the process, 4 gives a list without C_WrapKey; 5 does not
 * have the function.
 */
#include <stddef.h>
#include <stdlib.h>

struct list {
	unsigned char version[2];
	void *function[68];
};

static unsigned long not_supported(void)
{
	return 0x54; /* CKR_FUNCTION_NOT_SUPPORTED */
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
	all.function[60] = NULL;
	*out = MODE == 4 ? &all : NULL;
	return 0;
}
#endif
