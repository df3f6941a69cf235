/*
 * The DLLs of dll_test.go, built by
 *   x86_64-w64-mingw32-gcc -shared -nostdlib -s -Wl,-e,0,--no-insert-timestamp -DENTRY=C_GetFunctionList -o entry.dll dll.c
 * and, as other.dll, without -DENTRY.
 */
#ifndef ENTRY
#define ENTRY C_GetInfo
#endif

__declspec(dllexport) long ENTRY(void **list)
{
	*list = 0;
	return 0;
}
