/*
 * Switches from a file: lines NAME=VALUE of PATH.conf, where PATH is the shim's. They reach processes whose
 * environment is not the test's, such as the second process of a probe. The file is read once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "shim.h"

static char text[4096]; /* lines, each with a NUL in place of its end */
static size_t length;

static void read_once(void)
{
	Dl_info own;
	char path[4096];
	FILE *file;
	if (!dladdr(text, &own) || snprintf(path, sizeof path, "%s.conf", own.dli_fname) >= (int)sizeof path)
		return;
	if (!(file = fopen(path, "r")))
		return;
	length = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\n')
			text[i] = 0;
}

const char *configured(const char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t n = strlen(name);
	pthread_once(&once, read_once);
	for (const char *line = text; line < text + length; line += strlen(line) + 1)
		if (!strncmp(line, name, n) && line[n] == '=')
			return line + n + 1;
	return NULL;
}
