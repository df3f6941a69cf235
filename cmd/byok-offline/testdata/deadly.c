/*
 * A PKCS#11 library that hands every call to another one (-DREAL="FILE"), except
 * for one where it ends its process, corrupts its memory, or never returns:
 *
 * BYOK_DEADLY_AT=constructor, list, or a function's place in CK_FUNCTION_LIST
 * BYOK_DEADLY_HOW=the name of a way in ways[]
 * BYOK_DEADLY_MARK=FILE   is made before
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *told(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

static char *volatile block, *volatile other;
static volatile int number, *volatile nothing;
static jmp_buf gone;

static void leaves(void) { _exit(0); }
static void leaves_politely(void) { exit(0); }
static void becomes_another(void) { execl("/bin/true", "true", (char *)NULL); }
static void aborts(void) { abort(); }
static void reads_nothing(void) { number = *nothing; }
static void jumps_to_nothing(void) { ((void (*volatile)(void))0)(); }

static void frees_twice(void)
{
	block = malloc(100);
	other = malloc(100);
	free(block);
	free(block);
}

static void smashes_the_heap(void)
{
	block = malloc(3000);
	other = malloc(3000);
	memset(block, 0x41, 3200);
	free(other);
	free(block);
}

static __attribute__((noinline)) void writes(char *to, int length)
{
	for (int i = 0; i < length; i++)
		((volatile char *)to)[i] = 0x41;
}

static __attribute__((noinline, optimize("stack-protector-all"))) void smashes_the_stack(void)
{
	char small[16];
	writes(small, 64);
	number = small[number & 15];
}

static __attribute__((noinline)) int deeper(volatile char *above)
{
	volatile char here[4096];
	here[0] = above[0];
	return deeper(here) + here[0];
}

static void overflows_the_stack(void)
{
	char first = 0;
	number = deeper(&first);
}

static __attribute__((noinline)) void sets(void) { number = setjmp(gone); }

static void jumps_long(void)
{
	sets();
	memset(&gone, 0x41, sizeof gone);
	longjmp(gone, 1);
}

static void *crashes(void *unused)
{
	reads_nothing();
	return unused;
}

static void crashes_in_a_thread(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, crashes, NULL);
	pthread_join(thread, NULL);
}

static void raises(int s) { kill(getpid(), s), pause(); }
static void raises_kill(void) { raises(SIGKILL); }
static void raises_segv(void) { raises(SIGSEGV); }
static void raises_bus(void) { raises(SIGBUS); }
static void raises_fpe(void) { raises(SIGFPE); }
static void raises_ill(void) { raises(SIGILL); }
static void raises_sys(void) { raises(SIGSYS); }
static void raises_trap(void) { raises(SIGTRAP); }
static void raises_abrt(void) { raises(SIGABRT); }

static void raises_undisturbed(void)
{
	signal(SIGTERM, SIG_DFL);
	raises(SIGTERM);
}

static void never_returns(void)
{
	while (1)
		pause();
}

#define WAY(name) {#name, name}
static const struct { const char *name; void (*work)(void); } ways[] = {
	WAY(leaves), WAY(leaves_politely), WAY(becomes_another), WAY(aborts), WAY(reads_nothing), WAY(jumps_to_nothing),
	WAY(frees_twice), WAY(smashes_the_heap), WAY(smashes_the_stack), WAY(overflows_the_stack), WAY(jumps_long),
	WAY(crashes_in_a_thread), WAY(raises_kill), WAY(raises_segv), WAY(raises_bus), WAY(raises_fpe), WAY(raises_ill),
	WAY(raises_sys), WAY(raises_trap), WAY(raises_abrt), WAY(raises_undisturbed), WAY(never_returns),
};

static unsigned long end(void)
{
	int mark = open(told("BYOK_DEADLY_MARK"), O_WRONLY | O_CREAT, 0600);
	if (mark >= 0)
		close(mark);
	for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
		if (!strcmp(ways[i].name, told("BYOK_DEADLY_HOW")))
			ways[i].work();
	return 5; /* CKR_GENERAL_ERROR */
}

static int at(const char *where) { return !strcmp(told("BYOK_DEADLY_AT"), where); }

__attribute__((constructor)) static void constructed(void)
{
	if (at("constructor"))
		end();
}

/* CK_FUNCTION_LIST: a version, and 68 functions. */
static struct list {
	unsigned char version[2];
	unsigned long (*functions[68])(void);
} list;

unsigned long C_GetFunctionList(struct list **functions)
{
	void *library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
	unsigned long (*real)(struct list **) = library ? (unsigned long (*)(struct list **))dlsym(library, "C_GetFunctionList") : NULL;
	struct list *its;
	if (at("list"))
		return end();
	if (!real || real(&its))
		return 5;
	list = *its;
	if (*told("BYOK_DEADLY_AT"))
		list.functions[atoi(told("BYOK_DEADLY_AT"))] = end;
	*functions = &list;
	return 0;
}
