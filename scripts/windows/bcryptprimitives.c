/*
 * The one function of bcryptprimitives.dll that Go's runtime calls. Wine has that
 * library from 9.0 on, Debian 12 has Wine 8. Built by prefix.sh; Windows has its own.
 */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE to, SIZE_T size)
{
	while (size > 0) {
		ULONG part = size < 1 << 20 ? (ULONG)size : 1 << 20;
		if (!RtlGenRandom(to, part))
			return FALSE;
		to += part;
		size -= part;
	}
	return TRUE;
}
