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

/*
 * entry.so, a seed of FuzzOwnName, is the same for ELF, built by
 *   gcc -shared -fPIC -nostdlib -s -Wl,--build-id=none,-z,noseparate-code,-soname,entry.so -D'__declspec(x)=' -o entry.so dll.c
 */
